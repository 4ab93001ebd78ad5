"""Two small folds with the protocol's every difficulty in them: what was shown in the protocol's sketch holds for the real runner."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from service.facts import PolicySet, encode
from tests.simulation.case import Case, Story
from tests.simulation.toy_facts import CELLS, JOURNALS, MINUTE_MS, START_MINUTE, STREAMS, Record
from tests.simulation.toy_meter import MeterToy
from tests.simulation.toy_warden import Warden, WardenToy


def story(seed: int) -> Story:
    """Some 1,500 records in three streams, a fifth of them repeats, some minutes or days late, pauses of a minute and a half."""
    chance = random.Random(seed)
    rows: list[tuple[int, int, bytes]] = []
    told: list[tuple[int, bytes]] = []
    truth: defaultdict[str, int] = defaultdict(int)
    now_ms = START_MINUTE * MINUTE_MS
    for number in range(1_500):
        now_ms += chance.choice([0, 0, 300, 700, 1_700, 30_000 if chance.random() < 0.02 else 300])
        if told and chance.random() < 0.2:
            stream, row = chance.choice(told[-200:])
        else:
            stream = chance.randrange(STREAMS)
            late = chance.choice([0, 0, 0, 1, 30, 2_000])
            record = Record(str(number), chance.choice(CELLS), now_ms // MINUTE_MS - late, chance.randrange(1, 400), str(stream + 3 * chance.randrange(40)))
            truth[str(record.cell)] += record.nanos
            row = encode(record)
            told.append((stream, row))
        rows.append((now_ms, stream, row))
    effective_ms = rows[700][0]
    policy = PolicySet(3, "toy", encode((effective_ms, 3)))
    assert all(a[0] <= b[0] for a, b in pairwise(rows))
    return Story(rows, now_ms + 5 * MINUTE_MS, 5_000, truth, policy, effective_ms)


def totals(wardens: Sequence[Warden]) -> dict[str, int]:
    return {str(cell): nanos for warden in wardens for cell, nanos in warden.spend.items()}


def decided(_: Sequence[bytes], outbox: Sequence[bytes], wardens: Sequence[Warden]) -> frozenset[str]:
    return frozenset(row.decode() for row in outbox)


def toys(breaks: str = "", sabotage: str = "") -> Case:
    return Case("toys", STREAMS, JOURNALS, lambda: MeterToy(breaks), lambda: WardenToy(breaks), story, totals, decided, sabotage=sabotage)
