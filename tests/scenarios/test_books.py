"""What the real meters say, booked: the books equal the truth while minutes are open and after they have closed."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from random import Random

from service.books import SpendQuestion
from service.facts import Envelope, Scope, Tick, encode
from service.intake import Refusal
from service.intake.native import parse
from service.intake.partition import partition_of, root_of
from service.ledger import Ledger
from service.log.ports import Row
from service.meter.fold import Item, Meter, fold
from service.money import nanos_of
from service.records import Usage

PARTITIONS = 3
START_MS = 1_795_507_200_000


def told(chance: Random, number: int, at_ms: int) -> Usage:
    """One record as producers send it; now and then late, or in another tenant."""
    late_s = chance.choice([0, 0, 0, 90, 4000, 90_000])
    record = {
        "id": str(number),
        "time": at_ms / 1000 - late_s,
        "tenant": chance.choice(["default", "default", "other"]),
        "agent": chance.choice(["indexer", "screener", ""]),
        "execution_id": f"run-{number // 7}",
        "input_tokens": chance.randrange(1000),
        "cost_usd": chance.choice([0.1, "0.000000001", "1234567.891", -0.5]),
    }
    usage = parse(json.dumps(record).encode())
    assert isinstance(usage, Usage), isinstance(usage, Refusal) and usage.detail
    return usage


def test_the_books_equal_the_truth(tmp_path: Path) -> None:
    chance = Random(7)
    records: list[Usage] = []
    meters = [Meter(partition) for partition in range(PARTITIONS)]
    books = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    journal: list[Row] = []
    for second in range(300):
        at_ms = START_MS + second * 1000
        new = [told(chance, len(records) + n, at_ms) for n in range(4)]
        records += new
        for partition, meter in enumerate(meters):
            heard: list[Item] = [usage for usage in [*new, *new[:1]] if partition_of(usage.tenant, root_of(usage), PARTITIONS) == partition]
            said: list[Envelope] = fold(meter, [(second * 10 + n, at_ms, item) for n, item in enumerate([*heard, Tick()])])
            journal += [Row(len(journal) + n, at_ms, encode(envelope)) for n, envelope in enumerate(said)]
        if second % 50 == 49:
            books.apply(0, journal[books.next_offset("journal", 0) :])
    for extra in (60_000, 61_000):
        for meter in meters:
            said = fold(meter, [(10_000 + extra, START_MS + 300_000 + extra, Tick())])
            journal += [Row(len(journal) + n, 0, encode(envelope)) for n, envelope in enumerate(said)]
    books.apply(0, journal[books.next_offset("journal", 0) :])
    for tenant in ("default", "other"):
        truth: dict[str, int] = defaultdict(int)
        for usage in records:
            if usage.tenant == tenant:
                truth[usage.agent or "unattributed"] += nanos_of(usage.cost_usd or 0)
        answer = books.spend(SpendQuestion(tenant, by="agent"))
        assert answer.by == truth
        assert answer.nanos == sum(truth.values())
        assert answer.records == sum(usage.tenant == tenant for usage in records)
        assert answer.tokens.input == answer.tokens.total == sum(usage.input_tokens for usage in records if usage.tenant == tenant)
        assert books.spend(SpendQuestion(tenant, Scope("agent", "indexer"))).nanos == truth["indexer"]
    assert sum(counts.accepted for counts in books.counts().values()) == len(records)
    assert sum(counts.duplicates for counts in books.counts().values()) == 300
    books.close()
