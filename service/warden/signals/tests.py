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
from service.facts import Kind

HOUR: Final = 6  # windows
DAY: Final = 144


class Test(NamedTuple):
    """`nats`: -ln of the expected episodes a day that are told at 0.05 false alerts per scope and day; `cool`: windows until it may be told again."""

    make: Callable[[], Signal]
    nats: float
    kind: Kind
    driver: str
    of: str
    cool: int = 8 * HOUR
    explained: bool = True  # by a run of the agent that is an incident already


TESTS: Final[dict[str, Test]] = {
    "fallback": Test(Share, 8.0, Kind.MODEL_SWAP, "model_mix", "calls served by another model than asked", explained=False),
    "models": Test(Mix, 8.0, Kind.MODEL_SWAP, "model_mix", "runs begun with the model", explained=False),
    "price": Test(Ratio, 7.5, Kind.PRICE_CHANGE, "price", "USD charged, beside the list price", explained=False),
    "floor": Test(Floor, 8.5, Kind.PROMPT_BLOAT, "input_tokens", "tokens of the smallest prompts", DAY),
    "size": Test(Shift, 11.3, Kind.CONTEXT_GROWTH, "input_tokens", "size of prompts, in eighths of an octave", DAY),
    "cache": Test(Cache, 11.5, Kind.CACHE_BREAK, "cache", "calls that missed the cache", DAY),
    "length": Test(Shift, 6.0, Kind.SLOW_DRIFT, "calls_per_execution", "calls a run, in quarters of an octave"),
    "user": Test(lambda: Mix(takes=0.7, below=1.0, prior=30.0, own=0.5), 12.0, Kind.VOLUME_SURGE, "executions", "runs of the user"),
    "up": Test(Pace, 13.8, Kind.VOLUME_SURGE, "executions", "runs begun"),
    "silence": Test(Silence, 8.5, Kind.FLAT_LINE, "executions", "runs begun", explained=False),
    "unattributed": Test(lambda: Share(step=0.4), 8.0, Kind.UNATTRIBUTED, "executions", "records without an agent", explained=False),
}
