"""Everything of a policy that applies to one scope, and why, in words: the answer to "what holds for my agent?".

A condition on something that the scope itself does not fix (`user: "*"` for an agent) applies to each of its members; one with
a name (`user: u-1`) applies to that part only and says so. What certainly does not apply is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from service.facts import Scope
from service.money import usd
from service.policy.limits import Budget, Cap, Quota
from service.policy.model import Policy
from service.policy.scopes import ALL, Match, ScopePattern

Answer = dict[str, Any]
E = TypeVar("E", Budget, Cap, Quota)


def effective(policy: Policy, tenant: str, scope: Scope, attributes: Mapping[str, str]) -> Answer:
    """What applies to `scope` of `tenant`; `attributes` is what else is known of it (an agent's use case). JSON-able.

    >>> from service.policy.loading import load
    >>> policy = load("budgets: [{name: each, scope: {agent: '*'}, period: day, limit_usd: 50}]")
    >>> effective(policy, "default", Scope("agent", "indexer"), {})["budgets"][0]["why"]
    'every agent has this limit of its own'
    """
    known = {**attributes, "tenant": tenant} | ({} if scope.kind == "total" else {scope.kind: scope.name})
    return {
        "tenant": tenant,
        "scope": {"kind": scope.kind, "name": scope.name},
        "policy": policy.digest,
        "budgets": [_budget(policy, budget, why) for budget, why in _scoped(policy.budgets, known)],
        "caps": [_cap(cap, why) for cap, why in _scoped(policy.caps, known)] or [_DEFAULT_CAP],
        "quotas": [_quota(policy, quota, why) for quota, why in _scoped(policy.quotas, known)],
        "tiers": [_plain(rule, why) for rule, why in _matched(policy.tiers, known)],
        "batch": [_plain(rule, why) for rule, why in _matched(policy.batch, known)],
        "planned": [_plain(entry, why) for entry, why in _matched(policy.planned, known)],
        "owner": _owner(policy, known),
        "routes": _routes(policy, known),
        "pauses": _pauses(policy, known),
    }


_DEFAULT_CAP: Answer = {"scope": {"workflow": ALL}, "factor": 4.0, "expected_usd": "learned", "action": "none", "why": "built in: every execution is watched"}


def _of_pattern(pattern: ScopePattern, known: Mapping[str, str]) -> str | None:
    """Why a scope's limit applies, or None where it does not."""
    if pattern.tenant and pattern.tenant != known["tenant"]:
        return None
    reasons = []
    for kind, name in pattern.terms:
        reason = _of_term(kind, name, known, is_focus=(kind, name) == pattern.focus)
        if reason is None:
            return None
        reasons.append(reason)
    return "; ".join(reasons) or "counts all spend of the tenant"


def _of_term(kind: str, name: str, known: Mapping[str, str], *, is_focus: bool) -> str | None:
    value = known.get(kind)
    if name == ALL:
        if value and is_focus:
            return f"every {kind} has this limit of its own"
        return f"it has a {kind}" if value else f"for each {kind} of its calls"
    if value:
        return f"its {kind} is {name}" if value == name else None
    return f"for the part of its calls whose {kind} is {name}"


def _of_match(match: Match, known: Mapping[str, str]) -> str | None:
    """Why a match holds, or None where it does not; conditions on what is not known are named."""
    reasons = []
    for key, values in match.conditions:
        value = known.get(key)
        if value and value not in values and ALL not in values:
            return None
        wanted = " or ".join(values)
        reasons.append(f"its {key} is {value}" if value else f"where there is a {key}" if ALL in values else f"where {key} is {wanted}")
    return "; ".join(reasons) or "matches everything"


def _scoped(entries: Iterable[E], known: Mapping[str, str]) -> list[tuple[E, str]]:
    return [(entry, why) for entry in entries if (why := _of_pattern(entry.scope, known)) is not None]


def _matched(entries: Iterable[Any], known: Mapping[str, str]) -> list[tuple[Any, str]]:
    return [(entry, why) for entry in entries if (why := _of_match(entry.match, known)) is not None]


def _plain(entry: Any, why: str) -> Answer:
    """An entry as it is written, without what is left out."""
    return {**entry.model_dump(mode="json", by_alias=True, exclude_none=True), "why": why}


def _budget(policy: Policy, budget: Budget, why: str) -> Answer:
    lines = [{"percent": line, "usd": usd(budget.line_nanos(line))} for line in budget.thresholds]
    return {**_plain(budget, why), "timezone": policy.zone_of(budget), "lines": lines}


def _quota(policy: Policy, quota: Quota, why: str) -> Answer:
    return {**_plain(quota, why), "name": quota.title, "timezone": policy.zone_of(quota)}


def _cap(cap: Cap, why: str) -> Answer:
    return {**_plain(cap, why), "expected_usd": "learned" if cap.expected_nanos is None else usd(cap.expected_nanos)}


def _owner(policy: Policy, known: Mapping[str, str]) -> Answer | None:
    """The first owner that surely matches; those that match a part are not chosen for the whole."""
    for owner in policy.owners:
        if all(known.get(key) and (known[key] in values or ALL in values) for key, values in owner.match.conditions):
            return _plain(owner, f"the first owner that matches: {_of_match(owner.match, known)}")
    return None


def _routes(policy: Policy, known: Mapping[str, str]) -> list[Answer]:
    """Routes that may be taken, in their order, up to the first that always is; then everyone."""
    found: list[Answer] = []
    for route, why in _matched(policy.routes, known):
        found.append(_plain(route, why))
        if all(key in known for key, _ in route.match.conditions):
            return found
    everyone = [receiver.name for receiver in policy.receivers if receiver.takes != "orders"]
    return [*found, {"match": {}, "to": everyone, "why": "no route matches: every receiver of notices"}]


def _pauses(policy: Policy, known: Mapping[str, str]) -> Answer:
    pauses = policy.pauses
    allowed = [pattern for pattern in pauses.allow if _of_pattern(pattern, known) is not None]
    return {
        "mode": pauses.mode,
        "on": [str(kind) for kind in pauses.on],
        "allow": [pattern.plain() for pattern in allowed],
        "min_loss_usd": usd(pauses.min_loss_nanos),
        "per_hour": pauses.per_hour,
        "per_hour_per_business_unit": pauses.per_hour_per_business_unit,
        "max_usual_share": pauses.max_usual_share,
        "approvers": list(pauses.approvers),
        "two_person_usd": None if pauses.two_person_nanos is None else usd(pauses.two_person_nanos),
        "second_route": list(pauses.second_route),
        "why": _pauses_why(policy, is_allowed=bool(allowed)),
    }


def _pauses_why(policy: Policy, *, is_allowed: bool) -> str:
    if not is_allowed:
        return "nothing here is paused without a person: pauses.allow names no such scope"
    return "pauses are decided and told, but not sent" if policy.pauses.mode == "observe" else "pauses are sent"
