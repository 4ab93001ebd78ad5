"""Faust lets the app subscribe at once: it has no tables to wait for, and sleeping for them would be a third of a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.settings import KafkaSettings
from service.shells.leases import Leased, Membership, NoTables, leases

A_DAY_S = 86_400


async def test_no_sleep_for_tables(tmp_path: Path) -> None:
    async def revoked() -> None:
        """Nothing to save."""

    def assigned(leased: Leased) -> None:
        """Nobody to tell."""

    app = leases(KafkaSettings(brokers="127.0.0.1:1"), Membership("w"), tmp_path / "w", assigned, revoked)
    manager = app.tables
    assert isinstance(manager, NoTables)
    async with asyncio.timeout(5):
        await manager.sleep(A_DAY_S)
