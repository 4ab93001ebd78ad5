"""What a picture shows, as plain figures: whoever draws it decides nothing, whoever gathers it draws nothing.

Times are Unix milliseconds, money is dollars (a picture needs no nano-dollars), texts are ready to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEN_MINUTES: Final = 10
HOUR: Final = 60
DAY: Final = 24 * HOUR
EACH: Final = {TEN_MINUTES: "10 minutes", HOUR: "hour", DAY: "day"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was spent in one window, and the range that nineteen in twenty such windows stay in; None where too little was known."""

    start_ms: int
    usd: float
    low: float | None = None
    high: float | None = None

    @property
    def above(self) -> bool:
        """Whether it passes its usual range."""
        return self.high is not None and self.usd > self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An alert at its time."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A pause, or a gentler order: from when until when it holds. One that was not `sent`, or not obeyed, stopped nothing."""

    from_ms: int
    to_ms: int
    text: str
    sent: bool
    proved_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One driver's part of what it cost more (or less); `dollars` as it is read, with its sign."""

    text: str
    usd: float
    dollars: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What made the difference: `bars` add up to what `head` says, to the cent; `carriers` say in a line each who it was.

    `parts`: not what changed, but what all of it is made of.
    """

    head: str
    bars: tuple[Bar, ...]
    carriers: tuple[str, ...] = ()
    parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A whole picture of `about`. Without `windows` it is the cause alone, without `why` the spend alone.

    `windows` are of `each_minutes` and leave no gap.
    """

    title: str
    about: str
    each_minutes: int = TEN_MINUTES
    windows: tuple[Window, ...] = ()
    marks: tuple[Mark, ...] = ()
    halts: tuple[Halt, ...] = ()
    why: Why | None = None

    @property
    def from_ms(self) -> int:
        """Where it begins."""
        return self.windows[0].start_ms if self.windows else 0

    @property
    def to_ms(self) -> int:
        """Where it ends."""
        return self.windows[-1].start_ms + self.each_minutes * 60_000 if self.windows else 0

    @property
    def highest(self) -> Window | None:
        """The dearest window, the first of equals; None where nothing was spent."""
        top = max(self.windows, key=lambda window: window.usd, default=None)
        return top if top is not None and top.usd > 0 else None
