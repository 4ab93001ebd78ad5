"""Facts become what a picture says of them: a title, a mark, a pause, and the bars of a cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from service.books import OrderStory
from service.facts import Incident, Kind, OrderState, Scope
from service.messages.causes import Portion, changed, portions, where
from service.messages.remedies import verbs
from service.money import spoken
from service.phrases import called, capital, span, spelt
from service.plots.chart import Bar, Halt, Mark, Why
from service.plots.words import clock
from service.warden.titles import headline_kind, title

BARS_MAX: Final = 6
UNITS_PER_USD: Final = {2: 100, 4: 10_000}
_BUDGET: Final = frozenset({Kind.BUDGET_THRESHOLD, Kind.BUDGET_FORECAST})
_STOPPED_NOTHING: Final = {"refused": "was refused", "expired": "was not obeyed in time", "failed": "failed, it goes on spending"}


def heading(incident: Incident) -> str:
    """What happened, in words and money."""
    return title(incident, "opened")


def mark(incident: Incident) -> Mark:
    """An alert by its kind, when it opened; a budget's then passed its first line, and which it has passed since is for the title."""
    kind = headline_kind(incident, "opened")
    return Mark(at_ms=incident.opened_ms, text="budget" if kind in _BUDGET else spelt(kind))


def marks(incidents: Iterable[Incident], apart_ms: int) -> tuple[Mark, ...]:
    """Alerts by their time; those of one kind that lie closer together than that are one mark that counts them, at the first."""
    found: list[tuple[Mark, int]] = []
    for incident in incidents:
        this = mark(incident)
        near = next((n for n, (other, _) in enumerate(found) if other.text == this.text and this.at_ms - other.at_ms < apart_ms), None)
        if near is None:
            found.append((this, 1))
        else:
            found[near] = (found[near][0], found[near][1] + 1)
    return tuple(it if count == 1 else replace(it, text=f"{it.text} ({count})") for it, count in found)


def halt(story: OrderStory, all_orders: Iterable[OrderStory], scope: Scope, until_ms: int) -> Halt:
    """An order to stop or slow down, as far as it has come, until it was resumed or ran out; at most until the picture's end."""
    order = story.order
    resumed = [it.order.time_ms for it in all_orders if it.order.action == "resume" and it.order.scope == order.scope and it.order.sequence > order.sequence]
    proof = next((state for state in story.states if state.state == "effective"), None)
    undone = order.mode == "enforce" and proof is None and story.state in _STOPPED_NOTHING
    return Halt(
        from_ms=order.time_ms,
        to_ms=order.time_ms if undone else min([order.expires_ms, until_ms, *resumed]),
        text=_halted(story, proof, "" if order.scope == scope else f" one {spelt(order.scope.kind)}"),
        sent=order.mode == "enforce" and not undone,
        proved_ms=proof.time_ms if proof is not None else None,
    )


def _halted(story: OrderStory, proof: OrderState | None, whom: str) -> str:
    order, when = story.order, clock(story.order.time_ms)
    done = verbs(order.action)[0]
    if order.mode != "enforce":
        return f"Would have {done.lower()}{whom} {when} (observe only)"
    if proof is not None:
        after = f"{spoken(proof.overshoot_nanos)} spent in between" if proof.overshoot_nanos else "nothing spent in between"
        return f"{done}{whom} {when}, proved {span(proof.time_ms - order.time_ms)} later, {after}"
    match story.state:
        case "accepted":
            return f"{done}{whom} {when}, stop not proved yet"
        case "refused" | "expired" | "failed":
            return f"Order of {when} to {order.action}{whom} {_STOPPED_NOTHING[story.state]}"
        case _:
            return f"Order of {when} to {order.action}{whom} is not confirmed yet"


def why(incident: Incident) -> Why | None:
    """What made the difference, in dollars that add up; None where nothing was lost."""
    if incident.cause is None:
        return None
    head, parts = portions(incident.cause)
    if not parts:
        return None
    per_usd = UNITS_PER_USD[len(parts[0].dollars.rpartition(".")[2])]
    return Why(
        head=head,
        bars=tuple(_bar(part, per_usd) for part in _few(parts, per_usd)),
        carriers=(*where(incident.cause.dimensions), *changed(incident.cause.changes)),
    )


def _few(parts: list[Portion], per_usd: int) -> list[Portion]:
    """The largest, and all others as one, so that they still add up."""
    if len(parts) <= BARS_MAX:
        return parts
    rest = sum(part.units for part in parts[BARS_MAX - 1 :])
    places = len(str(per_usd)) - 1
    return [*parts[: BARS_MAX - 1], *([] if not rest else [Portion(f"{len(parts) - BARS_MAX + 1} smaller ones", rest, f"${abs(rest) / per_usd:,.{places}f}")])]


def _bar(part: Portion, per_usd: int) -> Bar:
    return Bar(text=part.words, usd=part.units / per_usd, dollars=f"{part.sign}{part.dollars}")


def calm(scope: Scope, nanos: int, *, usual: bool) -> str:
    """The title where no incident is told."""
    return f"{capital(called(scope))} spent {spoken(nanos)}{', within its usual range' if usual else ''}"
