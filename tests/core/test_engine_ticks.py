"""Ticks are for time that has passed: a log whose clock is behind ours is not flooded with them."""

from __future__ import annotations

from service.engine.engine import Engine, Ports
from service.facts import MARK_MS, Tick, decode_stream, encode
from service.log.memory import MemoryLog, MemorySnapshots
from service.log.ports import STREAM
from service.records import Usage
from tests.core.streams import START_MS, policy_set

BEHIND_MS = 5_000
ROUND_MS = 5


async def test_a_log_that_is_behind_hears_a_tick_a_mark() -> None:
    now_ms = START_MS
    log = MemoryLog(lambda: now_ms - BEHIND_MS)
    engine = Engine.of_all(Ports(log, MemorySnapshots()), 1, lambda: now_ms, lambda: 1, policy_set())
    await engine.restore(Ports(log, MemorySnapshots()), now_ms)
    await engine.round(now_ms)
    await log.append(STREAM, 0, [encode(Usage(id="a", time=START_MS / 1000, agent="indexer", cost_usd="1"))])
    for _ in range(4 * MARK_MS // ROUND_MS):
        now_ms += ROUND_MS
        await engine.round(now_ms)
    ticks = sum(isinstance(decode_stream(row.value), Tick) for row in await log.read(STREAM, 0, 0, 1_000))
    assert 2 <= ticks <= 4 + 2
