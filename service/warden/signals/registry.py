"""Every sequential test by name: how it is made, from which evidence on it is told, and what it then says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from detectors.cache import Cache
from detectors.floor import Floor
from detectors.mix import Mix
from detectors.pace import Pace
from detectors.ratio import Ratio
from detectors.sequences import Signal
from detectors.share import Share
from detectors.shift import Shift
from detectors.silence import Silence
from service.facts import Kind, size_at
from service.money import spoken

HOUR: Final = 6  # windows
DAY: Final = 144


def _count(value: float) -> str:
    """A number of things, or what is usual of them.

    >>> _count(1234.5), _count(4.53), _count(0.000256)
    ('1,234', '4.5', '0.00026')
    """
    return f"{value:,.0f}" if value >= 10.0 else f"{value:.2g}"


def _tokens(size_bin: float) -> str:
    return f"{size_at(size_bin):,.0f}"


def _calls(quarter: float) -> str:
    """Calls of a run are kept as bins of eight times their number, two to a quarter of an octave.

    >>> _calls(8.0)
    '4'
    """
    return f"{size_at(2 * quarter) / 8:.2g}"


def _money(nanos: float) -> str:
    return spoken(round(nanos))


class Probe(NamedTuple):
    """One sequential test. `nats`: -ln of the expected episodes a day that are told at 0.05 false alerts per scope and day; `cool`: windows until it may be told again."""

    make: Callable[[], Signal]
    nats: float
    kind: Kind
    driver: str
    of: str
    cool: int = 8 * HOUR
    explained: bool = True  # by a run of the agent that is an incident already
    shown: Callable[[float], str] = _count  # a value of it, for people


TESTS: Final[dict[str, Probe]] = {
    "fallback": Probe(Share, 8.0, Kind.MODEL_SWAP, "model_mix", "calls served by another model than asked", explained=False),
    "models": Probe(Mix, 8.0, Kind.MODEL_SWAP, "model_mix", "runs begun with the model", explained=False),
    "price": Probe(Ratio, 7.5, Kind.PRICE_CHANGE, "price", "charged for what was used", explained=False, shown=_money),
    "floor": Probe(Floor, 15.0, Kind.PROMPT_BLOAT, "input_tokens", "tokens of the smallest prompts", DAY, shown="{:,.0f}".format),
    "size": Probe(Shift, 8.0, Kind.CONTEXT_GROWTH, "input_tokens", "tokens of a prompt", DAY, shown=_tokens),
    "cache": Probe(Cache, 11.8, Kind.CACHE_BREAK, "cache", "calls that missed the cache (later ones of a run count less)", DAY),
    "length": Probe(lambda: Shift(shifts=(1, 2, 3, 4, 6, 8, 11), octave=4), 4.0, Kind.SLOW_DRIFT, "calls_per_execution", "calls of a run", shown=_calls),
    "user": Probe(lambda: Mix(takes=0.7, below=1.0, prior=30.0, own=0.5), 12.0, Kind.VOLUME_SURGE, "executions", "runs of the user"),
    "up": Probe(Pace, 14.5, Kind.VOLUME_SURGE, "executions", "runs begun in ten minutes"),
    "silence": Probe(Silence, 7.0, Kind.FLAT_LINE, "executions", "runs begun in ten minutes", explained=False),
    "unattributed": Probe(lambda: Share(step=0.4), 8.0, Kind.UNATTRIBUTED, "executions", "records without an agent", explained=False),
}
