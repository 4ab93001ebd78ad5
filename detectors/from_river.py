"""A detector of river's as one of ours: what it hears is scaled, its raw score becomes a calibrated surprise, its state is bytes that are safe to read.

River's scores have units of their own; the separate peaks of a scope's own past (`peaks`) say how rare one is, whatever they are. Amounts come to
the model beside their usual size, from 0 to 1. River takes seconds to import, so that is done when one is made.
"""

from __future__ import annotations

import io
import math
import pickle
from importlib import import_module
from inspect import isclass, signature
from typing import Any, ClassVar, Final, Self, TypeAlias

import msgspec
from msgspec import Struct

from detectors.base import STATE_BYTES_MAX, Expectation, Features, number
from detectors.peaks import Peaks
from detectors.sample import Sample
from detectors.tail import Basis, Tail

FAMILY: Final = "river.anomaly."
SEED: Final = 1  # of a model that takes one and is given none: two runs must agree
PICKLE: Final = 5
SETTLE_S: Final = 3 * 86_400.0  # before the model has seen so much, its scores mean nothing
WARM_S: Final = 7 * 86_400.0
HOLD_NATS: Final = 7.0  # from which an episode no longer teaches
HOLD_S: Final = 18 * 3600.0  # and for how long
QUIET_S: Final = 86_400.0  # longer silence is no longer part of what is usual
HALF_LIFE_S: Final = 4 * 86_400.0  # of what an amount usually is
WINSOR: Final = 12.0  # times the usual: what one window may teach of it
AMOUNT_MAX: Final = 1e15
TIMES_MAX: Final = 1000.0
RAW_MAX: Final = 1e9  # some models say infinite of what they have never seen
TRIED_WINDOWS: Final = 600
_ONE: Final = math.log1p(TIMES_MAX)

Settings: TypeAlias = dict[str, int | float | bool | str]

_PACKAGES: Final = tuple(f"river.{name}" for name in ("anomaly", "base", "linear_model", "neighbors", "optim", "sketch", "stats", "tree", "_river_rust"))
_PLAIN: Final = frozenset(
    {
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("functools", "partial"),
        ("random", "Random"),
        ("builtins", "tuple"),
    }
)


class UnusableError(ValueError):
    """A model that cannot be kept; the text says why and what to do."""


class _State(Struct, array_like=True):
    """All but the model."""

    kind: str
    settings: Settings
    hears: tuple[str, ...]
    rows: int = 0
    seen_s: float = 0.0
    quiet_s: float = 0.0
    held_s: float = 0.0
    usual: list[float] = msgspec.field(default_factory=list)  # spend, then each of `hears`
    peaks: Peaks = msgspec.field(default_factory=Peaks)
    tail: Tail = msgspec.field(default_factory=Tail)
    sample: Sample = msgspec.field(default_factory=Sample)
    model: bytes = b""


class FromRiver:
    """An unsupervised detector of `river.anomaly`, on the amounts `hears` of each window.

    Raises UnusableError where there is no such detector, or it cannot be made with these settings.

    >>> d = FromRiver("river.anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 4, "window_size": 144})
    >>> def window(k, spend): return {"spend": spend, "start_s": 600 * k, "width_s": 600}
    >>> for k in range(1100): d.learn_one(window(k, 1.0 + k % 7))
    >>> d.score_one(window(1100, 6.0)), d.score_one(window(1100, 60.0)) > 1.0
    (0.0, True)
    """

    name: ClassVar[str] = "from_river"

    def __init__(self, kind: str, settings: Settings | None = None, hears: tuple[str, ...] = ("spend",)) -> None:
        self.state = _State(kind, dict(settings or {}), hears, usual=[0.0] * (1 + len(hears)))
        self.model = _made(kind, self.state.settings)

    @property
    def about(self) -> tuple[str, Settings, tuple[str, ...]]:
        """What it was made of; one that is made of something else cannot go on from its bytes."""
        return self.state.kind, self.state.settings, self.state.hears

    @property
    def warm(self) -> bool:
        """Whether enough spend was seen, counted from the first."""
        return self.state.seen_s >= WARM_S

    def score_one(self, x: Features) -> float:
        """-log10 of the episodes a day that the model finds as strange as this; raises UnusableError where the model gives no number."""
        return self.state.tail.score(self._level(x)) if self.warm else 0.0

    def basis(self, x: Features) -> Basis:
        """What `score_one` makes its score of."""
        return self.state.tail.basis(self._level(x))

    def learn_one(self, x: Features) -> None:
        """Take in one closed window; the model learns nothing from long silence or from within an episode."""
        s, width_s = self.state, max(1.0, number(x, "width_s", 600.0, 86_400.0))
        spend = number(x, "spend", 0.0, AMOUNT_MAX)
        if spend == 0.0 and s.seen_s == 0.0:
            return
        s.quiet_s = s.quiet_s + width_s if spend == 0.0 else 0.0
        if s.quiet_s > QUIET_S:
            return
        scaled = self._scaled(x)
        raw = level = 0.0
        if s.seen_s >= SETTLE_S:
            raw = self._raw(scaled)
            level = s.peaks.nats(raw)
            s.tail.hear(level, width_s / 86_400)
        held = self.warm and level > HOLD_NATS
        s.seen_s += width_s
        s.rows += 1
        s.held_s = s.held_s + width_s if held else 0.0
        if not held or s.held_s > HOLD_S:
            if s.seen_s > SETTLE_S:
                s.peaks.learn(raw)
            self.model.learn_one(scaled)
            self._follow(x, width_s)

    def expected(self, x: Features) -> Expectation:  # noqa: ARG002 -- the same for every window: what the scope usually spends
        """Mean spend, and the range of nineteen in twenty windows."""
        return self.state.sample.expectation()

    def dump(self) -> bytes:
        """The whole detector; the model's part is a pickle that only `load` reads."""
        self.state.model = pickle.dumps(self.model, PICKLE)
        return msgspec.msgpack.encode(self.state)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The detector that was dumped. Of its pickle nothing is made but what river's detectors consist of: whoever can write a snapshot runs no code."""
        back = cls.__new__(cls)
        back.state = msgspec.msgpack.decode(raw, type=_State)
        back.model = _Reader(io.BytesIO(back.state.model)).load()
        return back

    def _scaled(self, x: Features) -> Features:
        """Each amount beside its usual size on a logarithmic scale, 0 for none and 1 for TIMES_MAX times the usual and more."""
        scaled: Features = {}
        for name, usual in zip(self.state.hears, self.state.usual[1:], strict=True):
            amount = number(x, name, 0.0, AMOUNT_MAX)
            scaled[name] = min(1.0, math.log1p(amount / usual) / _ONE) if usual > 0.0 else 0.0
        return scaled

    def _raw(self, scaled: Features) -> float:
        raw = self.model.score_one(scaled)
        if not isinstance(raw, int | float) or math.isnan(raw):
            raise UnusableError("its score is no number")
        return min(max(float(raw), -RAW_MAX), RAW_MAX)

    def _level(self, x: Features) -> float:
        return self.state.peaks.nats(self._raw(self._scaled(x)))

    def _follow(self, x: Features, width_s: float) -> None:
        """What is usual moves on; once it is known, one window moves it no further than one of WINSOR times as much."""
        s, pace = self.state, max(1.0 - 0.5 ** (width_s / HALF_LIFE_S), 1.0 / self.state.rows)
        for at, name in enumerate(("spend", *s.hears)):
            amount = number(x, name, 0.0, AMOUNT_MAX)
            if self.warm and s.usual[at] > 0.0:
                amount = min(amount, WINSOR * s.usual[at])
            s.usual[at] += pace * (amount - s.usual[at])
            if at == 0:
                s.sample.learn(amount)


def why_not(kind: str, settings: Settings, hears: tuple[str, ...] = ("spend",)) -> str:
    """What keeps such a detector from being used, found by using it; empty where nothing does.

    >>> why_not("river.anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 4})
    ''
    >>> why_not("river.anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 9})[:42]
    'its state is above the 10,000 bytes that a'
    """
    try:
        runs = [FromRiver(kind, settings, hears) for _ in range(2)]
        for k in range(TRIED_WINDOWS):
            x = dict.fromkeys(hears, 1.0 + k * k % 17) | {"spend": 1.0 + k * k % 13, "width_s": 600.0}
            for each in runs:
                each.score_one(x)
                each.learn_one(x)
        first, second = (each.dump() for each in runs)
        again = FromRiver.load(first).dump()
    except UnusableError as wrong:
        return str(wrong)
    except Exception as raised:  # noqa: BLE001 -- whatever a detector of others may raise
        return f"it raises {type(raised).__name__} when it is used; look at its settings"
    if max(len(first), len(second)) > STATE_BYTES_MAX:
        return f"its state is above the {STATE_BYTES_MAX:,} bytes that are kept for a scope; make it smaller by its settings"
    return "" if first == second == again else "two runs of it on the same windows differ; give it a seed by its settings"


def _made(kind: str, settings: Settings) -> Any:
    cls = getattr(import_module(FAMILY[:-1]), kind.removeprefix(FAMILY), None) if kind.startswith(FAMILY) else None
    base: Any = import_module("river.base")
    if not isclass(cls) or not issubclass(cls, base.AnomalyDetector):
        known = sorted(name for name, each in vars(import_module(FAMILY[:-1])).items() if isclass(each) and issubclass(each, base.AnomalyDetector))
        raise UnusableError(f"must be a detector of river's that needs no labels: one of {', '.join(FAMILY + name for name in known)}")
    takes = signature(cls).parameters
    unknown = sorted(settings.keys() - takes.keys())
    if unknown:
        raise UnusableError(f"has no setting `{unknown[0]}`; it has {', '.join(takes)}")
    seeded = {"seed": SEED} if "seed" in takes else {}
    try:
        return cls(**{**seeded, **settings})
    except Exception as raised:
        raise UnusableError(f"cannot be made with these settings: {type(raised).__name__}") from raised


class _Reader(pickle.Unpickler):
    """Makes what river's detectors consist of, and nothing else: a pickle can ask for any function there is."""

    def find_class(self, module: str, name: str) -> Any:
        is_rivers = any(module == package or module.startswith(f"{package}.") for package in _PACKAGES)
        if "." in name or not (is_rivers or (module, name) in _PLAIN):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a detector")
        found = super().find_class(module, name)
        if is_rivers and str(getattr(found, "__module__", module)).split(".")[0] not in ("river", "builtins"):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of river")
        return found
