from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.facts import decode_stream, encode
from service.intake.native import parse, tenanted, too_early
from service.intake.refusals import UNKNOWN_NAMES_MAX, UNKNOWN_OTHER, Reason, Refusal, Unknown
from service.money import nanos_of
from service.records import RECORD_BYTES_MAX, Change, Outcome, Usage

GOOD: dict[str, Any] = {"id": "a", "time": "2026-11-24T08:00:00Z"}


def told(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


def refusal(raw: bytes) -> Refusal:
    answer = parse(raw, "here")
    assert isinstance(answer, Refusal), answer
    assert answer.raw == raw
    assert answer.where == "here"
    assert answer.detail.endswith(".")
    return answer


FAULTS = [
    (b"", Reason.NOT_JSON, ""),
    (b"{", Reason.NOT_JSON, ""),
    (b'{"id": "a", "time": 1} trailing', Reason.NOT_JSON, ""),
    (b'{"id": "\xff", "time": 1}', Reason.NOT_JSON, ""),
    (b'{"id": "a", "time": 1, "agent": "\xff"}', Reason.NOT_JSON, ""),
    (b'{"id": "\\ud800", "time": 1}', Reason.NOT_JSON, "id"),
    (b'{"id": "a", "time": 1, "labels": {"a": "\\ud800"}}', Reason.NOT_JSON, "labels"),
    (b"[" * 50_000, Reason.NOT_JSON, ""),
    (b'{"id": "a", "time": 1, "input_tokens": ' + b"9" * 5000 + b"}", Reason.NOT_JSON, ""),
    (b"[1]", Reason.NOT_AN_OBJECT, ""),
    (b"null", Reason.NOT_AN_OBJECT, ""),
    (b'{"id": "a", "time": 1, "agent": "' + b"x" * RECORD_BYTES_MAX + b'"}', Reason.TOO_LARGE, ""),
    (b'{"time": 1}', Reason.MISSING, "id"),
    (told(id=""), Reason.MISSING, "id"),
    (told(id=None), Reason.MISSING, "id"),
    (told(id=5), Reason.WRONG_TYPE, "id"),
    (told(id="x" * 129), Reason.TOO_LONG, "id"),
    (b'{"id": "a"}', Reason.MISSING, "time"),
    (told(time="yesterday"), Reason.UNREADABLE_TIME, "time"),
    (told(time="2026-11-24T08:00:00"), Reason.UNREADABLE_TIME, "time"),
    (told(time=1_795_507_200_000), Reason.UNREADABLE_TIME, "time"),
    (told(time=-1), Reason.UNREADABLE_TIME, "time"),
    (told(time=True), Reason.UNREADABLE_TIME, "time"),
    (told(time={}), Reason.UNREADABLE_TIME, "time"),
    (told(time="0001-01-01T00:00:00+14:00"), Reason.UNREADABLE_TIME, "time"),
    (told(time="9999-12-31T23:59:59-14:00"), Reason.UNREADABLE_TIME, "time"),
    (told(time=float("nan")), Reason.NOT_FINITE, "time"),
    (told(type="bill"), Reason.UNKNOWN_TYPE, "type"),
    (told(type=7), Reason.UNKNOWN_TYPE, "type"),
    (told(layer="cloud"), Reason.UNKNOWN_VALUE, "layer"),
    (told(status="meh"), Reason.UNKNOWN_VALUE, "status"),
    (told(type="change", what="party"), Reason.UNKNOWN_VALUE, "what"),
    (told(input_tokens=-1), Reason.NEGATIVE, "input_tokens"),
    (told(input_tokens=-1.0), Reason.NEGATIVE, "input_tokens"),
    (told(input_tokens=1.5), Reason.WRONG_TYPE, "input_tokens"),
    (told(input_tokens="1"), Reason.WRONG_TYPE, "input_tokens"),
    (told(input_tokens=True), Reason.WRONG_TYPE, "input_tokens"),
    (told(output_tokens=10**30), Reason.OUT_OF_RANGE, "output_tokens"),
    (told(quantity=-0.5), Reason.NEGATIVE, "quantity"),
    (told(duration_ms=float("inf")), Reason.NOT_FINITE, "duration_ms"),
    (told(batch="yes"), Reason.WRONG_TYPE, "batch"),
    (told(cost_usd=float("nan")), Reason.NOT_FINITE, "cost_usd"),
    (b'{"id": "a", "time": 1, "cost_usd": 1e999}', Reason.NOT_FINITE, "cost_usd"),
    (told(cost_usd="NaN"), Reason.NOT_FINITE, "cost_usd"),
    (told(cost_usd="free"), Reason.NOT_A_NUMBER, "cost_usd"),
    (told(cost_usd=""), Reason.NOT_A_NUMBER, "cost_usd"),
    (told(cost_usd="1" * 300), Reason.TOO_LONG, "cost_usd"),
    (told(cost_usd=10**12), Reason.OUT_OF_RANGE, "cost_usd"),
    (told(cost_usd=1e300), Reason.OUT_OF_RANGE, "cost_usd"),
    (told(cost="1e400", currency="EUR"), Reason.OUT_OF_RANGE, "cost"),
    (told(cost_usd=True), Reason.WRONG_TYPE, "cost_usd"),
    (told(cost_usd=[1]), Reason.WRONG_TYPE, "cost_usd"),
    (told(cost=1, currency="euros"), Reason.UNKNOWN_VALUE, "currency"),
    (told(cost=1, currency="E1R"), Reason.UNKNOWN_VALUE, "currency"),
    (told(cost=1, currency=978), Reason.WRONG_TYPE, "currency"),
    (told(type="outcome"), Reason.MISSING, "execution_id"),
    (told(type="outcome", execution_id=""), Reason.MISSING, "execution_id"),
    (told(type="change"), Reason.MISSING, "what"),
    (told(type="outcome", execution_id="r", value_usd="much"), Reason.NOT_A_NUMBER, "value_usd"),
    (told(agent="x" * 257), Reason.TOO_LONG, "agent"),
    (told(agent={}), Reason.WRONG_TYPE, "agent"),
    (told(labels={str(n): "x" for n in range(17)}), Reason.TOO_MANY, "labels"),
    (told(labels={"a": 1}), Reason.WRONG_TYPE, "labels.a"),
    (told(labels={"a": "x" * 257}), Reason.TOO_LONG, "labels"),
    (told(labels=["a"]), Reason.WRONG_TYPE, "labels"),
    (told(attempt=10**9), Reason.OUT_OF_RANGE, "attempt"),
]


@pytest.mark.parametrize(("raw", "reason", "field"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_is_named_with_its_field(raw: bytes, reason: Reason, field: str) -> None:
    answer = refusal(raw)
    assert (answer.reason, answer.field) == (reason, field)


def test_a_refused_record_tells_its_id_as_far_as_it_has_one() -> None:
    assert refusal(told(input_tokens=-1)).id == "a"
    assert refusal(told(id="x" * 500)).id == "x" * 128
    assert refusal(told(id=5)).id == ""


FIXES = [
    ({"input_tokens": "1"}, "`input_tokens` must be a whole number, not text; send it without quotes."),
    ({"input_tokens": True}, "`input_tokens` must be a whole number, not true or false."),
    ({"quantity": "1"}, "`quantity` must be a number, not text; send it without quotes."),
    ({"id": 5}, "`id` must be text, not a number; put it in quotes."),
    ({"batch": "yes"}, "`batch` must be true or false, without quotes."),
    ({"labels": ["a"]}, "`labels` must be an object of text to text, not an array."),
    ({"cost_usd": "abc"}, "`cost_usd` is not a number; send a number or decimal text such as 0.0125."),
    ({"cost_usd": True}, "`cost_usd` must be a number or decimal text such as 0.0125, not true or false."),
    ({"duration_ms": -1}, "`duration_ms` must not be negative; leave it out where it is not known."),
    ({"quantity": -1}, "`quantity` must not be negative; leave it out where it is not known."),
    ({"attempt": -1}, "`attempt` must not be negative; the first try is 1."),
    ({"input_tokens": -1}, "`input_tokens` must not be negative; a credit goes into `cost_usd`."),
    ({"status": 5}, "`status` is one of ok, error."),
    ({"cost": 1, "currency": "euros"}, "`currency` must be a code of three letters (ISO 4217) such as EUR; without one `cost` is in dollars."),
]


@pytest.mark.parametrize(("fields", "detail"), FIXES, ids=lambda value: str(value)[:40])
def test_the_detail_says_what_to_send_instead(fields: dict[str, Any], detail: str) -> None:
    assert refusal(told(**fields)).detail == detail


def test_a_record_that_was_cut_is_not_told_a_size_it_does_not_have() -> None:
    assert refusal(b"x" * (RECORD_BYTES_MAX + 2)).detail == "The record is more than 65536 bytes; leave out what is not in the contract."


def test_a_currency_in_small_letters_is_the_same_currency() -> None:
    assert parse(told(cost=1, currency="usd")) == parse(told(cost=1, currency="USD"))
    assert parse(told(cost=1, currency="")) == parse(told(cost=1))


def test_a_try_of_none_is_not_told() -> None:
    assert parse(told(attempt=0)) == parse(told())


@pytest.mark.parametrize(
    "fields",
    [
        {"input_tokens": 3.0},
        {"input_tokens": 3, "agent": None},
        {"input_tokens": 3, "colour": "red"},
        {"input_tokens": 3, "tenant": ""},
        {"input_tokens": 3, "type": None},
    ],
    ids=str,
)
def test_what_is_forgiven_reads_as_if_it_had_been_said_rightly(fields: dict[str, Any]) -> None:
    assert parse(told(**fields)) == parse(told(input_tokens=3))


def test_a_byte_order_mark_and_equal_keys_are_forgiven() -> None:
    assert parse(b"\xef\xbb\xbf" + told()) == parse(told())
    assert parse(b'{"id": "x", "id": "a", "time": 5}') == Usage(id="a", time=5.0)


def test_unknown_fields_are_counted_by_name_up_to_a_limit() -> None:
    unknown = Unknown()
    parse(told(colour="red", size=[1]), "", unknown)
    parse(told(colour="blue", type="outcome", execution_id="r"), "", unknown)
    assert unknown.counts == {"colour": 2, "size": 1}
    for n in range(1000):
        unknown.add(f"field-{n}")
    assert len(unknown.counts) <= UNKNOWN_NAMES_MAX + 1
    assert sum(unknown.counts.values()) == 1003
    assert unknown.counts[UNKNOWN_OTHER] > 700


def test_the_other_two_types_are_read() -> None:
    assert parse(told(type="outcome", execution_id="r", success=True, value_usd="1.5")) == Outcome(
        id="a", time=parse_time(), execution_id="r", success=True, value_usd="1.5"
    )
    assert parse(told(type="change", what="deploy", scope={"agent": "indexer"})) == Change(id="a", time=parse_time(), what="deploy", scope={"agent": "indexer"})


def parse_time() -> Any:
    usage = parse(told())
    assert isinstance(usage, Usage)
    return usage.time


def test_a_record_ten_minutes_ahead_of_its_arrival_is_too_early() -> None:
    usage = Usage(id="a", time=1000.0)
    assert too_early(usage, 400_000) is None
    early = too_early(usage, 399_999, "door", b"raw")
    assert early is not None
    assert (early.reason, early.field, early.id, early.where, early.raw) == (Reason.TOO_EARLY, "time", "a", "door", b"raw")


def test_a_tokens_tenant_overrides_the_records() -> None:
    assert tenanted(Usage(id="a", time=1.0, tenant="theirs"), "ours").tenant == "ours"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=20),
    max_leaves=20,
)
names = st.sampled_from([*Usage.__struct_fields__, *Outcome.__struct_fields__, *Change.__struct_fields__, "type", "foo"])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(names, values, max_size=6), st.sampled_from(["usage", "outcome", "change", None]))
def test_any_json_is_a_record_that_can_travel_or_a_named_refusal(fields: dict[str, Any], kind: str | None) -> None:
    record = parse(json.dumps({"id": "a", "time": 5, "type": kind} | fields).encode())
    if isinstance(record, Refusal):
        assert record.reason in Reason
        encode(record)
    else:
        assert decode_stream(encode(record)) == record


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(raw: bytes) -> None:
    answer = parse(raw)
    assert isinstance(answer, Refusal | Usage | Outcome | Change)


@given(st.fixed_dictionaries({"id": st.text(min_size=1, max_size=5), "time": st.floats(0, 4e9), "input_tokens": st.integers(0, 10**6)}), st.booleans())
def test_both_ways_of_reading_agree(fields: dict[str, Any], ascii_only: bool) -> None:
    quick = parse(json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    careful = parse(json.dumps(fields | {"agent": None}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    if isinstance(quick, Refusal):
        assert isinstance(careful, Refusal)
    else:
        assert quick == careful


ODD_AMOUNTS = ["1e-999999999999999999", "1e-99999999999999999999", "-1e-9999999999999", "1_0", " 1 ", "Infinity", "1e9", "999999999.5", "٣.1", "0x1", "1e8"]


@given(st.text(alphabet="0123456789.eE+-_ nfia٣", max_size=30) | st.floats(allow_nan=False).map(repr) | st.sampled_from(ODD_AMOUNTS))
@settings(max_examples=400)
def test_what_is_let_in_as_money_reads_as_money(amount: str) -> None:
    record = parse(told(cost_usd=amount))
    assert isinstance(record, Refusal) or -(10**18) <= nanos_of(record.cost_usd) <= 10**18  # type: ignore[union-attr, arg-type]
