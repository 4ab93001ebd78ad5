"""The figures of an incident in words: how much, since when, how fast, what is left and when it runs out."""

from __future__ import annotations

from typing import Final

from service.facts import Incident
from service.money import spoken
from service.phrases import DETAIL_MAX, called, capital, line, listed, moment, named, percent, shown, span, times

_RUNNING_FIRST: Final = 3


def lead(incident: Incident) -> str:
    """What happens, in a sentence or two: what was seen, and for a budget how fast it goes and when it runs out."""
    seen = capital(shown(incident.detail, DETAIL_MAX))
    return " ".join(part for part in (seen and f"{seen.rstrip('.')}.", _pace(incident), _outlook(incident)) if part)


def figures(incident: Incident) -> tuple[tuple[str, str], ...]:
    """Label and value of each figure that is known, in the order they are asked for."""
    rows = (
        ("Spent", _spent(incident)),
        ("Left", _left(incident)),
        ("Runs out", _runs_out(incident)),
        ("Period ends", _ends(incident)),
        ("Lines", _lines(incident)),
        ("Open since", f"{moment(incident.opened_ms)} ({span(incident.time_ms - incident.opened_ms)})"),
        ("Executions", listed(incident.executions, _RUNNING_FIRST)),
        ("Owner", shown(incident.owner) or "nobody is named in the policy"),
    )
    return tuple((label, value) for label, value in rows if value)


def _spent(incident: Incident) -> str:
    spent = spoken(incident.spend_nanos)
    if incident.limit_nanos:
        return f"{spent} of {spoken(incident.limit_nanos)}, that is {percent(incident.spend_nanos * 1000 // incident.limit_nanos / 1000)} used"
    expected = incident.spend_nanos - incident.excess_nanos
    if incident.excess_nanos and expected >= 0:
        return f"{spent}, where {spoken(expected)} was expected"
    return spent


def _left(incident: Incident) -> str:
    if incident.limit_nanos is None:
        return ""
    left = incident.limit_nanos - incident.spend_nanos
    return spoken(left) if left >= 0 else f"nothing, {spoken(-left)} over the limit"


def _runs_out(incident: Incident) -> str:
    if incident.runs_out_ms is None or _exhausted(incident):
        return ""
    early, likely, late = incident.runs_out_ms
    return f"{moment(likely)} (between {moment(early)} and {moment(late)})"


def _ends(incident: Incident) -> str:
    end = incident.period_end_ms
    if end is None:
        return ""
    left = end - incident.time_ms
    return f"{moment(end)}, {f'in {span(left)}' if left > 0 else 'already over'}"


def _lines(incident: Incident) -> str:
    """Which lines of the budget were crossed, as shares of its limit that are used."""
    if incident.threshold is None:
        return ""
    lower = [f"{line(each)} %" for each in sorted(incident.thresholds) if each != incident.threshold]
    crossed = f"{line(incident.threshold)} % of the limit used"
    return f"{crossed} (also crossed: {', '.join(lower)})" if lower else crossed


def _pace(incident: Incident) -> str:
    if incident.pace is None or not incident.limit_nanos or incident.period_end_ms is None:
        return ""
    name = f"budget {named(incident.budget)}" if incident.budget else f"the budget of {called(incident.scope)}"
    if incident.pace >= 1.05:
        return f"{capital(name)} is going {times(incident.pace)} as fast as planned."
    return f"{capital(name)} is going {'as planned' if incident.pace >= 0.95 else 'slower than planned'}."


def _outlook(incident: Incident) -> str:
    """Whether the money lasts and how much time is left to act; a range becomes its careful end."""
    if incident.period_end_ms is None or incident.time_ms >= incident.period_end_ms:
        return ""
    if _exhausted(incident):
        return f"Nothing is left for the {span(incident.period_end_ms - incident.time_ms)} until the period ends."
    if incident.runs_out_ms is None:
        return ""
    early, likely, _ = incident.runs_out_ms
    before = incident.period_end_ms - likely
    if before <= 0:
        return "At this pace the money lasts until the period ends."
    act = f"that leaves at least {span(early - incident.time_ms)} to act" if early > incident.time_ms else "there may be no time left to act"
    return f"At this pace the money runs out {span(before)} before the period ends; {act}."


def _exhausted(incident: Incident) -> bool:
    return incident.limit_nanos is not None and incident.spend_nanos >= incident.limit_nanos
