from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.intake.batches import BODY_BYTES_MAX, RECORDS_PER_BATCH_MAX, BatchRefusal, Unreadable, split

TWO = [{"id": "a", "text": "x,]}\n"}, {"id": "b"}]
LINES = b"\n".join(json.dumps(item).encode() for item in TWO)


def read(body: bytes, content_type: str = "application/json", content_encoding: str = "") -> list[Any]:
    items = split(body, content_type, content_encoding)
    assert isinstance(items, list), items
    return [json.loads(item) for item in items]


def refused(body: bytes, content_type: str = "application/json", content_encoding: str = "") -> Unreadable:
    answer = split(body, content_type, content_encoding)
    assert isinstance(answer, BatchRefusal)
    assert answer.detail.endswith(".")
    return answer.reason


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(TWO).encode(), "application/json"),
        (json.dumps(TWO, indent=2).encode(), "application/json; charset=utf-8"),
        (b"\xef\xbb\xbf  " + json.dumps(TWO).encode() + b"\r\n", ""),
        (LINES, "application/x-ndjson"),
        (LINES.replace(b"\n", b"\r\n\r\n"), "Application/NDJSON"),
        (LINES, "application/json"),
        (LINES, "text/plain"),
    ],
)
def test_a_body_is_an_array_or_lines(body: bytes, content_type: str) -> None:
    assert read(body, content_type) == TWO
    assert read(gzip.compress(body), content_type, "gzip") == TWO


def test_a_single_object_may_be_written_over_many_lines() -> None:
    assert read(json.dumps(TWO[0], indent=2).encode()) == TWO[:1]
    assert split(b'{"id": "a",\n') == [b'{"id": "a",']  # the record is refused, not the body


def test_an_empty_array_is_no_record_and_no_error() -> None:
    assert split(b" [ ] ") == []


def test_a_record_with_nan_does_not_disturb_its_batch() -> None:
    assert split(b'[ {"id": 1, "x": NaN} , {"id": 1.10}, {"id": "\xc3\xa9"} ]') == [b'{"id": 1, "x": NaN}', b'{"id": 1.10}', b'{"id": "\xc3\xa9"}']
    assert split(b'[{"id": "\xff"}, {"id": "b"}]') == [b'{"id": "\xff"}', b'{"id": "b"}']


@pytest.mark.parametrize(
    "body", [b'[{"id": 1}', b'[{"id": 1} {"id": 2}]', b"[1] 2", b"[NaN] 2", b'[NaN, "\xff"]', b"[" * 20_000, b"[NaN," + b"9" * 5000 + b"]"]
)
def test_a_broken_array_is_refused_whole(body: bytes) -> None:
    assert refused(body) == Unreadable.NOT_JSON


def test_gzip_is_read_whole_or_refused() -> None:
    packed = gzip.compress(LINES)
    assert refused(packed[:-9], content_encoding="gzip") == Unreadable.BROKEN_GZIP
    assert refused(packed[:3], content_encoding="gzip") == Unreadable.BROKEN_GZIP
    assert refused(LINES, content_encoding="gzip") == Unreadable.BROKEN_GZIP
    assert refused(LINES, content_encoding="br") == Unreadable.UNKNOWN_ENCODING
    assert read(gzip.compress(LINES + b"\n") + gzip.compress(LINES) + b"\0\0", "application/x-ndjson", "gzip") == TWO + TWO


def test_a_bomb_is_given_up_at_the_limit() -> None:
    half = gzip.compress(b" " * (BODY_BYTES_MAX // 2 + 1))
    assert refused(gzip.compress(b" " * (BODY_BYTES_MAX + 1)), content_encoding="gzip") == Unreadable.TOO_LARGE
    assert refused(half + half, content_encoding="gzip") == Unreadable.TOO_LARGE
    assert refused(b" " * (BODY_BYTES_MAX + 1)) == Unreadable.TOO_LARGE


def test_a_bomb_is_never_unpacked_whole() -> None:
    bomb = gzip.compress(bytes(5 * BODY_BYTES_MAX), 1)
    tracemalloc.start()
    assert refused(bomb, content_encoding="gzip") == Unreadable.TOO_LARGE
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3 * BODY_BYTES_MAX


def test_too_many_records_are_refused_whole() -> None:
    assert len(read(b"[" + b"1," * (RECORDS_PER_BATCH_MAX - 1) + b"1]")) == RECORDS_PER_BATCH_MAX
    assert refused(b"[" + b"1," * RECORDS_PER_BATCH_MAX + b"1]") == Unreadable.TOO_MANY
    assert refused(b"[" + b"1," * (100 * RECORDS_PER_BATCH_MAX) + b"1]") == Unreadable.TOO_MANY
    assert refused(b"{}\n" * RECORDS_PER_BATCH_MAX + b"{}", "application/x-ndjson") == Unreadable.TOO_MANY
    assert refused(b"{}" + b"\n" * (3 * RECORDS_PER_BATCH_MAX) + b"{}", "application/x-ndjson") == Unreadable.TOO_MANY
    assert refused(b"", "application/x-ndjson") == Unreadable.EMPTY
    assert refused(b" \n ", "application/json") == Unreadable.EMPTY


@given(st.binary(max_size=100), st.sampled_from(["application/json", "application/x-ndjson"]), st.sampled_from(["", "gzip"]))
def test_any_body_is_answered(body: bytes, content_type: str, encoding: str) -> None:
    assert isinstance(split(body, content_type, encoding), list | BatchRefusal)


plain_json = st.recursive(st.none() | st.booleans() | st.floats(allow_nan=True) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.lists(plain_json, max_size=5))
def test_every_element_keeps_its_own_text(items: list[Any]) -> None:
    parts = [json.dumps(item).encode() for item in items]
    assert split(b"[" + b", ".join(parts) + b"]") == parts
