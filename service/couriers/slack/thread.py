"""What the courier remembers of each message: its place in Slack is never asked back, except after an end that nobody knows."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

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

    def tells(self) -> None:
        """What was being posted stands here."""
        self.told, self.sending = [*self.told, self.sending][-TOLD_KEPT:], ""
