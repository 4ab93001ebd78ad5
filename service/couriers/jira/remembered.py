"""What the courier remembers of each issue: this map is the truth, Jira's own search is asked only where it is lost.

Jira's index lags by seconds, so a search right after a create finds nothing; whoever believes that makes a second issue.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from service.couriers.notebook import Notebook
from service.couriers.port import Memory
from service.facts import Scope, ident

COMMENTS_KEPT: Final = 50
HEARD: Final = "heard until"  # no label has a space, so no label is ever taken for it


class Told(Struct, array_like=True):
    """One incident's (or order's) issue; fields are only ever added at the end.

    `key` is empty until the issue is known to be there; `sending_ms` is when a create began whose end is not known, 0 when none did;
    `comments` are the notices it has heard, `commenting` the one whose comment may or may not be there; `links` are still to be made;
    `text` is the digest of the description written last, `summary` and `priority` are what we set, so that what a person put there stays;
    `as_of_ms` is the time of the step that it shows;
    `notes` say what this site did not take; `former` are issues of this incident that were closed long ago, or merged into this one.
    """

    tenant: str
    key: str = ""
    sending_ms: int = 0
    muted: bool = False
    comments: list[str] = msgspec.field(default_factory=list)
    commenting: str = ""
    links: list[str] = msgspec.field(default_factory=list)
    text: str = ""
    edited_ms: int = 0
    summary: str = ""
    priority: str = ""
    notes: list[str] = msgspec.field(default_factory=list)
    former: list[str] = msgspec.field(default_factory=list)
    as_of_ms: int = 0

    def hears(self, notice: str) -> None:
        """The notice is told."""
        self.commenting = ""
        self.comments = [*self.comments, notice][-COMMENTS_KEPT:] if notice not in self.comments else self.comments


class Remembered:
    """The courier's memory: its map of issues in `told`, and beside it the newest issue of each cause. Raises LogError where the memory does."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.told = Notebook(memory, Told)

    async def latest(self, tenant: str, scope: Scope, kind: str) -> str:
        """The newest issue about the same cause; empty where there is none."""
        value = await self._memory.kept(_latest(tenant, scope, kind))
        return "" if value is None else value.decode()

    async def keep_latest(self, tenant: str, scope: Scope, kind: str, key: str) -> None:
        """This issue is the newest about that cause."""
        await self._memory.keep(_latest(tenant, scope, kind), key.encode())

    async def heard_until_ms(self) -> int | None:
        """Up to when everything that people did was handed over."""
        value = await self._memory.kept(HEARD)
        return None if value is None else int(value)

    async def keep_heard_until(self, ms: int) -> None:
        """See `heard_until_ms`."""
        await self._memory.keep(HEARD, str(ms).encode())


def _latest(tenant: str, scope: Scope, kind: str) -> str:
    return f"latest of {ident('cause', tenant, *scope, kind)}"
