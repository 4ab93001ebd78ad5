"""A small orchestrator that obeys, made of the SDK for receivers: orders arrive at `POST /hooks/spend`, and its switch is asked before each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI

from service.sdk import OrderReceiver, Switch

LOG_MAX: Final = 200


class Orchestrator:
    """The switch, and a log of the last orders with what was answered; `clock` is Unix milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.switch = Switch(clock)
        self.log: list[dict[str, Any]] = []

    def heard(self, event: dict[str, Any], answer: dict[str, str]) -> None:
        """Notes an order, a repeated one once."""
        if not event["type"].startswith("spendwarden.order.") or any(entry["order"] == event["id"] for entry in self.log):
            return
        entry = {"at_ms": self.clock(), "order": event["id"], "type": event["type"], "subject": event.get("subject"), **answer}
        self.log = [*self.log[-LOG_MAX + 1 :], entry]


def app_of(orchestrator: Orchestrator, secrets: str | Sequence[str]) -> FastAPI:
    """The orchestrator behind HTTP; `GET /log` and `GET /paused` show what it did."""
    app = FastAPI(title="Demo orchestrator", description="Obeys Spendwarden's orders.")
    app.add_middleware(OrderReceiver, switch=orchestrator.switch, secrets=secrets, clock=orchestrator.clock, heard=orchestrator.heard)

    @app.get("/log")
    async def log() -> list[dict[str, Any]]:
        """The last orders and what was answered."""
        return orchestrator.log

    @app.get("/paused")
    async def paused() -> list[dict[str, Any]]:
        """What is paused now."""
        return [{"tenant": held.tenant, "scope": held.scope, "until_ms": held.until_ms, "order": held.order} for held in orchestrator.switch.holding()]

    return app
