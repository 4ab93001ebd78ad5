"""One name that takes over: a model that serves, a user who calls. A CUSUM for each name against its own share so far.

The shares are learned by counting (Krichevsky and Trofimov's estimate with a heavier prior); the alternative of each name is that it has much more.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, TypeAlias
from zlib import crc32

from msgspec import field

from detectors.base import Expectation, Features, number
from detectors.sequential import Sequential
from detectors.tail import gathered

NAMES_MAX: Final = 200
LEVELS_MAX: Final = 60  # names that gather evidence at once
NAME_MAX: Final = 24  # characters; a longer name is known by its checksum
REMEMBERED: Final = 4_000.0
AMOUNT_MAX: Final = 1e6
OTHER_PRIOR: Final = 0.3
_Seen: TypeAlias = tuple[Features, dict[str, float]]
RESERVED: Final = frozenset({"width_s", "start_s", "hour_of_week", "spend"})


class Mix(Sequential, array_like=True, tag="mix"):
    """Amounts by name (each feature is one); `leader` is the name that the evidence is for.

    `takes`: the share of a name that takes over; `below`: only of names that had less; `prior`: tries before any, `own` of them each name's.

    >>> d = Mix()
    >>> for k in range(500): d.learn_one({"small": 3.0, "mid": float(k % 3 == 0)})
    >>> d.score_one({"small": 3.0, "mid": 1.0}) < 1.0, d.score_one({"small": 1.0, "large": 6.0}) > 3.0, d.leader({"large": 6.0})
    (True, True, 'large')
    """

    name: ClassVar[str] = "mix"

    takes: float = 0.6
    below: float = 0.35
    prior: float = 8.0
    own: float = OTHER_PRIOR
    total: float = 0.0
    counts: dict[str, float] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)

    def level(self, x: Features) -> float:
        """The highest of all names' CUSUMs."""
        return self.weigh(x)[0]

    def weigh(self, x: Features) -> tuple[float, _Seen]:
        """The level, with the amounts and the levels by name."""
        amounts = _amounts(x)
        levels = self._levels(amounts)
        return max(levels.values(), default=0.0), (amounts, levels)

    def leader(self, x: Features) -> str:
        """The name with the most evidence, whole if this window has it; empty when there is none."""
        levels = self._levels(_amounts(x))
        key = max(levels, key=lambda name: (levels[name], name), default="")
        return next((name for name in x if _key(name) == key), key)

    def share(self, name: str) -> float:
        """What the name is used to have, in (0, 1)."""
        return min(0.999, (self.counts.get(_key(name), 0.0) + self.own) / (self.total + self.prior))

    def keep(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The levels move on."""
        _, self.levels = seen

    def learn(self, x: Features, seen: _Seen) -> None:  # noqa: ARG002 -- it has been read
        """The amounts join the counts; the rarest names make room."""
        for name, amount in seen[0].items():
            self.counts[name] = self.counts.get(name, 0.0) + amount
            self.total += amount
        if self.total > REMEMBERED:
            self.total /= 2
            self.counts = {name: count / 2 for name, count in self.counts.items()}
        while len(self.counts) > NAMES_MAX:
            del self.counts[min(self.counts, key=lambda name: (self.counts[name], name))]

    def observed(self, x: Features) -> float:
        """The leader's amount."""
        return _amounts(x).get(_key(self.leader(x)), 0.0)

    def expected(self, x: Features) -> Expectation:
        """Of the leader, among all that came."""
        whole = sum(_amounts(x).values())
        mean = self.share(self.leader(x)) * whole
        return Expectation(mean, max(0.0, mean - 2.0 * math.sqrt(mean) - 1.0), mean + 2.0 * math.sqrt(mean) + 1.0)

    def _levels(self, amounts: Features) -> dict[str, float]:
        whole = sum(amounts.values())
        levels: dict[str, float] = {}
        for name in sorted(self.levels.keys() | amounts.keys()):
            usual = self.share(name)
            if usual >= self.below:
                continue
            other = self.takes + (1.0 - self.takes) * usual
            mine = amounts.get(name, 0.0)
            nats = mine * math.log(other / usual) + (whole - mine) * math.log((1.0 - other) / (1.0 - usual))
            level = gathered(self.levels.get(name, 0.0), nats)
            if level > 0.0:
                levels[name] = level
        if len(levels) > LEVELS_MAX:
            levels = dict(sorted(levels.items(), key=lambda it: (-it[1], it[0]))[:LEVELS_MAX])
        return levels


def _amounts(x: Features) -> Features:
    found: Features = {}
    for name in x:
        if name not in RESERVED:
            key = _key(name)
            found[key] = found.get(key, 0.0) + number(x, name, 0.0, AMOUNT_MAX)
    return found


def _key(name: str) -> str:
    """What a name is known by: the state must stay small whatever users are called.

    >>> _key("small"), _key("u" * 256)
    ('small', '#a5690cc5')
    """
    return name if len(name) <= NAME_MAX and name.isascii() else f"#{crc32(name.encode()):08x}"
