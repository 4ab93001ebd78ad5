"""What was done about it, or was not: an observed order is told as what would have been done, a sent one never as more than is known."""

from __future__ import annotations

from typing import Final

from service.facts import UNDELIVERED_MS, Incident, Kind, Ordered
from service.messages.acts import resumption
from service.money import spoken
from service.phrases import DETAIL_MAX, called, capital, moment, named, shown, spelt

_WORDS: Final = {
    "pause": ("Paused", "Pausing"),
    "throttle": ("Throttled", "Throttling"),
    "degrade": ("Degraded", "Degrading"),
    "resume": ("Resumed", "Resuming"),
}

_HINDERED: Final = {
    "not_allowed": "the policy does not name it under `pauses: allow:`",
    "below_min_loss": "too little is at stake so far (`pauses: min_loss_usd:`)",
    "per_hour": "this hour's orders without a person are used up (`pauses: per_hour:`)",
    "per_hour_per_business_unit": "its business unit's orders without a person are used up for this hour (`pauses: per_hour_per_business_unit:`)",
    "blast_radius": "too much of all spend usually runs through it (`pauses: max_usual_share:`)",
}


def done(incident: Incident) -> tuple[str, ...]:
    """Lines that say what was done, what it achieved and what is still open."""
    ordered = incident.ordered
    if ordered is None and incident.state != "resolved" and incident.kinds[-1] is Kind.UNPRICED:
        return (_price_it(incident),)
    if ordered is None:
        idle = incident.state == "resolved" or not incident.spend_nanos
        return ("Nothing was stopped: no order was given.",) if idle else (f"Nothing was stopped: {_not_by_itself(incident)}.",)
    who = called(ordered.scope or incident.scope)
    if ordered.mode == "observe":
        return (
            f"Would have {_past(ordered).lower()} {who}{_tier(ordered)} on {moment(ordered.time_ms)}.",
            "Nothing was stopped: the policy says to observe only, so the spending goes on.",
        )
    resumed = resumption(incident)
    if resumed is not None:
        return (_until_resumed(ordered, who), *achieved(ordered, incident.time_ms), f"Resumed on {moment(resumed.time_ms)}: the spending may go on.")
    besides = incident.hindered in _HINDERED and incident.state != "resolved"
    more = (f"What was found there since was not stopped: {_not_by_itself(incident)}.",) if besides else ()
    return (*_step(incident, ordered, who, ignored=Kind.PAUSE_IGNORED in incident.kinds), *more)


def _not_by_itself(incident: Incident) -> str:
    hindrance = _HINDERED.get(incident.hindered)
    return f"{hindrance}, so it is for a person to decide" if hindrance else "it is for a person to decide"


def _price_it(incident: Incident) -> str:
    """What to write into the policy for what has no price; `unpriced` alone has none, whatever else the incident holds."""
    currency = incident.member("currency")
    place = f"a rate for {named(currency)} under `currencies:`" if currency else "its price under `prices: overrides:`"
    return f"Nothing was stopped: it counts as $0 until someone writes {place} in the policy."


def _until_resumed(ordered: Ordered, who: str) -> str:
    when = moment(ordered.time_ms)
    if ordered.state == "effective":
        return f"{_past(ordered)} {who}{_tier(ordered)} on {when}."
    return f"Ordered on {when} to {ordered.action} {who}{_tier(ordered)}; whether it obeyed was not proved."


def _step(incident: Incident, ordered: Ordered, who: str, *, ignored: bool) -> tuple[str, ...]:
    when = moment(ordered.time_ms)
    match ordered.state:
        case "effective":
            return (
                f"{_past(ordered)} {who}{_tier(ordered)} on {when}, and it is proved: no spend since the stop took hold.",
                *achieved(ordered, incident.time_ms),
                _ends(ordered) if not ordered.ended_ms else f"It ended on {moment(ordered.ended_ms)}.",
            )
        case "accepted":
            return (f"{_past(ordered)} {who}{_tier(ordered)}: ordered on {when}, accepted by the orchestrator.", _watching(), _ends(ordered))
        case "refused" | "expired":
            verb = "refused" if ordered.state == "refused" else "not obeyed in time"
            return (f"The order of {when} to {ordered.action} {who} was {verb}{_because(ordered)}.", "Nothing was stopped: the spending goes on.")
        case "failed" if ignored:
            return (f"Ordered on {when} to {ordered.action} {who}, but it goes on spending: {spoken(ordered.overshoot_nanos)} since the order.", _by_hand())
        case "failed":
            return (f"The order of {when} to {ordered.action} {who} failed{_because(ordered)}.", _by_hand())
        case _:
            return _under_way(ordered, who, incident.time_ms)


def _under_way(ordered: Ordered, who: str, now_ms: int) -> tuple[str, ...]:
    """The order was sent, and nobody has said yes to it so far."""
    under_way, until = f"{verbs(ordered.action)[1]} {who}{_tier(ordered)}: ordered on {moment(ordered.time_ms)}", moment(ordered.expires_ms)
    match ordered.state:
        case "requested" if now_ms >= ordered.time_ms + UNDELIVERED_MS:
            first = "the first order led nowhere, and " if ordered.second else ""
            return (f"{under_way}, {first}nobody has answered so far. It is sent again and again until {until}.", _by_hand())
        case "delivered" if ordered.second:
            told = "the first order led nowhere, this one has been got on the second way and is not answered yet"
        case _ if ordered.second:
            told = "the first order led nowhere, this one is on the second way"
        case "delivered":
            told = "the orchestrator has got the order and has not answered yet"
        case _:
            told = "the orchestrator has not confirmed it yet"
    return (f"{under_way}, {told}.", _watching(), f"The order holds until {until} unless someone resumes it.")


def achieved(ordered: Ordered, now_ms: int) -> tuple[str, ...]:
    """What was still spent, and what was not, because of an order that is proved; nothing of any other."""
    if ordered.state != "effective":
        return ()
    spent = (
        f"Between the order and the stop {spoken(ordered.overshoot_nanos)} was still spent."
        if ordered.overshoot_nanos
        else "Between the order and the stop nothing was spent."
    )
    if ordered.saved_nanos is None:
        return (spent,)
    least, most = ordered.avoided(now_ms) or (0, 0)
    if ordered.ended_ms:
        return (spent, f"Avoided at the pace before the order: {_between(least, most)}.")
    if most < ordered.saved_nanos:
        return (spent, f"At the pace before the order, every hour of this saves about {spoken(ordered.saved_nanos)}.")
    return (spent, f"At the pace before the order about {spoken(most)} more would be gone by now; {spoken(least)} had somebody stopped it within an hour.")


def _between(least: int, most: int) -> str:
    """The range of what was avoided.

    >>> _between(2 * 10**9, 2 * 10**9), _between(2 * 10**9, 5 * 10**9)
    ('about $2.00', 'between $2.00 (had somebody stopped it within an hour) and $5.00')
    """
    return f"about {spoken(most)}" if least == most else f"between {spoken(least)} (had somebody stopped it within an hour) and {spoken(most)}"


def verbs(action: str) -> tuple[str, str]:
    """What an order does, as done and as under way.

    >>> verbs("pause")
    ('Paused', 'Pausing')
    """
    return _WORDS.get(action, (capital(spelt(action)), capital(spelt(action))))


def _past(ordered: Ordered) -> str:
    return verbs(ordered.action)[0]


def _tier(ordered: Ordered) -> str:
    return f" to tier {named(ordered.tier)}" if ordered.tier else ""


def _because(ordered: Ordered) -> str:
    return f" ({shown(ordered.reason, DETAIL_MAX)})" if ordered.reason else ""


def _ends(ordered: Ordered) -> str:
    return f"It stays so until {moment(ordered.expires_ms)} unless someone resumes it."


def _watching() -> str:
    return "The spend is being watched until it has really stopped."


def _by_hand() -> str:
    return "Someone has to stop it by hand, now."
