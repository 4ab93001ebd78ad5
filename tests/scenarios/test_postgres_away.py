"""The books' PostgreSQL is away for a while: the books wait and say so, the service takes and decides on, and they catch up by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.books import ListQuestion
from service.facts import Incident
from service.ledger import Ledger
from service.replay.outbox import decided
from tests.postgres import Postgres
from tests.scenarios.live_service import Live, live, until

POLICY = "budgets: [{name: all-day, scope: total, period: day, limit_usd: 50, thresholds: [100]}]"


async def lines_told(service: Live) -> set[str]:
    """The budgets that the warden has told of by now."""
    return {it.budget for decisions in [d async for d in decided(service.running.log)] for it in decisions if isinstance(it, Incident)}


async def test_books_whose_server_is_away_wait_and_catch_up(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.bootstrap.embedded.Ledger", lambda _: Ledger(postgres.fresh()))
    async with live(tmp_path, POLICY) as service:

        async def is_decided() -> bool:
            return "all-day" in await lines_told(service)

        await service.taken(40)
        await until(service.is_booked)
        assert not await is_decided()
        postgres.kill()
        try:
            await service.taken(40)
            await until(is_decided)
            await until(service.is_unready)
            assert service.running.engine.heard.ready
            assert "cannot ask the books" in (await service.door.get("/readyz")).text
            asked = await service.door.get("/v1/spend")
            assert (asked.status_code, asked.headers["content-type"]) == (503, "application/problem+json"), asked.text
        finally:
            postgres.start()
        await until(service.is_ready)
        await until(service.is_booked)
        told = service.running.service.books.incidents(ListQuestion()).items
        assert "all-day" in {it.budget for it in told}
