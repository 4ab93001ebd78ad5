"""What the courier remembers of each message: its place in Slack is never asked back, except after an end that nobody knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from service.couriers.port import Memory

TOLD_KEPT: Final = 50


class Thread(Struct, array_like=True):
    """One incident's message, or one that stands alone; fields are only ever added at the end.

    `asked` is the channel as the policy names it, `channel` and `ts` are its place once it is known. `sending` is what was being posted
    when the last word was kept, since `sending_ms`; empty once its end is known. `unsure` since when a second one may turn up, 0 where none
    can. `told` are the notices that stand here, `shown` is the digest of what the root shows, as of `revision` and `time_ms`.
    """

    asked: str = ""
    channel: str = ""
    ts: str = ""
    sending: str = ""
    sending_ms: int = 0
    unsure_ms: int = 0
    told: list[str] = field(default_factory=list)
    shown: str = ""
    revision: int = 0
    time_ms: int = 0
    pictured: bool = False
    note: str = ""

    @property
    def stands(self) -> bool:
        """Whether there is a message, as far as is known."""
        return bool(self.ts)


class Threads:
    """The threads of one receiver."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def of(self, about: str) -> Thread:
        """What is known of it; a new one where nothing is."""
        value = await self._memory.kept(about)
        return Thread() if value is None else msgspec.msgpack.decode(value, type=Thread)

    async def keep(self, about: str, thread: Thread) -> None:
        """Outlives a kill once it returns."""
        thread.told = thread.told[-TOLD_KEPT:]
        await self._memory.keep(about, msgspec.msgpack.encode(thread))


def digest(said: Mapping[str, Any]) -> str:
    """Of what is shown, so that an edit which changes nothing is not made."""
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()
