"""How fast a channel is written to: at once, until Slack asks to slow down; then each message that waits has a turn of its own. Pure."""

from __future__ import annotations

from typing import Final

from service.couriers.port import RetryLater
from service.couriers.slack.web import Failed

TURN_MS: Final = 1_000  # Slack takes about one message a second in a channel
CHANNELS_MAX: Final = 1_000


class Pace:
    """Of all channels of one workspace.

    >>> pace = Pace()
    >>> pace.slow_down("C1", 0, after_s=30.0)
    >>> [pace.turn("C1", now_ms=1_000).outcome.after_s for _ in range(3)], pace.turn("C2", 1_000), pace.turn("C1", 30_000)
    ([30.0, 31.0, 32.0], None, None)
    """

    def __init__(self) -> None:
        self._free_ms: dict[str, int] = {}
        self._last_turn_ms: dict[str, int] = {}

    def slow_down(self, channel: str, now_ms: int, after_s: float) -> None:
        """Slack asks it; the message that was refused has the first turn."""
        if len(self._free_ms) >= CHANNELS_MAX:
            self._free_ms = {each: until for each, until in self._free_ms.items() if until > now_ms}
            self._last_turn_ms = {each: turn for each, turn in self._last_turn_ms.items() if turn > now_ms}
        self._free_ms[channel] = now_ms + int(after_s * 1000)
        self._last_turn_ms[channel] = max(self._last_turn_ms.get(channel, 0), self._free_ms[channel])

    def turn(self, channel: str, now_ms: int) -> Failed | None:
        """None where it may be sent now, else when its turn is."""
        if self._free_ms.get(channel, 0) <= now_ms:
            return None
        turn_ms = self._last_turn_ms[channel] = self._last_turn_ms[channel] + TURN_MS
        return Failed(RetryLater((turn_ms - now_ms) / 1000, "Slack asks to slow down in this channel", alone=True), "ratelimited")
