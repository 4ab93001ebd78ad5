"""What a scope did in a span of time, in the few sums that its cause can be told from. Whole numbers only, and they add."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field
from msgspec.structs import astuple

from service.facts import Cell, Measures

MODELS_MAX: Final = 12  # per scope; a further model counts as `other`
OTHER: Final = "other"
INFERENCE: Final = "inference"


class Use(Struct, array_like=True, gc=False):
    """What one model did: calls and tokens with their retries in them, `nanos` as charged, `*_pico` as our table says by kind of token."""

    calls: int = 0
    retries: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    nanos: int = 0
    retry_nanos: int = 0
    input_pico: int = 0
    cache_read_pico: int = 0
    cache_write_pico: int = 0
    output_pico: int = 0


_FIELDS: Final = Use.__struct_fields__


class Activity(Struct, array_like=True, gc=False):
    """Runs begun, what each model did, and what the other layers cost.

    A baseline is kept as one of these too: fade it, then join each closed window `times` a thousand or more, and its weight (how many windows
    it stands for) likewise. So nothing is lost to rounding, and the expected window is the baseline times the fraction `times / weight`.

    >>> usual, weight = Activity(), 0
    >>> for began in (1, 0, 0, 1):
    ...     usual.fade(99, 100)
    ...     usual.join(Activity(began=began), times=1000)
    ...     weight = weight * 99 // 100 + 1000
    >>> round(usual.began / weight, 2)
    0.5
    """

    began: int = 0
    models: dict[str, Use] = field(default_factory=dict)
    other_nanos: int = 0

    @property
    def nanos(self) -> int:
        """All that it cost."""
        return self.other_nanos + sum(use.nanos for use in self.models.values())

    @property
    def retry_nanos(self) -> int:
        """What tries after the first cost."""
        return sum(use.retry_nanos for use in self.models.values())

    def take(self, cell: Cell, sums: Measures) -> None:
        """Add the sums of a cell; a model's batch calls have a price of their own and so count as a model of their own."""
        self.began += sums.began
        if cell.layer != INFERENCE:
            self.other_nanos += sums.nanos
            return
        use = self._use(f"{cell.model} (batch)" if cell.batch else cell.model)
        use.calls += sums.calls  # one by one, because every cell of every window passes here four times
        use.retries += sums.retries
        use.input += sums.input
        use.cache_read += sums.cache_read
        use.cache_write += sums.cache_write
        use.output += sums.output
        use.nanos += sums.nanos
        use.retry_nanos += sums.retry_nanos
        use.input_pico += sums.input_pico
        use.cache_read_pico += sums.cache_read_pico
        use.cache_write_pico += sums.cache_write_pico
        use.output_pico += sums.output_pico

    def join(self, other: Activity, times: int = 1) -> None:
        """Add another activity, `times` over."""
        self.began += other.began * times
        self.other_nanos += other.other_nanos * times
        for model, theirs in other.models.items():
            name = self._name(model)
            use = self.models.get(name)
            self.models[name] = Use(*[a + b * times for a, b in zip(astuple(use or _NOTHING), astuple(theirs), strict=True)])

    def fade(self, keep: int, of: int) -> None:
        """Let all of it count `keep / of`, rounded towards nothing; a model that has faded away is forgotten."""
        self.began = _faded(self.began, keep, of)
        self.other_nanos = _faded(self.other_nanos, keep, of)
        for use in self.models.values():
            for name in _FIELDS:
                setattr(use, name, _faded(getattr(use, name), keep, of))
        self.models = {model: use for model, use in self.models.items() if use != _NOTHING}

    def _use(self, model: str) -> Use:
        use = self.models.get(model)
        return use if use is not None else self.models.setdefault(self._name(model), Use())

    def _name(self, model: str) -> str:
        """What a model is known by here."""
        return model if model in self.models or len(self.models) < MODELS_MAX else OTHER


_NOTHING: Final = Use()


def _faded(value: int, keep: int, of: int) -> int:
    return value * keep // of if value >= 0 else -(-value * keep // of)
