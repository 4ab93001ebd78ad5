"""What people did about an incident, in words: who and when, and why where a reason was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from service.facts import Act, Incident
from service.phrases import DETAIL_MAX, capital, moment, named, shown, spelt

_WORDS: Final = {
    "acknowledge": "Acknowledged",
    "snooze": "Snoozed",
    "expected": "Called expected",
    "not_useful": "Called not useful",
    "real": "Called a real problem",
    "note": "Noted",
    "pause": "Pause ordered",
    "throttle": "Throttling ordered",
    "degrade": "A smaller model ordered",
    "resume": "Resume ordered",
    "ticket": "Ticket asked for",
}


def people(incident: Incident, who: Callable[[str], str] = named) -> tuple[str, ...]:
    """A line for each thing that was done, the oldest first; `who` writes a name as its medium does."""
    return tuple(f"{_what(act)} {signed(act, who)}." for act in incident.acts)


def signed(act: Act, who: Callable[[str], str] = named) -> str:
    """Who did it and when, and why where a reason was given.

    >>> signed(Act(1_763_562_840_000, "resume", "maria", reason="fixed", approved_by="li"))
    'by maria and li on Wed 19 Nov 14:34 UTC (fixed)'
    """
    names = " and ".join(who(name) for name in dict.fromkeys((act.by, act.approved_by)) if name)
    return f"by {names} on {moment(act.time_ms)}" + (f" ({shown(act.reason, DETAIL_MAX)})" if act.reason else "")


def resumption(incident: Incident) -> Act | None:
    """The act by which a person ended what was ordered last."""
    since_ms = incident.ordered.time_ms if incident.ordered is not None else 0
    return next((act for act in incident.acts if act.what == "resume" and act.time_ms >= since_ms), None)


def _what(act: Act) -> str:
    words = _WORDS.get(act.what) or capital(spelt(act.what))
    return f"{words} until {moment(act.until_ms)}" if act.what == "snooze" and act.until_ms is not None else words
