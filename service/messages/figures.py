"""The figures of an incident in words: how much, since when, how fast, what is left and when it runs out."""

from __future__ import annotations

from typing import Final

from service.facts import LONG_RUN, Incident, Kind
from service.money import NANO, spoken
from service.phrases import DETAIL_MAX, called, capital, line, listed, moment, named, percent, shown, span, times
from service.warden.titles import usual_nanos

_RUNNING_FIRST: Final = 3
_SECOND_MS: Final = 1000
_COUNTED: Final = {
    Kind.EXECUTION_CAP: "the limit is",
    Kind.LOOP: "usually",
    LONG_RUN: "expected at most",
    Kind.FAN_OUT: "expected at most",
    Kind.CONTEXT_GROWTH: "expected at most",
}


def lead(incident: Incident) -> str:
    """What happens, in a sentence or two: what was seen, and for a budget how fast it goes and when it runs out."""
    return " ".join(part for part in (_seen(incident), _pace(incident), _outlook(incident)) if part)


def figures(incident: Incident) -> tuple[tuple[str, str], ...]:
    """Label and value of each figure that is known, in the order they are asked for."""
    rows = (
        ("Spent", _spent(incident)),
        ("Left", _left(incident)),
        ("Runs out", _runs_out(incident)),
        ("Period ends", _ends(incident)),
        ("Lines", _lines(incident)),
        _open(incident),
        ("Executions", listed(incident.executions, _RUNNING_FIRST)),
        ("Owner", shown(incident.owner) or "nobody is named in the policy"),
    )
    return tuple((label, value) for label, value in rows if value)


def _seen(incident: Incident) -> str:
    """What was found last; what a rule counted stands with it, but for a run's money, which the figures and the title tell as it is by now."""
    what = incident.detail
    found = next((each for each in incident.evidence if each.detail == what and each.detector in _COUNTED), None)
    if found is not None and incident.limit_nanos is not None and incident.limit_nanos == round(found.expected * NANO):
        return ""
    if found is not None:
        what = f"{what}: {_number(found.observed)}, {_COUNTED[found.detector]} {_number(found.expected)}"
    return what and f"{capital(shown(what, DETAIL_MAX)).rstrip('.')}."


def _number(value: float) -> str:
    """Hundredths, where they tell something.

    >>> _number(41.0), _number(2.4183), _number(12_345.0)
    ('41', '2.42', '12,345')
    """
    return line(round(value, 2 if value < 100 else 0))


def _open(incident: Incident) -> tuple[str, str]:
    since, lasted = moment(incident.opened_ms), span(incident.time_ms - incident.opened_ms)
    if incident.state == "resolved":
        return "Was open", f"{since} to {moment(incident.time_ms)} ({lasted})"
    return "Open since", since if incident.time_ms < incident.opened_ms + _SECOND_MS else f"{since} ({lasted})"


def _spent(incident: Incident) -> str:
    spent = spoken(incident.spend_nanos)
    if incident.limit_nanos:
        return f"{spent} of {spoken(incident.limit_nanos)}, that is {percent(incident.spend_nanos * 1000 // incident.limit_nanos / 1000)} used"
    expected = usual_nanos(incident)
    return f"{spent}, where {spoken(expected)} was expected" if incident.excess_nanos and expected > 0 else spent


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
