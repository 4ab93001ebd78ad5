"""How long a snapshot keeps the warden from folding: 50,000 scopes, 2,000 of them spending."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from time import process_time
from typing import Final

from service.facts import MINUTE_MS, Cell, Counts, Envelope, Fact, Measures, PolicySet, Progress, Tally
from service.policy import dump, load
from service.warden import snapshot
from service.warden.fold import hear
from service.warden.state import SERIES_PER_TENANT_MAX, Warden
from tests.bench.figures import Figure, below

STALL_MS_GOAL: Final = 50
SPENDING: Final = 2_000
BEGIN: Final = 1_790_000_400_000 // MINUTE_MS  # a window begins here too
POLICY: Final = "version: 1\nbudgets: [{name: each-agent-day, scope: {agent: '*'}, period: day, limit_usd: 5000}]"
NO_COUNTS: Final = Counts(*[0] * len(Counts.__struct_fields__))


def stall() -> list[Figure]:
    """CPU milliseconds of one `dump`; every scope has spent in one window, the spending ones lie evenly among the others: the worst for groups."""
    policy = load(POLICY)
    warden = Warden(0, 1)
    hear(warden, BEGIN * MINUTE_MS, PolicySet(1, policy.digest, dump(policy)))
    _mark(warden, BEGIN, [])
    _mark(warden, BEGIN + 1, [_tally(agent, BEGIN) for agent in range(SERIES_PER_TENANT_MAX)])
    _mark(warden, BEGIN + 12, [])
    whole, parts = _dumped_ms(warden)
    spending = range(0, SERIES_PER_TENANT_MAX, SERIES_PER_TENANT_MAX // SPENDING)
    _mark(warden, BEGIN + 13, [_progress(agent, BEGIN + 12) for agent in spending])
    on_the_way, _ = _dumped_ms(warden)
    _mark(warden, BEGIN + 21, [_tally(agent, BEGIN + 13) for agent in spending])
    after_last_words, _ = _dumped_ms(warden)
    idle, _ = _dumped_ms(warden)
    name = f"snapshot of {len(warden.tenants['default'].series):,} scopes"
    return [
        Figure(f"{name}: size", sum(map(len, parts)) / 2**20, "MiB"),
        Figure(f"{name}: the first one, and each after a window has closed", whole, "ms of the fold"),
        below(f"{name}: {SPENDING:,} spending, on the way", on_the_way, "ms of the fold", STALL_MS_GOAL),
        below(f"{name}: {SPENDING:,} spending, after their last words", after_last_words, "ms of the fold", STALL_MS_GOAL),
        Figure(f"{name}: nothing new", idle, "ms of the fold"),
    ]


def _dumped_ms(warden: Warden) -> tuple[float, Sequence[bytes]]:
    gc.collect()
    started = process_time()
    found = snapshot.dump(warden)
    return (process_time() - started) * 1000, list(found.values())


def _mark(warden: Warden, minute: int, facts: Iterable[Fact]) -> None:
    hear(warden, minute * MINUTE_MS, Envelope(0, minute * MINUTE_MS, minute, list(facts), NO_COUNTS))
    warden.out = []


def _cell(agent: int) -> Cell:
    place = (f"case-{agent % 8}", f"unit-{agent % 4}", f"flow-{agent % 17}")
    return Cell("default", f"agent-{agent}", *place, "anthropic", "claude-sonnet-4-5", "inference", "chat", batch=False)


def _tally(agent: int, minute: int) -> Tally:
    sums = Measures(records=3, nanos=10_000_000 + agent, last_ms=minute * MINUTE_MS, input=1_000, cache_read=3_000, output=500, calls=3)
    return Tally(_cell(agent), minute, minute, minute * 2 + 1, sums)


def _progress(agent: int, minute: int) -> Progress:
    return Progress(_cell(agent), minute, minute, minute * 2, 3, 10_000_000, 4_500, minute * MINUTE_MS)
