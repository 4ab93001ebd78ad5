"""What the sequential tests share: evidence in nats, the tail of its own past, and when it may learn.

A test says how many nats a window holds for its alternative; the nats gather in a CUSUM (Page, Biometrika 1954); the score calibrates the CUSUM's
level by the peaks it has had before (`tail`). The first days are learned from whatever comes, then nothing from within an episode, unless it lasts.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

import msgspec
from msgspec import Struct, field

from detectors.base import Features, number
from detectors.tail import PRIOR_EPISODES, PRIOR_EXCESS, Basis, Tail

WARM_S: Final = 3 * 86_400.0
HOLD_NATS: Final = 4.0  # from here on an episode no longer teaches
HOLD_S: Final = 18 * 3600.0  # and for how long: what lasts is the new usual
WIDTH_S: Final = 600.0


class Sequential(Struct, array_like=True):
    """A detector once it has `level`, `learn`, `observed` and `expected`; seconds seen, and seconds of the episode that is held."""

    priors: ClassVar[tuple[float, float]] = (PRIOR_EPISODES, PRIOR_EXCESS)

    seen_s: float = 0.0
    held_s: float = 0.0
    tail: Tail = field(default_factory=Tail)

    def level(self, x: Features) -> float:
        """Where the statistic stands once this window is added, in nats; nothing is changed."""
        raise NotImplementedError

    def observed(self, x: Features) -> float:
        """What the window holds of that which `expected` is about."""
        raise NotImplementedError

    def weigh(self, x: Features) -> tuple[float, Any]:
        """`level`, and what `keep` and `learn` can use of the way there, so that a window is read once."""
        return self.level(x), None

    def keep(self, x: Features, seen: Any) -> None:
        """Move what is not learned but followed, whatever comes: levels, what came last; `seen` is of `weigh`."""

    def learn(self, x: Features, seen: Any) -> None:
        """Let the window be part of what is usual; `seen` is of `weigh`."""
        raise NotImplementedError

    @property
    def warm(self) -> bool:
        """Whether enough was seen to speak."""
        return self.seen_s >= WARM_S

    def score_one(self, x: Features) -> float:
        """-log10 of the episodes a day that would go as far as this one does with this window."""
        return self.rarity(self.level(x)) if self.warm else 0.0

    def rarity(self, level: float) -> float:
        """-log10 of the episodes a day that go as far as `level` by this source's own past."""
        return self.tail.score(level, *self.priors)

    def basis(self, x: Features) -> Basis:
        """What `score_one` makes its score of."""
        return self.tail.basis(self.level(x), *self.priors)

    def learn_one(self, x: Features) -> None:
        """Take in one closed window."""
        self.take(x, *self.weigh(x))

    def take(self, x: Features, level: float, seen: Any) -> None:
        """`learn_one` of a window that has been weighed."""
        width_s = number(x, "width_s", WIDTH_S, 86_400.0)
        level = level if self.seen_s else 0.0
        self.keep(x, seen)
        self.tail.hear(level, width_s / 86_400)
        held = self.warm and level > HOLD_NATS
        self.seen_s += width_s
        self.held_s = self.held_s + width_s if held else 0.0
        if not held or self.held_s > HOLD_S:
            self.learn(x, seen)

    def dump(self) -> bytes:
        """The whole detector as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The detector that was dumped."""
        return msgspec.msgpack.decode(raw, type=cls)
