"""What enters the audit: each control with what became of it, each order and each state of its life, each policy.

Who decides knows nothing of it: what a row of the journal made the warden say is looked through when the row is done. So the same journal
makes the same chain wherever it is folded, and a row that is heard again, which changes nothing, enters nothing.
"""

from __future__ import annotations

from msgspec.structs import replace

from service.audit.chain import POLICIES, add
from service.facts import Control, Order, OrderState, PolicySet
from service.warden.state import Tenant, Warden


def asked(w: Warden, t: Tenant, control: Control, problem: str | None) -> None:
    """A person asked for something: it was done, or refused for a reason. None: it was heard before."""
    if problem is not None:
        w.out.append(add(t.audit, w.now_ms, t.name, w.partition, _version(w), control, problem or "done"))


def ordered(w: Warden, since: int) -> None:
    """The orders among what was said from there on, and how far they have come; after all else that the row brought."""
    if len(w.out) == since:
        return  # as nearly every row
    for said in [each for each in w.out[since:] if isinstance(each, Order | OrderState)]:
        w.out.append(add(w.tenants[said.tenant].audit, w.now_ms, said.tenant, w.partition, _version(w), said))


def published(w: Warden, policy: PolicySet) -> None:
    """A policy that is newer than any before was heard of; it holds from its time on, or at once."""
    from_ms = max(policy.from_ms, w.now_ms)
    w.out.append(add(w.audit, w.now_ms, POLICIES, w.partition, _version(w), replace(policy, from_ms=from_ms)))


def _version(w: Warden) -> int:
    """Of the policy in force; 0 before the first."""
    return w.policy.version if w.policy is not None else 0
