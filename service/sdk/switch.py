"""The switch that an orchestrator's code asks before each step whether it may go on.

Law of this file: of one scope only an order with a greater sequence than any seen is obeyed, and nothing after its end; what was heard
before is answered as it was the first time. So repeats, orders that overtake each other and old requests played again change nothing.
A pause that came as an order is lifted by a newer order or by its own end, never by silence; one that only a list told of
is lifted too when a later list does not hold it any more.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final, TypeAlias

from service.clock import now_ms
from service.sdk.held import Held, Scope, held_of

SCOPES_MAX: Final = 100_000
ANSWERS_MAX: Final = 10_000
DEFAULT_TENANT: Final = "default"
ORDERS: Final = frozenset({"pause", "throttle", "degrade", "resume"})
_ORDER: Final = "spendwarden.order."
_TEST: Final = "spendwarden.test"
_TOTAL: Final = ("total", "total")
_TICK_S: Final = 60.0  # who waits looks again at least so often, should the clock be set

Answer: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The greatest sequence of a scope, when its orders are over, the one that holds, if any does, and which list alone told of it."""

    sequence: int
    over_ms: int
    held: Held | None
    listed_by: str = ""


class Switch:
    """Holds what was ordered, for threads and tasks alike; `clock` is Unix milliseconds.

    >>> switch = Switch(clock=lambda: 0)
    >>> switch.restore([{"tenant": "default", "scope": {"kind": "agent", "name": "indexer"}, "order": "ord-1", "sequence": 1,
    ...                  "expires_at": "2026-01-01T00:00:00Z"}])
    1
    >>> switch.may_go_on(agent="indexer"), switch.may_go_on(agent="other")
    (False, True)
    """

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._scopes: dict[tuple[str, Scope], _Seen] = {}
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._changed = threading.Condition()
        self._listeners: list[Callable[[], object]] = []

    def may_go_on(self, *, tenant: str = DEFAULT_TENANT, **scopes: str) -> bool:
        """Whether the next step may be taken: `may_go_on(agent="indexer", execution="run-7", use_case="kyc")`. Name all that it belongs to."""
        return not any(held.action == "pause" for held in self.held(tenant=tenant, **scopes))

    def held(self, *, tenant: str = DEFAULT_TENANT, **scopes: str) -> list[Held]:
        """The orders that hold for it now: why it may not go on, or to which tier it should go down."""
        with self._changed:
            return [held for scope in (_TOTAL, *scopes.items()) if (held := self._held((tenant, scope))) is not None]

    def holding(self) -> list[Held]:
        """Every order that holds now."""
        with self._changed:
            return [held for key in list(self._scopes) if (held := self._held(key)) is not None]

    def wait(self, timeout_s: float | None = None, *, tenant: str = DEFAULT_TENANT, **scopes: str) -> bool:
        """Blocks this thread until it may go on; False where that is not within `timeout_s`."""
        end = None if timeout_s is None else monotonic() + timeout_s
        with self._changed:
            while (left_s := self._left_s(tenant, scopes)) is not None:
                rest = left_s if end is None else min(left_s, end - monotonic())
                if rest <= 0:
                    return False
                self._changed.wait(rest)
        return True

    async def waited(self, *, tenant: str = DEFAULT_TENANT, **scopes: str) -> None:
        """The same for a task; give it a time limit by `asyncio.timeout`."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # that loop has ended
                loop.call_soon_threadsafe(news.set)

        with self._changed:
            self._listeners.append(wake)
        try:
            while (left_s := self._left_s(tenant, scopes)) is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await news.wait()
                news.clear()
        finally:
            with self._changed:
                self._listeners.remove(wake)

    def obey(self, event: Mapping[str, Any]) -> Answer:
        """Does what a proved event says, once; the answer to send: `{"state": "accepted" | "refused", "reason": ...}`."""
        kind = str(event.get("type"))
        if kind == _TEST:
            return {"state": "accepted", "reason": "a test: it arrived, it is proved, and nothing was stopped"}
        if not kind.startswith(_ORDER):
            return {"state": "accepted"}
        with self._changed:
            known = self._answers.get(str(event.get("id")))
            if known is not None:
                return dict(known)
            answer = self._decide(event.get("data"))
            self._answers[str(event.get("id"))] = answer
            if len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
            self._tell()
            return dict(answer)

    def restore(self, paused: Sequence[Mapping[str, Any]], source: str = "service") -> int:
        """Takes up the items of `GET /v1/paused`; how many pauses that changed. What is newer here stays.

        What an earlier list of the same `source` told of, and this one does not, is lifted.
        """
        with self._changed:
            before = {held.order for held in self.holding()}
            orders = [{**item, "action": "pause", "id": item.get("order")} for item in paused]
            for order in orders:
                self._decide(order, listed_by=source)
            told = {order["id"] for order in orders}
            for key, seen in self._scopes.items():
                if seen.listed_by == source and seen.held is not None and seen.held.order not in told:
                    self._scopes[key] = replace(seen, held=None)
            self._tell()
            return len(before ^ {held.order for held in self.holding()})

    def _decide(self, data: Any, listed_by: str = "") -> Answer:
        try:
            held = held_of(data)
        except (LookupError, TypeError, ValueError, AttributeError) as wrong:
            return _refused(f"the order cannot be read ({type(wrong).__name__}: {str(wrong)[:100]})")
        key = held.tenant, held.scope
        seen = self._scopes.get(key, _Seen(0, 0, None))
        if seen.held is not None and seen.held.order == held.order:
            self._scopes[key] = seen if listed_by else replace(seen, listed_by="")
            return {"state": "accepted"}
        if why_not := self._why_not(held, seen.sequence):
            return _refused(why_not)
        self._scopes[key] = _Seen(held.sequence, max(seen.over_ms, held.until_ms), None if held.action == "resume" else held, listed_by)
        return {"state": "accepted"}

    def _why_not(self, held: Held, sequence: int) -> str:
        if held.action not in ORDERS:
            return f"unknown action {held.action[:40]}"
        if held.until_ms <= self._clock():
            return "the order has expired"
        if held.sequence <= sequence:
            return f"a newer order of this scope was obeyed (sequence {sequence})"
        return f"{SCOPES_MAX:,} scopes are held already" if len(self._scopes) >= SCOPES_MAX and not self._forget() else ""

    def _held(self, key: tuple[str, Scope]) -> Held | None:
        seen = self._scopes.get(key)
        return seen.held if seen is not None and seen.held is not None and seen.held.until_ms > self._clock() else None

    def _left_s(self, tenant: str, scopes: Mapping[str, str]) -> float | None:
        """How long to wait before looking again; None: it may go on."""
        ends = [held.until_ms for held in self.held(tenant=tenant, **scopes) if held.action == "pause"]
        return min((max(ends) - self._clock()) / 1000 + 0.001, _TICK_S) if ends else None

    def _forget(self) -> bool:
        """Forgets scopes whose orders are all over, which none of them can come back from; whether that made room."""
        now = self._clock()
        self._scopes = {key: seen for key, seen in self._scopes.items() if seen.over_ms > now}
        return len(self._scopes) < SCOPES_MAX

    def _tell(self) -> None:
        self._changed.notify_all()
        for wake in self._listeners:
            wake()


def _refused(reason: str) -> Answer:
    return {"state": "refused", "reason": reason}
