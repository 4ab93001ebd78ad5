"""Which policy is in force: the newest row of the controls log, whoever appended it."""

from __future__ import annotations

from typing import Final

import msgspec

from service.facts import PolicySet, encode
from service.log.ports import CONTROLS, Log
from service.policy import Policy, dump

TAKEN_UP_MS: Final = 3_000  # by then every owner has copied a new policy into its partition
_decode: Final = msgspec.msgpack.Decoder(PolicySet).decode


async def newest_policy(log: Log) -> PolicySet | None:
    """The policy that was published last."""
    first, end = await log.span(CONTROLS, 0)
    rows = await log.read(CONTROLS, 0, end - 1, 1) if end > first else []
    return _decode(rows[0].value) if rows else None


async def publish(log: Log, policy: Policy, now_ms: int, by: str = "") -> PolicySet:
    """Appends a policy that differs from the newest one; returns the newest one then. Running services take it up all at once.

    `by` is who asks for it; empty where a service brings it along when it starts.
    """
    newest = await newest_policy(log)
    if newest is not None and newest.digest == policy.digest:
        return newest
    following = PolicySet(newest.version + 1 if newest else 1, policy.digest, dump(policy), now_ms + TAKEN_UP_MS if newest else 0, by)
    await log.append(CONTROLS, 0, [encode(following)])
    return following
