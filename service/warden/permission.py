"""Whether something may be stopped without a person: the allow list, the least loss, the rations, the blast radius. Each refusal has a name."""

from __future__ import annotations

from typing import Final

from service.facts import HOUR_MS, TOTAL, Scope
from service.warden.state import Episode, Tenant, Warden

STANDING: Final = "standing"  # no hindrance: what is asked for is ordered already


def hindered(w: Warden, t: Tenant, episode: Episode, scope: Scope, loss_nanos: int | None) -> str:
    """The named reason why not; empty when it may. `loss_nanos` None: the limit itself asked for it."""
    if t.released.get(scope, 0) > w.now_ms:
        return "released"
    if scope in t.tracked:
        return STANDING
    if not w.plan.allows(scope, {**episode.attributes, "tenant": t.name}):
        return "not_allowed"
    if loss_nanos is not None and loss_nanos < w.plan.min_loss_nanos:
        return "below_min_loss"
    return _rationed(w, t, episode, scope)


def _rationed(w: Warden, t: Tenant, episode: Episode, scope: Scope) -> str:
    """Which of the limits on what is stopped without a person is reached; empty while none is."""
    lately = w.now_ms - HOUR_MS
    if len([at for at in t.ordered_ms if at > lately]) >= w.plan.per_hour:
        return "per_hour"
    unit, most = unit_of(episode, scope), w.plan.per_hour_per_unit
    if unit and most is not None and len([each for each in t.orders.values() if each.business_unit == unit and not each.by and each.at_ms > lately]) >= most:
        return "per_hour_per_business_unit"
    return "blast_radius" if w.plan.max_usual_share is not None and _usual_share(t, scope) > w.plan.max_usual_share else ""


def unit_of(episode: Episode, scope: Scope) -> str:
    """The business unit that an order on this scope stops; empty where none is known."""
    return scope.name if scope.kind == "business_unit" else episode.attributes.get("business_unit", "")


def _usual_share(t: Tenant, scope: Scope) -> float:
    """The percentage of all spend that usually is the scope's; 0 for what has no usual spend of its own, as a run."""
    own, total = t.series.get(scope), t.series.get(TOTAL)
    whole = total.baseline.nanos if total is not None else 0
    return 100 * own.baseline.nanos / whole if own is not None and whole > 0 else 0.0
