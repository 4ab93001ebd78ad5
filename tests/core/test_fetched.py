"""Records as a batch is parsed into: the same as aiokafka's own in all that is read of them, and refused where those are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from service.log.kafka.fetched import Fetched

AT = TopicPartition("stream", 0)
WRITTEN = [(offset, 1_000 + offset, b"key" if offset % 2 else None, b"value %d" % offset if offset != 2 else None) for offset in range(7)]


class State(SimpleNamespace):
    """A consumer's place in its partition."""

    def consumed_to(self, position: int) -> None:
        self.position = position


def batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 10_000)
    for offset, timestamp, key, value in WRITTEN:
        builder.append(offset, timestamp, key, value, [])
    return bytes(builder.build())


def fetched(raw: bytes, state: State) -> FetchResult:
    """As aiokafka puts it down."""
    records = PartitionRecords(AT, MemoryRecords(raw), None, state.position, None, None, True, 0)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    return FetchResult(AT, assignment=assignment, partition_records=records, backoff=0)


def seen(records: list[Any]) -> list[tuple[Any, ...]]:
    return [(each.offset, each.timestamp, each.key, each.value) for each in records]


def test_bare_records_say_the_same() -> None:
    states, kept = [State(position=0, paused=False) for _ in range(2)], Fetched()
    theirs = fetched(batch(), states[0])
    kept[AT] = fetched(batch(), states[1])
    for most in (3, 1, None):
        own, bare = theirs.getall(most), kept[AT].getall(most)
        assert seen(own) == seen(bare) == WRITTEN[bare[0].offset : states[1].position]
        assert {type(each) for each in bare} == {DefaultRecord} != {type(each) for each in own}
        assert states[0].position == states[1].position
        assert theirs.has_more() == kept[AT].has_more()
    assert states[1].position == len(WRITTEN)


def test_bare_records_of_a_spoiled_batch_are_refused() -> None:
    kept = Fetched()
    kept[AT] = fetched(batch()[:-1] + b"?", State(position=0, paused=False))
    with pytest.raises(CorruptRecordException):
        kept[AT].getall(3)
