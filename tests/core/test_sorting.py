"""Rows of a producer's topic are sorted into the stream's partitions and into dead letters, whatever they are."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts import decode_stream
from service.intake import FORMATS, Reason, Unknown
from service.intake.partition import partition_of, root_of
from service.intake.sorting import RAW_BYTES_MAX, Form, Sorted, sort
from service.records import RECORD_BYTES_MAX, TOO_EARLY_MS, Usage

OURS = Form("in", FORMATS["spendwarden"])
FOREIGN = Form("llm.calls", FORMATS["spendwarden"], gives_ids=True)
LITELLM = Form("llm.calls", FORMATS["litellm"], gives_ids=True)
CALL: dict[str, Any] = {"endTime": 1.5, "prompt_tokens": 12, "response_cost": 0.25, "model": "gpt-4o", "messages": [{"content": "hush"}]}


def told(**fields: Any) -> bytes:
    return json.dumps({"id": "a", "time": 1.5} | fields).encode()


def records(sorted_: Sorted) -> list[Usage]:
    found = [decode_stream(raw) for rows in sorted_.batches.values() for raw in rows]
    assert all(isinstance(record, Usage) for record in found)
    return [record for record in found if isinstance(record, Usage)]


def one(raw: bytes, form: Form, offset: int = 7, partition: int = 3, arrival_ms: int = 2_000) -> Sorted:
    return sort({partition: [(offset, arrival_ms, raw)]}, form, 12)


def test_a_run_comes_together_from_every_partition_in_its_order() -> None:
    rows = {
        partition: [(offset, 2_000, told(id=f"{partition}-{offset}", execution_id="run" if offset % 2 else f"{partition}")) for offset in range(4)]
        for partition in range(3)
    }
    batches, refused = sort(rows, OURS, 12)
    assert not refused
    by_partition = {partition: [decode_stream(raw) for raw in batch] for partition, batch in batches.items()}
    for partition, batch in by_partition.items():
        assert {partition_of(record.tenant, root_of(record), 12) for record in batch if isinstance(record, Usage)} == {partition}
    together = [record.id for record in by_partition[partition_of("default", "run", 12)] if isinstance(record, Usage) and record.execution_id == "run"]
    assert together == ["0-1", "0-3", "1-1", "1-3", "2-1", "2-3"]


@pytest.mark.parametrize(
    ("raw", "reason", "field"),
    [
        (b"", Reason.NOT_JSON, ""),
        (b"\xff", Reason.NOT_JSON, ""),
        (b"[]", Reason.NOT_AN_OBJECT, ""),
        (told(id=None), Reason.MISSING, "id"),
        (told(time=None), Reason.MISSING, "time"),
        (told(input_tokens=-1), Reason.NEGATIVE, "input_tokens"),
        (told(time=2.0 + TOO_EARLY_MS / 1000 + 0.001), Reason.TOO_EARLY, "time"),
    ],
)
def test_a_dead_letter_is_whole_and_says_where_it_lies(raw: bytes, reason: Reason, field: str) -> None:
    batches, (refusal,) = one(raw, OURS)
    assert not batches
    assert (refusal.reason, refusal.field, refusal.where, refusal.raw) == (reason, field, "in-3@7", raw)


def test_ten_minutes_ahead_of_its_row_is_not_too_early() -> None:
    assert not one(told(time=2.0 + TOO_EARLY_MS / 1000), OURS).refused


def test_of_what_no_dead_letter_can_hold_the_beginning_is_kept() -> None:
    raw = told(note="x" * RAW_BYTES_MAX)
    _, (refusal,) = one(raw, OURS)
    assert (refusal.reason, refusal.raw) == (Reason.TOO_LARGE, raw[:RAW_BYTES_MAX])
    assert refusal.detail.endswith(f"Of its {len(raw)} bytes the first {RAW_BYTES_MAX} are kept here; all of them lie at in-3@7.")


@pytest.mark.parametrize("nameless", [told(id=None), told(id=""), b'\xef\xbb\xbf{"time": 1.5}', b'{"time": 1.5, "cost_usd": 0.1, "agent": "\xc3\xa9"}'])
def test_a_foreign_record_without_an_id_gets_one_that_stays(nameless: bytes) -> None:
    (record,) = records(one(nameless, FOREIGN))
    assert records(one(nameless, FOREIGN)) == [record]
    others = [
        one(nameless, FOREIGN, offset=8),
        one(nameless, FOREIGN, partition=4),
        one(nameless, FOREIGN._replace(topic="other")),
        one(nameless + b" ", FOREIGN),
    ]
    ids = {record.id, *(other.id for each in others for other in records(each))}
    assert len(ids) == 5, "another place is another record, and so are other bytes in a topic that was made again"
    assert msgspec.structs.replace(record, id="a") == records(one(json.dumps(json.loads(nameless.decode("utf-8-sig")) | {"id": "a"}).encode(), FOREIGN))[0]


def test_an_id_that_is_there_or_wrong_is_not_replaced() -> None:
    assert records(one(told(id="mine"), FOREIGN))[0].id == "mine"
    _, (refusal,) = one(told(id="x" * 200), FOREIGN)
    assert (refusal.reason, refusal.field) == (Reason.TOO_LONG, "id")


def test_what_else_is_wrong_with_a_nameless_record_is_what_is_said() -> None:
    raw = told(id=None, output_tokens=-1)
    _, (refusal,) = one(raw, FOREIGN)
    assert (refusal.reason, refusal.field, refusal.raw, refusal.where) == (Reason.NEGATIVE, "output_tokens", raw, "llm.calls-3@7")


def test_litellm_with_and_without_an_id() -> None:
    (named,) = records(one(json.dumps(CALL | {"litellm_call_id": "call-1"}).encode(), LITELLM))
    (given,) = records(one(json.dumps(CALL).encode(), LITELLM))
    assert named.id == "call-1"
    assert given.id.startswith("row-")
    assert msgspec.structs.replace(given, id="call-1") == named
    _, (refusal,) = one(json.dumps(CALL | {"endTime": None}).encode(), LITELLM)
    assert (refusal.reason, refusal.field) == (Reason.MISSING, "time")
    assert b"hush" not in refusal.raw


def test_unknown_fields_are_counted_once() -> None:
    unknown = Unknown()
    sort({0: [(0, 2_000, told(id=None, colour=1)), (1, 2_000, told(colour=2))]}, FOREIGN, 12, unknown)
    assert unknown.counts == {"colour": 2}


@given(st.dictionaries(st.integers(0, 3), st.lists(st.binary(max_size=60) | st.just(told()) | st.just(told(id=None)), max_size=6), max_size=3))
def test_every_row_is_a_record_or_a_dead_letter(values: dict[int, list[bytes]]) -> None:
    taken = {partition: [(offset, 2_000, raw) for offset, raw in enumerate(raws)] for partition, raws in values.items()}
    for form in (OURS, FOREIGN, LITELLM):
        done = sort(taken, form, 12)
        assert len(records(done)) + len(done.refused) == sum(map(len, values.values()))


@pytest.mark.parametrize("depth", [*range(100, 1100, 100), *range(880, 1000), 3_000])
def test_what_is_nested_deeply_stops_nothing(depth: int) -> None:
    raw = b'{"time": 1.5, "deep": ' + b"[" * depth + b"]" * depth + b"}"
    assert len(raw) < RECORD_BYTES_MAX
    done = one(raw, FOREIGN)
    assert len(records(done)) + len(done.refused) == 1
