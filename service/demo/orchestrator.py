"""A small orchestrator that obeys: what a receiver of orders has to do, in the fewest lines that are right.

It proves each request, obeys only a greater sequence than it has seen for the scope and nothing after its end, answers a repeated
order as it did the first time, and asks before each step of an agent whether it may go on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from service.sdk.verify import UnverifiedError, verify

REMEMBERED_MAX: Final = 10_000
LOG_MAX: Final = 200
BODY_BYTES_MAX: Final = 1024 * 1024
_ALL: Final = ("total", "total")

Key = tuple[str, str, str]  # tenant, kind, name of a scope


class Orchestrator:
    """Which scopes are paused, until when, and by which order; `clock` is Unix milliseconds. Bounded: the oldest is forgotten first."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._sequences: OrderedDict[Key, int] = OrderedDict()
        self._answers: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._paused: dict[Key, tuple[int, str]] = {}
        self.log: list[dict[str, Any]] = []

    def obey(self, event: dict[str, Any]) -> dict[str, str]:
        """Does what an order says, once; `{"state": "accepted" | "refused", "reason": ...}`."""
        known = self._answers.get(event["id"])
        if known is not None:
            return known
        answer = self._decide(event["data"])
        _remember(self._answers, event["id"], answer)
        self.log = [*self.log[-LOG_MAX + 1 :], {"at_ms": self._clock(), "order": event["id"], "type": event["type"], "subject": event.get("subject"), **answer}]
        return answer

    def may_go_on(self, agent: str, execution: str = "", *, tenant: str = "default", **others: str) -> bool:
        """Whether an agent may take its next step; `others` are further scopes it belongs to, such as `use_case="kyc"`."""
        scopes = [_ALL, ("agent", agent), ("execution", execution), *others.items()]
        return not any(self._is_paused((tenant, kind, name)) for kind, name in scopes)

    def paused(self) -> list[dict[str, Any]]:
        """What is paused now."""
        held = [(key, *self._paused[key]) for key in list(self._paused) if self._is_paused(key)]
        return [{"tenant": key[0], "scope": {"kind": key[1], "name": key[2]}, "until_ms": until_ms, "order": order} for key, until_ms, order in held]

    def _decide(self, data: dict[str, Any]) -> dict[str, str]:
        key = (data["tenant"], data["scope"]["kind"], data["scope"]["name"])
        until_ms = int(datetime.fromisoformat(data["expires_at"]).timestamp() * 1000)
        if until_ms <= self._clock():
            return {"state": "refused", "reason": "the order has expired"}
        seen = self._sequences.get(key, 0)
        if data["sequence"] <= seen:
            return {"state": "refused", "reason": f"a newer order of this scope was obeyed (sequence {seen})"}
        _remember(self._sequences, key, data["sequence"])
        self._paused.pop(key, None)  # the newest order of a scope is the only one that counts
        if data["action"] == "pause":
            self._paused[key] = (until_ms, data["id"])
        return {"state": "accepted"}

    def _is_paused(self, key: Key) -> bool:
        until_ms, _ = self._paused.get(key, (0, ""))
        if 0 < until_ms <= self._clock():
            del self._paused[key]
        return until_ms > self._clock()


def app_of(orchestrator: Orchestrator, secrets: str | Sequence[str], clock: Callable[[], int]) -> FastAPI:
    """The orchestrator behind HTTP: orders arrive at `POST /hooks/spend`; `GET /log` and `GET /paused` show what it did."""
    app = FastAPI(title="Demo orchestrator", description="Obeys Spendwarden's orders.")

    @app.post("/hooks/spend")
    async def hook(request: Request) -> JSONResponse:
        """Takes one signed event; answers an order at once, and thanks for a notice."""
        body = await request.body()
        if len(body) > BODY_BYTES_MAX:
            return JSONResponse({"reason": "too large"}, 413)
        try:
            event = verify(request.headers, body, secrets, clock())
        except UnverifiedError as why:
            return JSONResponse({"reason": str(why)}, 401)
        if not str(event["type"]).startswith("spendwarden.order."):
            return JSONResponse({"state": "accepted"})
        return JSONResponse(orchestrator.obey(event))

    @app.get("/log")
    async def log() -> list[dict[str, Any]]:
        """The last orders and what was answered."""
        return orchestrator.log

    @app.get("/paused")
    async def paused() -> list[dict[str, Any]]:
        """What is paused now."""
        return orchestrator.paused()

    return app


def _remember(kept: OrderedDict[Any, Any], key: Key | str, value: object) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)
