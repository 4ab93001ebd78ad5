"""A door that cannot take what it is given says so: full, behind, busy or broken; what comes together is committed together."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from service.api import BehindError
from tests.scenarios.door.client import GOOD, client_of, problem
from tests.scenarios.fake_service import FakeService


async def test_a_full_disk_is_503_and_nothing_counts_as_taken(door: httpx.AsyncClient, service: FakeService) -> None:
    service.broken = "disk full"
    answer = await door.post("/v1/records", json=GOOD)
    assert "disk full" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == "1"
    problem(await door.post("/v1/controls", json={"action": "note", "incident": "inc-1", "by": "m", "reason": "r"}), 503)
    problem(await door.post("/v1/orders/ord-1/receipts", json={"state": "accepted"}), 503)
    service.broken = ""
    assert (await door.post("/v1/records", json=GOOD)).status_code == 202


async def test_a_door_that_cannot_keep_up_says_when_to_come_back(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    held = asyncio.Event()

    async def slow(records: Any, refusals: Any) -> None:
        await held.wait()
        service.records += records

    monkeypatch.setattr(service, "accept", slow)
    batch = [GOOD | {"id": str(n)} for n in range(10_000)]
    async with client_of(service) as door:
        waiting = [asyncio.create_task(door.post("/v1/records", json=batch)) for _ in range(6)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (busy,) = done
        answer = await busy
        problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        held.set()
        answers = await asyncio.gather(*waiting)
    assert sorted(answer.status_code for answer in answers) == [202, 202, 202, 202, 202, 429]
    assert len(service.records) == 50_000


async def test_a_service_that_is_behind_says_when_to_come_back(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async def behind(records: Any, refusals: Any) -> None:
        raise BehindError("too many rows wait", 7)

    monkeypatch.setattr(service, "accept", behind)
    async with client_of(service) as door:
        answer = await door.post("/v1/records", json=GOOD)
    problem(answer, 429)
    assert answer.headers["retry-after"] == "7"


async def test_requests_that_come_together_are_committed_together(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    accept = service.accept

    async def counted(records: Any, refusals: Any) -> None:
        groups.append(len(records))
        await accept(records, refusals)

    monkeypatch.setattr(service, "accept", counted)
    async with client_of(service) as door:
        answers = await asyncio.gather(*(door.post("/v1/records", json=GOOD | {"id": str(n)}) for n in range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert sum(groups) == 100
    assert len(groups) < 50


async def test_what_the_service_did_not_expect_is_a_500_without_its_secrets(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(records: Any, refusals: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(service, "accept", broken)
    async with client_of(service) as door:
        assert "secret" not in str(problem(await door.post("/v1/records", json=GOOD), 500))
