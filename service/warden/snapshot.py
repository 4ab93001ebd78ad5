"""The warden as the runner owns it: its rows, its decisions, and its state as parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from service.facts import decode_journal, encode
from service.state import parts
from service.warden.fold import VERSION, fold, policy_version
from service.warden.plan import EMPTY_PLAN, compile_plan
from service.warden.state import Tenant, Warden

_LEFT_OUT: Final = ("plan", "out", "tenants")


@dataclass(frozen=True)
class WardenFold:
    """The second fold: from the journal into the outbox. `partitions`: of the stream."""

    partitions: int
    kind: str = "warden"
    version: int = VERSION
    source: str = "journal"
    sink: str = "outbox"

    def empty(self, partition: int) -> Warden:
        """A warden that has heard nothing."""
        return Warden(partition, self.partitions)

    def decode(self, raw: bytes) -> Any:
        """A row of the journal."""
        return decode_journal(raw)

    def fold(self, state: Warden, items: Iterable[tuple[int, int, Any]]) -> Sequence[tuple[int, bytes]]:
        """What was decided, into the outbox partition of the same number."""
        return [(state.partition, encode(outbox)) for outbox in fold(state, items)]

    def policy_version(self, state: Warden) -> int:
        """Of the policy in force."""
        return policy_version(state)

    def dump(self, state: Warden) -> Mapping[str, bytes]:
        """The whole state; what nobody was handed since the last dump is the very same bytes."""
        return dump(state)

    def load(self, raw: Mapping[str, bytes], partition: int) -> Warden:  # noqa: ARG002 -- the state knows its own
        """The state that was dumped."""
        return load(raw)


def dump(warden: Warden) -> dict[str, bytes]:
    """A warden as parts, tenant by tenant."""
    found = {**parts.dump("warden", warden, leave_out=_LEFT_OUT), "tenants": encode(list(warden.tenants))}
    for number, tenant in enumerate(warden.tenants.values()):
        found |= parts.dump(f"t{number}", tenant)
    return found


def load(raw: Mapping[str, bytes]) -> Warden:
    """The warden that was dumped; what is derived from the policy is derived again."""
    names = msgspec.msgpack.decode(raw["tenants"], type=list[str])
    tenants = {name: parts.load(f"t{number}", Tenant, raw) for number, name in enumerate(names)}
    warden = parts.load("warden", Warden, raw, plan=EMPTY_PLAN, out=[], tenants=tenants)
    if warden.policy is not None:
        warden.plan = compile_plan(warden.policy)
    return warden
