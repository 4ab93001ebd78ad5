"""Every format keeps every promise of a format; a format without an example fails here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.facts import decode_stream, encode
from service.intake import FORMATS, Parse, Reason, Refusal, Unknown
from service.records import Usage

# For each format: a good record that tells 20 input, 70 cache read, 5 cache write and 5 output tokens, and where its parts lie.
EXAMPLES: dict[str, dict[str, Any]] = {
    "spendwarden": {
        "good": {
            "id": "a",
            "time": 1.5,
            "model": "m",
            "input_tokens": 20,
            "cache_read_tokens": 70,
            "cache_write_tokens": 5,
            "output_tokens": 5,
            "cost_usd": 0.25,
        },
        "time": "time",
        "cost": "cost_usd",
    },
    "litellm": {
        "good": {
            "id": "a",
            "endTime": 1.5,
            "model": "m",
            "prompt_tokens": 95,
            "completion_tokens": 5,
            "total_tokens": 100,
            "response_cost": 0.25,
            "metadata": {"usage_object": {"cache_read_input_tokens": 70, "cache_creation_input_tokens": 5}},
        },
        "time": "endTime",
        "cost": "response_cost",
    },
}

formats = pytest.mark.parametrize(("name", "parse"), FORMATS.items(), ids=list(FORMATS))


def test_every_format_has_an_example_and_no_other() -> None:
    assert EXAMPLES.keys() == FORMATS.keys()


def told(name: str, **changes: Any) -> bytes:
    return json.dumps(EXAMPLES[name]["good"] | changes).encode()


def refusal(answer: object) -> Refusal:
    assert isinstance(answer, Refusal)
    return answer


@formats
def test_token_kinds_are_disjoint_and_the_sum_is_kept(name: str, parse: Parse) -> None:
    usage = parse(told(name), "", None)
    assert isinstance(usage, Usage)
    assert (usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens) == (20, 70, 5, 5)
    assert float(usage.cost_usd or 0) == 0.25
    assert usage.model == "m"


@formats
def test_a_record_travels_and_comes_back_the_same(name: str, parse: Parse) -> None:
    usage = parse(told(name), "", None)
    assert isinstance(usage, Usage)
    assert decode_stream(encode(usage)) == usage
    assert parse(told(name), "", None) == usage


@formats
def test_garbage_is_refused_by_field(name: str, parse: Parse) -> None:
    time, cost = EXAMPLES[name]["time"], EXAMPLES[name]["cost"]
    faults: list[tuple[dict[str, Any], str]] = [
        ({"id": None}, "id"),
        ({time: None}, "time"),
        ({time: "yesterday"}, "time"),
        ({time: 1e13}, "time"),
        ({cost: float("nan")}, "cost_usd"),
        ({cost: "much"}, "cost_usd"),
    ]
    for changes, field in faults:
        answer = refusal(parse(told(name, **changes), "here", None))
        assert (answer.field, answer.where) == (field, "here")
        assert answer.detail


@formats
@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"id": "\xff"}', b"[" * 50_000, b"\x00"], ids=repr)
def test_what_is_not_json_is_refused_as_that(name: str, parse: Parse, raw: bytes) -> None:
    assert refusal(parse(raw[:50_000], "", None)).reason is Reason.NOT_JSON


@formats
@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"5"], ids=repr)
def test_what_is_no_object_is_refused_as_that(name: str, parse: Parse, raw: bytes) -> None:
    assert refusal(parse(raw, "", None)).reason is Reason.NOT_AN_OBJECT


@formats
def test_what_is_far_too_large_is_refused_before_it_is_read(name: str, parse: Parse) -> None:
    assert refusal(parse(b"[" + b" " * (10 * 1024 * 1024), "", None)).reason is Reason.TOO_LARGE


@formats
def test_unknown_fields_are_no_error(name: str, parse: Parse) -> None:
    assert parse(told(name, something_new={"deep": [1]}), "", Unknown()) == parse(told(name), "", None)
