"""The one line a person reads first: what happens, to whom, and how much money it is about.

Law of this file: only the notice that tells a budget line has a percentage in its title, and it is the highest line it tells.
Alarms are sentences; what is settled is named in a word. Two notices of one incident differ in reason or in the money they name.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from service.facts import Incident, Kind, Ordered, Report, Scope, Spent
from service.money import spoken, told
from service.phrases import called, capital, day, line, moment, named, percent, span, spelt, times

LINE_REASONS: Final = frozenset({"opened", "line_crossed"})
_SETTLED: Final = frozenset(
    {"acknowledged", "snoozed", "resolved", "verdict", "planned", "note", "pause_ordered", "throttle_ordered", "degrade_ordered", "resume_ordered", "ticket"}
)
_ORDER_ENDS: Final = {
    "effective": "has stopped: the {action} works",
    "refused": "was not stopped: the order to {action} it was refused",
    "expired": "was not stopped: the order to {action} it ran out before anyone obeyed",
    "failed": "was not stopped: the order to {action} it did not get through",
}
_UNSTOPPED: Final = frozenset({"order_failed", "undelivered"})  # ... and an order is still on its way
_ORDER_REASONS: Final = frozenset({*_ORDER_ENDS, "order_failed"})
_PREFIXES: Final = {"worse": "Getting worse: ", "escalated": "Escalated: ", "reopened": "Back again: ", "new_finding": "Also: "}

# The first of these that an incident holds gives its title: the graver and the more telling come first.
_SAYS: Final = {
    Kind.PAUSE_IGNORED: "keeps spending although it was paused",
    Kind.LEAKED_KEY: "is used by someone new and may be stolen",
    Kind.LOOP: "repeats itself in a loop",
    Kind.RETRY_STORM: "retries failing calls again and again",
    Kind.FAN_OUT: "starts far more child executions than usual",
    Kind.EXECUTION_CAP: "goes beyond what one execution may",
    Kind.CONTEXT_GROWTH: "sends more context with every step",
    Kind.CACHE_BREAK: "has lost its prompt cache and pays full price for its input",
    Kind.MODEL_SWAP: "is served by a different model than expected",
    Kind.PROMPT_BLOAT: "sends much longer prompts than before",
    Kind.PRICE_CHANGE: "pays different prices than before",
    Kind.VOLUME_SURGE: "makes far more calls than usual",
    Kind.SPEND_ANOMALY: "spends far more than usual",
    Kind.SLOW_DRIFT: "costs a little more every day",
    Kind.BUDGET_FORECAST: "will probably use up its budget before the period ends",
    Kind.BUDGET_THRESHOLD: "is using up its budget",  # or has, see `_says`
    Kind.TOKEN_QUOTA: "has used up its token quota",
    Kind.FLAT_LINE: "has gone quiet and spends nothing",
    Kind.UNPRICED: "uses a model without a known price",
    Kind.UNATTRIBUTED: "spends money that no owner is named for",
    Kind.TIER_VIOLATION: "uses a dearer class of model than the policy allows",
    Kind.BATCH_VIOLATION: "pays full price for work that could run as a batch",
}
_BUDGET: Final = frozenset({Kind.BUDGET_THRESHOLD, Kind.BUDGET_FORECAST})


def reported(report: Report) -> str:
    """What a report is about: whose spend, when, how much, and how that compares with the period before."""
    zone, total = ZoneInfo(report.timezone), report.total
    digest = report.kind == "digest"
    when = f"on {day(report.start_ms, zone)}" if digest else f"in the week from {day(report.start_ms, zone)} to {day(report.end_ms - 1, zone)}"
    whose = "All AI spend" if report.owner is None else f"AI spend of {named(report.owner)}" if report.owner else "AI spend that nobody owns"
    return f"{whose} {when}: {spoken(total.nanos)}{compared(total)}"


def compared(spent: Spent) -> str:
    """How much more or less than in the period before, where that is known.

    >>> compared(Spent("", 150, 100)), compared(Spent("", 50, 100)), compared(Spent("", 50, 0)), compared(Spent("", 50))
    (', 50 % more than before', ', 50 % less than before', ', nothing before', '')
    >>> compared(Spent("", 620, 100))
    ', 6.2 times as much as before'
    """
    if spent.before_nanos is None:
        return ""
    if spent.before_nanos <= 0:
        return ", nothing before" if spent.nanos else ""
    change = spent.nanos / spent.before_nanos - 1
    if change >= 1:
        return f", {times(change + 1)} as much as before"
    return f", {percent(abs(change))} {'more' if change > 0 else 'less'} than before" if abs(change) >= 0.0005 else ", as before"


def usual_nanos(incident: Incident) -> int:
    """What was expected of it, so that what was spent, what was expected and what is more than that add up as they are shown."""
    return told(incident.spend_nanos) - told(incident.excess_nanos)


def tells_line(incident: Incident, reason: str) -> bool:
    """Whether a notice given for this reason tells a budget line: then, and only then, it carries `budget` and `threshold`."""
    return incident.threshold is not None and reason in LINE_REASONS


def title(incident: Incident, reason: str) -> str:
    """The title of a notice about this step of an incident, given for this reason; names from outside are made safe and short."""
    kind = headline_kind(incident, reason)
    who = called(_subject(incident, kind))
    if tells_line(incident, reason):
        return f"{capital(who)} has passed {line(incident.threshold or 0.0)} % of {_budget(incident)}: {_money(incident, kind)}"
    if reason in _ORDER_REASONS and incident.ordered is not None and incident.ordered.state in _ORDER_ENDS:
        return _order_end(incident, incident.ordered, kind)
    if reason in _UNSTOPPED and incident.ordered is not None:
        return _unstopped(incident, incident.ordered, kind)
    if reason in _SETTLED:
        return f"{capital(spelt(reason))}: {_noun(incident, kind)} of {who}, {_money(incident, kind)}"
    prefix = _prefix(incident, reason)
    return capital(f"{prefix}{who} {_says(incident, kind)}{',' if prefix else ':'} {_money(incident, kind)}")


def _subject(incident: Incident, kind: Kind) -> Scope:
    """Whom the title speaks of: of a pause that was ignored, what was to be paused."""
    ordered = incident.ordered if kind is Kind.PAUSE_IGNORED else None
    return incident.scope if ordered is None or ordered.scope is None else ordered.scope


def headline_kind(incident: Incident, reason: str) -> Kind:
    """The finding that the title speaks of: the newest where that is what is told, else the most telling one the incident holds.

    An incident without a finding cannot be; it would be a bug of the warden's.
    """
    assert incident.kinds, incident.id
    if reason == "new_finding":
        return incident.kinds[-1]
    return min(incident.kinds, key=_RANK.__getitem__)


_RANK: Final = {kind: rank for rank, kind in enumerate(_SAYS)}


def _prefix(incident: Incident, reason: str) -> str:
    if reason == "reminder":
        return f"Still {incident.state} after {span(incident.time_ms - incident.opened_ms)}: "
    return _PREFIXES.get(reason, "")


def _says(incident: Incident, kind: Kind) -> str:
    expected = usual_nanos(incident)
    if kind is Kind.SPEND_ANOMALY and 0 < 2 * expected <= incident.spend_nanos:
        return f"spends {times(incident.spend_nanos / expected)} its usual"
    if kind is Kind.UNPRICED and (currency := incident.member("currency")):
        return f"pays in {named(currency)}, a currency without a rate"
    if kind in _BUDGET and incident.budget:
        spent = incident.limit_nanos is not None and incident.spend_nanos >= incident.limit_nanos
        return f"has used up {_budget(incident)}" if spent else _SAYS[kind].replace("its budget", _budget(incident))
    return _SAYS[kind]


def _noun(incident: Incident, kind: Kind) -> str:
    return _budget(incident) if kind in _BUDGET else spelt(kind)


def _budget(incident: Incident) -> str:
    return f"budget {named(incident.budget)}" if incident.budget else "its budget"


def _money(incident: Incident, kind: Kind) -> str:
    spent = spoken(incident.spend_nanos)
    if kind is Kind.TOKEN_QUOTA and incident.detail:
        return incident.detail
    if kind is Kind.PAUSE_IGNORED and incident.ordered is not None:
        return f"{spoken(incident.ordered.overshoot_nanos)} since the order"
    if incident.limit_nanos is not None and incident.budget:
        return f"{spent} of {spoken(incident.limit_nanos)} spent"
    if incident.limit_nanos is not None:
        return f"{spent} where {spoken(incident.limit_nanos)} is the limit"
    if kind is Kind.SPEND_ANOMALY and usual_nanos(incident) > 0:
        return f"{spent} where {spoken(usual_nanos(incident))} was expected"
    return f"{spent} since {moment(incident.opened_ms)}"


def _order_end(incident: Incident, ordered: Ordered, kind: Kind) -> str:
    who = called(ordered.scope or incident.scope)
    if ordered.state == "failed" and Kind.PAUSE_IGNORED in incident.kinds:
        return capital(f"{who} {_SAYS[Kind.PAUSE_IGNORED]}, {_money(incident, Kind.PAUSE_IGNORED)}")
    if ordered.state == "effective" and ordered.saved_nanos:
        money = f"about {spoken(ordered.saved_nanos)} an hour saved"
    else:
        money = f"{spoken(ordered.overshoot_nanos)} since the order" if ordered.overshoot_nanos else _money(incident, kind)
    return capital(f"{who} {_ORDER_ENDS[ordered.state].format(action=ordered.action)}, {money}")


def _unstopped(incident: Incident, ordered: Ordered, kind: Kind) -> str:
    who = called(ordered.scope or incident.scope)
    how = f"a second order to {ordered.action} it is on its way" if ordered.second else f"nobody has answered the order to {ordered.action} it"
    return capital(f"{who} has not stopped yet: {how}, {_money(incident, kind)}")
