"""What a policy says that is no mistake and still will not do what its author thinks: orders that nobody may give or hears."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from service.policy.limits import Cap, Quota
from service.policy.mistakes import Mistake
from service.policy.model import Policy
from service.policy.scopes import ALL, ScopePattern
from service.policy.secret_references import secret_warnings

ORDERS: Final = frozenset({"pause", "throttle", "degrade"})
_RUN: Final = ScopePattern((("execution", ALL),))  # a cap orders about the run that broke it


def advice(policy: Policy, lookup: Callable[[str], str | None], couriers: Collection[str]) -> list[Mistake]:
    """Everything a person should look at, by its path; `lookup` resolves secrets, `couriers` are the kinds of receiver that work.

    >>> from service.policy.loading import load
    >>> policy = load("budgets: [{name: a, scope: {agent: '*'}, period: day, limit_usd: 5, pause_at: 100}]")
    >>> [warning.path for warning in advice(policy, str, ())]
    ['budgets[0].pause_at']
    """
    return [*secret_warnings(policy, lookup), *_unreachable(policy, couriers), *_deaf(policy), *_forbidden(policy), *_nameless(policy), *_unheard(policy)]


def _unreachable(policy: Policy, couriers: Collection[str]) -> Iterator[Mistake]:
    for index, receiver in enumerate(policy.receivers):
        if receiver.kind not in couriers:
            yield Mistake(
                f"receivers[{index}].kind", f"there is no courier for `{receiver.kind}` yet, so {receiver.name} hears nothing; there are {', '.join(couriers)}"
            )


def _deaf(policy: Policy) -> Iterator[Mistake]:
    """Notices led to receivers that take orders only, and orders to those that take notices only."""
    takes = {receiver.name: receiver.takes for receiver in policy.receivers}
    told = [(f"routes[{at}].to", route.to) for at, route in enumerate(policy.routes)]
    told += [(f"owners[{at}].escalate_to", owner.escalate_to) for at, owner in enumerate(policy.owners)]
    told += [(f"reports[{at}].to", report.to) for at, report in enumerate(policy.reports)]
    for path, names in told:
        for index, name in enumerate(names):
            if takes.get(name) == "orders":
                yield Mistake(f"{path}[{index}]", f"{name} takes orders only, so no notice reaches it; give it `takes: all`")
    for index, name in enumerate(policy.pauses.second_route):
        if takes.get(name) == "notices":
            yield Mistake(f"pauses.second_route[{index}]", f"{name} takes notices only, so no order reaches it; give it `takes: orders`")


def _forbidden(policy: Policy) -> Iterator[Mistake]:
    """Limits that order by themselves what `pauses.allow` never lets happen."""
    for path, word, pattern in _ordering(policy):
        if not any(_may_reach(entry, pattern) for entry in policy.pauses.allow):
            yield Mistake(path, f"nothing will be ordered: no entry of pauses.allow lets {pattern} be stopped ({word}); add {_allowing(pattern)}")


def _ordering(policy: Policy) -> Iterator[tuple[str, str, ScopePattern]]:
    """Path, what it asks for, and about whom the order would be."""
    for index, budget in enumerate(policy.budgets):
        if budget.pause_at is not None:
            yield f"budgets[{index}].pause_at", "pause", ScopePattern((budget.scope.focus,), budget.scope.tenant)
    for index, cap in enumerate(policy.caps):
        if cap.action in ORDERS:
            yield f"caps[{index}].action", cap.action, _RUN._replace(tenant=cap.scope.tenant)
    for index, quota in enumerate(policy.quotas):
        if quota.action in ORDERS:
            yield f"quotas[{index}].action", quota.action, ScopePattern((quota.scope.focus,), quota.scope.tenant)


def _nameless(policy: Policy) -> Iterator[Mistake]:
    """Limits that degrade without saying to what."""
    degrading: list[tuple[str, Cap | Quota]] = [*((f"caps[{at}]", cap) for at, cap in enumerate(policy.caps))]
    degrading += [(f"quotas[{at}]", quota) for at, quota in enumerate(policy.quotas)]
    for path, entry in degrading:
        if entry.action == "degrade" and entry.tier is None:
            yield Mistake(f"{path}.tier", "the order will not say to which tier; name one, such as `tier: small`")


def _may_reach(allowed: ScopePattern, ordered: ScopePattern) -> bool:
    """Whether an entry of the allow list covers a member that the order may be about; what else is known of it may fulfil conditions."""
    if allowed.tenant and ordered.tenant and allowed.tenant != ordered.tenant:
        return False
    return allowed.kind == ordered.kind and (ALL in (allowed.name, ordered.name) or allowed.name == ordered.name)


def _allowing(pattern: ScopePattern) -> str:
    return "total" if pattern.kind == "total" else f'{{{pattern.kind}: "{pattern.name}"}}'


def _unheard(policy: Policy) -> Iterator[Mistake]:
    if policy.pauses.mode == "enforce" and not any(receiver.takes in ("orders", "all") for receiver in policy.receivers):
        yield Mistake("pauses.mode", "orders are enforced, but no receiver takes them; give one `takes: orders`")
        return
    taken = {receiver.name: receiver.scopes for receiver in policy.receivers if receiver.takes != "notices"}
    for at, name in enumerate(policy.pauses.second_route):
        scopes = taken.get(name, ())
        if scopes and policy.pauses.allow and not any(entry.kind in scopes for entry in policy.pauses.allow):
            yield Mistake(f"pauses.second_route[{at}]", f"{name} takes orders about {', '.join(scopes)} only, which pauses.allow does not let be stopped")
    for at, entry in enumerate(policy.pauses.allow):
        if taken and not any(not scopes or entry.kind in scopes for scopes in taken.values()):
            yield Mistake(f"pauses.allow[{at}]", f"no receiver takes orders about {entry.kind}, so such an order fails; see `scopes` of those that take orders")
