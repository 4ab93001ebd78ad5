"""What a fetch has brought, without aiokafka's own object for each record: that one alone takes a third of the time of reading it.

Law of this file: whoever reads relies on nothing but `offset`, `timestamp`, `key` and `value`, which both kinds of record have; should
another aiokafka keep what it has fetched elsewhere, reading gets slower and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords


class _Bare(PartitionRecords):  # type: ignore[misc]  # aiokafka brings no types
    """Gives records as the batch is parsed into, in C. Checksums, transactions and offsets are looked at as ever."""

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator  # type: ignore[no-any-return]

    def _consumer_record(self, at: TopicPartition, record: Any) -> Any:  # noqa: ARG002 -- the library's signature
        return record


class Fetched(OrderedDict[TopicPartition, Any]):
    """Where a consumer keeps what it has fetched, by partition, until somebody takes it."""

    def __setitem__(self, at: TopicPartition, found: Any) -> None:
        if type(found) is FetchResult:
            found._partition_records.__class__ = _Bare  # noqa: SLF001 -- the library has no way to ask for it
        super().__setitem__(at, found)


def bare(consumer: AIOKafkaConsumer) -> None:
    """From now on this consumer, which has begun and been assigned nothing yet, gives bare records."""
    consumer._fetcher._records = Fetched()  # noqa: SLF001 -- as above
