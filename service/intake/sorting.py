"""Rows of a producer's topic become the stream's rows by partition, and refusals that say where each came from.

A producer may write under any key to any partition: here a record gets the partition where its run and its repeats meet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from service.facts import encode, ident
from service.intake import Parse, Reason, Refusal, Unknown
from service.intake.native import too_early
from service.intake.partition import partition_of, root_of
from service.records import Record

RAW_BYTES_MAX: Final = 1024 * 1024  # a dead letter has to fit into a row itself

RowLike: TypeAlias = tuple[int, int, bytes]  # offset, arrival_ms, value


class Form(NamedTuple):
    """How the rows of `topic` are read; with `gives_ids` a record that has no id gets one from where it lies and what it says."""

    topic: str
    parse: Parse
    gives_ids: bool = False


class Sorted(NamedTuple):
    """`batches`: partition of the stream -> its new rows, encoded, in the order in which they came; `refused` are not among them."""

    batches: dict[int, list[bytes]]
    refused: list[Refusal]


def sort(taken: Mapping[int, Sequence[RowLike]], form: Form, partitions: int, unknown: Unknown | None = None) -> Sorted:
    """All rows that were `taken`, by their partition in the topic; never raises, whatever the bytes are.

    >>> from service.intake import FORMATS
    >>> rows = [(7, 1_000, b'{"id": "a", "time": 1.0, "execution_id": "run-1"}'), (8, 1_000, b'{"id": "b"}')]
    >>> batches, refused = sort({3: rows}, Form("in", FORMATS["spendwarden"]), 12)
    >>> list(batches), [(refusal.where, refusal.reason.value, refusal.field) for refusal in refused]
    ([11], [('in-3@8', 'missing', 'time')])
    """
    batches: dict[int, list[bytes]] = {}
    refused: list[Refusal] = []
    parse = form.parse
    for partition, rows in taken.items():
        for row in rows:
            _, arrival_ms, raw = row
            record = parse(raw, "", unknown)
            if isinstance(record, Refusal) and form.gives_ids:
                record = _with_id(record, form, partition, row)
            if not isinstance(record, Refusal):
                record = too_early(record, arrival_ms, raw=raw) or record
            if isinstance(record, Refusal):
                refused.append(_placed(record, f"{form.topic}-{partition}@{row[0]}"))
            else:
                batches.setdefault(partition_of(record.tenant, root_of(record), partitions), []).append(encode(record))
    return Sorted(batches, refused)


def _with_id(refusal: Refusal, form: Form, partition: int, row: RowLike) -> Record | Refusal:
    """The record, if nothing but its id was missing: the same row read again gets the same id.

    The bytes are part of it because offsets begin anew in a topic that is deleted and made again. Fields that are unknown were
    counted at the first reading.
    """
    if (refusal.reason, refusal.field) != (Reason.MISSING, "id"):
        return refusal
    offset, _, raw = row
    told = json.loads(raw.decode("utf-8-sig"))
    told["id"] = ident("row", form.topic, partition, offset, raw)
    record = form.parse(json.dumps(told).encode(), "", None)
    return msgspec.structs.replace(record, raw=refusal.raw) if isinstance(record, Refusal) else record


def _placed(refusal: Refusal, where: str) -> Refusal:
    """Says where it lies; of a row that no dead letter can hold whole, the beginning is kept."""
    if len(refusal.raw) <= RAW_BYTES_MAX:
        return msgspec.structs.replace(refusal, where=where)
    detail = f"{refusal.detail} Of its {len(refusal.raw)} bytes the first {RAW_BYTES_MAX} are kept here; all of them lie at {where}."
    return msgspec.structs.replace(refusal, where=where, detail=detail, raw=refusal.raw[:RAW_BYTES_MAX])
