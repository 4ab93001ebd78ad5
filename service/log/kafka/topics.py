"""The topics of the service: which there are, how each must be, and what differs in a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from service.log.kafka.snapshots import SNAPSHOTS
from service.log.ports import CONTROLS, JOURNAL, OUTBOX, REFUSED, STREAM

IN: Final = "in"  # where producers write, under any key
METER_LEASE: Final = "meter-lease"
WARDEN_LEASE: Final = "warden-lease"
COURIER_LEASE: Final = "courier-lease"

MESSAGE_BYTES_MAX: Final = 2 * 1024 * 1024  # a part of 512 KiB, a batch of 1 MiB, an envelope of many facts
DAY_MS: Final = 86_400_000
STREAM_DAYS: Final = 7
UNLIMITED: Final = -1
PARTITIONS: Final = "partitions"
IN_SYNC: Final = "min.insync.replicas"
COPIES: Final = 3  # of each topic, where there are as many brokers

_CLEANUP, _RETENTION_MS, _RETENTION_BYTES = "cleanup.policy", "retention.ms", "retention.bytes"
_MESSAGE_BYTES, _TIMESTAMP = "max.message.bytes", "message.timestamp.type"
AT_LEAST: Final = (_RETENTION_MS, _RETENTION_BYTES, _MESSAGE_BYTES)  # more of it does no harm
_STAMPED: Final = {_TIMESTAMP: "LogAppendTime", _MESSAGE_BYTES: str(MESSAGE_BYTES_MAX)}
_DAYS: Final = {**_STAMPED, _CLEANUP: "delete", _RETENTION_MS: str(STREAM_DAYS * DAY_MS), _RETENTION_BYTES: str(UNLIMITED)}
_FOR_EVER: Final = {**_STAMPED, _CLEANUP: "delete", _RETENTION_MS: str(UNLIMITED), _RETENTION_BYTES: str(UNLIMITED)}  # the service itself trims
_COMPACTED: Final = {**_STAMPED, _CLEANUP: "compact"}
_SOON_SMALL: Final = {  # a new owner reads all of it, so it is compacted early and tombstones go after an hour
    "segment.ms": "600000",
    "segment.bytes": str(16 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "3600000",
}


class Topic(NamedTuple):
    """One topic by its full name: `config` must be so, `tuning` is only given when it is made."""

    name: str
    partitions: int
    config: Mapping[str, str]
    tuning: Mapping[str, str] = {}


class Found(NamedTuple):
    """One topic as a cluster has it: every setting that holds, the names of those that are its own, and its copies, each on another broker."""

    partitions: int
    config: Mapping[str, str]
    own: frozenset[str] = frozenset()
    copies: int = 1


class Difference(NamedTuple):
    """Something that is not as it must be; `is_now` is empty where the topic is missing."""

    topic: str
    what: str
    is_now: str
    must_be: str

    def __str__(self) -> str:
        """A sentence."""
        return f"{self.topic}: {self.what} is {self.is_now}, must be {self.must_be}" if self.is_now else f"{self.topic}: is missing"


def topics(prefix: str, partitions: int, journal_partitions: int) -> tuple[Topic, ...]:
    """All of them. A lease and a snapshot topic have as many partitions as the source of their fold.

    >>> [topic.name for topic in topics("sw.", 12, 1) if topic.partitions == 1]
    ['sw.journal', 'sw.outbox', 'sw.controls', 'sw.snapshots.warden', 'sw.snapshots.courier', 'sw.warden-lease', 'sw.courier-lease']
    """
    return tuple(
        Topic(prefix + name, count, config, tuning)
        for name, count, config, tuning in (
            (IN, partitions, _DAYS, {}),
            (STREAM, partitions, _DAYS, {}),
            (REFUSED, partitions, _DAYS, {}),
            (JOURNAL, journal_partitions, _FOR_EVER, {}),
            (OUTBOX, journal_partitions, _FOR_EVER, {}),
            (CONTROLS, 1, _COMPACTED, _SOON_SMALL),
            (f"{SNAPSHOTS}meter", partitions, _COMPACTED, _SOON_SMALL),
            (f"{SNAPSHOTS}warden", journal_partitions, _COMPACTED, _SOON_SMALL),
            (f"{SNAPSHOTS}courier", journal_partitions, _COMPACTED, _SOON_SMALL),
            (METER_LEASE, partitions, {}, {}),
            (WARDEN_LEASE, journal_partitions, {}, {}),
            (COURIER_LEASE, journal_partitions, {}, {}),
        )
    )


def differences(wanted: Iterable[Topic], found: Mapping[str, Found]) -> list[Difference]:
    """What must change before the service may start.

    >>> differences([Topic("s", 12, {"retention.ms": "1000"})], {"s": Found(6, {"retention.ms": "-1"})})
    [Difference(topic='s', what='partitions', is_now='6', must_be='12')]
    """
    different: list[Difference] = []
    for topic in wanted:
        there = found.get(topic.name)
        if there is None:
            different.append(Difference(topic.name, "", "", ""))
            continue
        if there.partitions != topic.partitions:
            different.append(Difference(topic.name, PARTITIONS, str(there.partitions), str(topic.partitions)))
        for name, must_be in topic.config.items():
            is_now = there.config.get(name, "unset")
            if not _fits(name, is_now, must_be):
                different.append(Difference(topic.name, name, is_now, _told(name, must_be)))
        different += _in_sync_differs(topic.name, there)
    return different


def in_sync(copies: int) -> int:
    """How many must have a row before it is acknowledged: one broker may be lost without a word being refused or forgotten.

    >>> [in_sync(copies) for copies in (1, 2, 3)]
    [1, 1, 2]
    """
    return max(1, copies - 1)


def at_risk(wanted: Iterable[Topic], found: Mapping[str, Found], brokers: int) -> str:
    """Which topics have fewer copies than these brokers could hold, and what that means; nothing where none has.

    >>> at_risk([Topic("s", 12, {})], {"s": Found(12, {}, copies=1)}, brokers=1)
    ''
    """
    could = min(COPIES, brokers)
    few = [f"{topic.name} {found[topic.name].copies}" for topic in wanted if topic.name in found and found[topic.name].copies < could]
    means = f"the brokers could hold {could} copies; one that is lost may take away what it alone holds; kafka-reassign-partitions makes more of them"
    return f"few copies of {', '.join(few)}: {means}" if few else ""


def _in_sync_differs(name: str, there: Found) -> list[Difference]:
    """Too few, and a lost broker takes acknowledged rows with it; as many as there are copies, and nothing is taken without it."""
    is_now, copies = there.config.get(IN_SYNC, ""), there.copies
    least, most = min(2, in_sync(copies)), in_sync(copies)
    if not is_now.isdigit() or least <= int(is_now) <= most:
        return []
    return [
        Difference(name, IN_SYNC, is_now, f"{'at least' if int(is_now) < least else 'at most'} {least if int(is_now) < least else most} of its {copies} copies")
    ]


def _fits(name: str, is_now: str, must_be: str) -> bool:
    if name not in AT_LEAST or not is_now.lstrip("-").isdigit():
        return is_now == must_be
    return int(is_now) == UNLIMITED or (int(must_be) != UNLIMITED and int(is_now) >= int(must_be))


def _told(name: str, must_be: str) -> str:
    if name in AT_LEAST:
        return "-1 (unlimited)" if int(must_be) == UNLIMITED else f"at least {must_be}"
    return must_be
