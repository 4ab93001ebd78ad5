"""A journal of several partitions is repeated as its transcript is exported: one partition after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from service.facts import encode
from service.log import file
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL, Row
from service.records import Usage
from tests.core.streams import START_MS, Heard, Overheard, policy_set
from tests.scenarios.commands import lines, run

POLICY = "version: 1\nbudgets: [{name: each-day, scope: {agent: '*'}, period: day, limit_usd: 1}]"


def test_partitions_are_repeated_one_after_the_other(tmp_path: Path) -> None:
    engine = Overheard(policy_set(POLICY))
    for number in range(20):
        engine.hear(*Heard(START_MS + number * 1_000, Usage(id=str(number), time=START_MS / 1000 + number, agent=f"agent-{number % 4}", cost_usd="0.3")))
    engine.finish(START_MS + 120_000)
    log = MemoryLog(lambda: 0)
    rows = [encode(policy_set(POLICY)), *map(encode, engine.envelopes)]
    for partition in (0, 1):
        for offset, value in enumerate(rows):
            log.place(JOURNAL, partition, Row(offset, START_MS + 10 * offset, value))
    both, one = tmp_path / "both.jsonl", tmp_path / "one.jsonl"
    asyncio.run(file.export(log, JOURNAL, 2, both, stream_partitions=3))
    asyncio.run(file.export(log, JOURNAL, 1, one, stream_partitions=3))
    alone = lines(run("replay", "--journal", str(one), "--json"))[:-1]
    together = lines(run("replay", "--journal", str(both), "--json"))[:-1]
    assert len([line for line in alone if json.loads(line)["type"] == "incident"]) >= 4
    assert together == [*alone, *alone]
