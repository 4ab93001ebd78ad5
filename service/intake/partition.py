"""Which partition a record belongs to: Kafka's murmur2 over tenant and root execution, so that a run and its repeats meet in one.

The key of a Kafka message is the same text, so Kafka's own default partitioner agrees with this file.
"""

from __future__ import annotations

from functools import lru_cache
from struct import unpack
from typing import Final

from service.records import Change, Outcome, Usage

CACHE_MAX: Final = 65_536
_M: Final = 0x5BD1E995
_U32: Final = 0xFFFFFFFF
_SEED: Final = 0x9747B28C


def root_of(record: Usage | Outcome | Change) -> str:
    """What a record is keyed by inside its tenant: the root of its run, without a run its own id; all changes go one way.

    >>> root_of(Usage(id="a", time=1.0, execution_id="child", parent_execution_id="parent"))
    'parent'
    """
    if isinstance(record, Usage):
        return record.root_execution_id or record.parent_execution_id or record.execution_id or record.id
    return (record.root_execution_id or record.execution_id or record.id) if isinstance(record, Outcome) else ""


def key_of(record: Usage | Outcome | Change) -> bytes:
    """The record's key as a Kafka message carries it."""
    return f"{record.tenant}/{root_of(record)}".encode()


@lru_cache(maxsize=CACHE_MAX)
def partition_of(tenant: str, root: str, partitions: int) -> int:
    """The partition of a tenant's run, 0 to `partitions` - 1; the same wherever and whenever it is asked.

    >>> partition_of("default", "run-1", 12), partition_of("default", "run-1", 1)
    (11, 0)
    """
    return (murmur2(f"{tenant}/{root}".encode()) & 0x7FFFFFFF) % partitions


def journal_of(tenant: str, partitions: int) -> int:
    """The journal partition of a tenant, where all its money comes together."""
    return (murmur2(tenant.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2, unsigned.

    Source: org.apache.kafka.common.utils.Utils.murmur2, itself after Austin Appleby's MurmurHash2.

    >>> murmur2(b"21") - 2**32
    -973932308
    """
    whole = len(data) // 4
    h = _SEED ^ len(data)
    for word in unpack(f"<{whole}I", data[: whole * 4]):
        k = word * _M & _U32
        k = (k ^ k >> 24) * _M & _U32
        h = h * _M & _U32 ^ k
    tail = data[whole * 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _U32
    h = (h ^ h >> 13) * _M & _U32
    return h ^ h >> 15
