"""Records at the door: what can be read is taken, what cannot is told by its place or is a problem."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from service.intake.batches import BODY_BYTES_MAX
from service.records import RECORD_BYTES_MAX, Usage
from tests.scenarios.door.client import GOOD, problem
from tests.scenarios.fake_service import NOW_MS, FakeService


async def test_one_record_many_and_lines_are_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    lines = json.dumps(GOOD | {"id": "c"}) + "\n" + json.dumps(GOOD | {"id": "d"})
    answers = [
        await door.post("/v1/records", json=GOOD),
        await door.post("/v1/records", json=[GOOD | {"id": "b"}]),
        await door.post("/v1/records", content=gzip.compress(lines.encode()), headers={"content-type": "application/x-ndjson", "content-encoding": "gzip"}),
    ]
    assert [(answer.status_code, answer.json()["accepted"]) for answer in answers] == [(202, 1), (202, 1), (202, 2)]
    assert [record.id for record in service.records] == ["a", "b", "c", "d"]


async def test_a_refused_record_is_told_by_its_place_and_kept_and_the_rest_is_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    batch = [GOOD, GOOD | {"id": "b", "input_tokens": -1}, {"id": "c", "time": NOW_MS / 1000 + 601}, GOOD | {"id": "d", "colour": "red"}, 5]
    answer = await door.post("/v1/records", json=batch)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 2
    assert [(told["index"], told["id"], told["reason"], told["field"]) for told in body["refused"]] == [
        (1, "b", "negative", "input_tokens"),
        (2, "c", "too_early", "time"),
        (4, "", "not_an_object", ""),
    ]
    assert body["unknown_fields"] == {"colour": 1}
    assert [record.id for record in service.records] == ["a", "d"]
    assert [json.loads(refusal.raw) for refusal in service.refusals] == [batch[1], batch[2], 5]
    assert {refusal.where for refusal in service.refusals} == {"http:spendwarden:loopback"}


async def test_a_batch_that_can_be_read_but_is_refused_whole_says_so(door: httpx.AsyncClient) -> None:
    answer = await door.post("/v1/records", json={"time": 1})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["refused"][0]["field"]) == (202, 0, "id")


@pytest.mark.parametrize("path", ["/v1/records", "/v1/litellm"])
async def test_what_cannot_be_read_is_a_problem(door: httpx.AsyncClient, service: FakeService, path: str) -> None:
    assert problem(await door.post(path, content=b""), 400)["reason"] == "empty"
    assert problem(await door.post(path, content=b"[{]"), 400)["reason"] == "not_json"
    assert problem(await door.post(path, content=b"\xff\xfe"), 400)["refused"][0]["reason"] == "not_json"
    assert problem(await door.post(path, content=gzip.compress(b"{}")[:-4], headers={"content-encoding": "gzip"}), 400)["reason"] == "broken_gzip"
    assert problem(await door.post(path, content=b"{}", headers={"content-encoding": "br"}), 415)["reason"] == "unknown_encoding"
    assert problem(await door.post(path, content=b"[" + b"1," * 10_000 + b"1]"), 413)["reason"] == "too_many"
    assert problem(await door.post(path, content=b" " * (BODY_BYTES_MAX + 1)), 413)["reason"] == "too_large"
    assert (
        problem(await door.post(path, content=gzip.compress(b" " * (BODY_BYTES_MAX + 1)), headers={"content-encoding": "gzip"}), 413)["reason"] == "too_large"
    )
    assert not service.records


async def test_a_problem_is_titled_by_what_is_wrong_and_its_fix_is_not_the_error_again(door: httpx.AsyncClient) -> None:
    bodies = [
        problem(await door.post("/v1/records", content=b"{"), 400),
        problem(await door.post("/v1/records", json=GOOD | {"agent": "x" * RECORD_BYTES_MAX}), 400),
        problem(await door.post("/v1/records", content=b"[" + b"1," * 10_000 + b"1]"), 413),
        problem(await door.post("/v1/records", content=b"{}", headers={"content-encoding": "br"}), 415),
    ]
    assert [body["title"] for body in bodies] == ["Unreadable body", "Unreadable body", "Body too large", "Unsupported encoding"]
    assert all(body["fix"] not in body["detail"] and body["detail"] not in body["fix"] for body in bodies)
    assert all(told["detail"] != body["fix"] for body in bodies for told in body["refused"])


async def test_an_empty_array_is_taken_without_a_write(door: httpx.AsyncClient, service: FakeService) -> None:
    service.broken = "must not be asked"
    answer = await door.post("/v1/records", json=[])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


async def test_litellm_is_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    answer = await door.post("/v1/litellm", json=[{"id": "x", "endTime": NOW_MS / 1000, "response_cost": 0.5, "messages": "secret", "prompt_tokens": 3}])
    assert answer.json()["accepted"] == 1
    (record,) = service.records
    assert isinstance(record, Usage)
    assert (record.source, record.cost_usd, record.input_tokens) == ("litellm", "0.5", 3)
