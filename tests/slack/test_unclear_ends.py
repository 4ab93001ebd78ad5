"""Whatever happens between the post and its receipt: one message, one reply, and no notice is lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.port import Delivered, MemoryHere, Outcome, RetryLater
from service.facts import Notice
from tests.core.episodes import BUDGET, LOOP
from tests.samples import NOTICE, ORDER
from tests.slack.desk import Desk, step
from tests.slack.faults import Fault, error, raising, status
from tests.slack.server import FakeSlack

LAGS_S = {"at once": 0, "late": 8}
STORY = (step(BUDGET, "opened", revision=1), step(BUDGET, "worse", revision=2), step(BUDGET, "resolved", revision=3, state="resolved"))
UNCLEAR: dict[str, Callable[[], Fault]] = {
    "timed out after it was taken": lambda: raising(httpx.ReadTimeout("slow"), effect=True),
    "line broke after it was taken": lambda: raising(httpx.RemoteProtocolError("gone"), effect=True),
    "500 after it was taken": lambda: status(500, effect=True),
    "half an answer": lambda: status(200, body=b'{"ok": tr', effect=True),
    "timed out before": lambda: raising(httpx.ReadTimeout("slow")),
    "could not connect": lambda: raising(httpx.ConnectError("no route")),
    "503 before": lambda: status(503, {"retry-after": "2"}),
    "internal error": lambda: error("internal_error"),
}


async def until_delivered(desk: Desk, notice: Notice) -> list[Outcome]:
    """As the dispatcher would: again, after what it was asked to wait or a little more each time."""
    outcomes: list[Outcome] = []
    while not outcomes or outcomes[-1] != Delivered():
        if outcomes:
            last = outcomes[-1]
            assert isinstance(last, RetryLater), last
            desk.wait(last.after_s or 1.5)
        outcomes.append(await desk.tell(notice))
        assert len(outcomes) < 20
    return outcomes


def assert_told_once(slack: FakeSlack) -> None:
    (root,) = slack.roots("C2")
    assert [reply["thread_ts"] for reply in slack.replies("C2")] == [root["ts"]] * 2
    said = [reply["metadata"]["event_payload"]["notice"] for reply in slack.replies("C2")]
    assert said == [STORY[1].id, STORY[2].id]
    assert "Resolved" in root["blocks"][0]["text"]["text"]
    assert slack.roots("C1") == []


@pytest.mark.parametrize("lag_s", LAGS_S.values(), ids=LAGS_S)
@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_end_that_nobody_knows_doubles_nothing(desk: Desk, fault: Callable[[], Fault], at: int, lag_s: int) -> None:
    desk.slack.shown_after_ms = lag_s * 1000
    for number, notice in enumerate(STORY):
        if number == at:
            desk.slack.fail("chat.postMessage", fault())
        await until_delivered(desk, notice)
    assert_told_once(desk.slack)
    assert desk.courier.told_twice == 0


async def test_an_edit_whose_end_nobody_knows_is_made_again(desk: Desk) -> None:
    await until_delivered(desk, STORY[0])
    desk.slack.fail("chat.update", raising(httpx.ReadTimeout("slow"), effect=True), status(500), error("fatal_error"))
    for notice in STORY[1:]:
        await until_delivered(desk, notice)
    assert_told_once(desk.slack)


class Crash(BaseException):
    """The process is gone: nothing catches it."""


class Fragile(httpx.AsyncBaseTransport, MemoryHere):
    """Slack's line and the memory, which take the process along at the `at`-th step, before it or right behind it."""

    __slots__ = ("at", "late", "slack", "steps")

    def __init__(self, slack: FakeSlack, memory: MemoryHere, at: int, *, late: bool) -> None:
        MemoryHere.__init__(self, memory.values)
        self.slack, self.at, self.late, self.steps = slack, at, late, count()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        crashes = self._falls()
        response = await self.slack.handle_async_request(request)
        return self._after(crashes, response)

    async def keep(self, about: str, value: bytes) -> None:
        crashes = self._falls()
        self.values[about] = value
        self._after(crashes, None)  # type: ignore[arg-type]

    def _falls(self) -> bool:
        crashes = next(self.steps) == self.at
        if crashes and not self.late:
            raise Crash
        return crashes

    def _after(self, crashes: bool, response: httpx.Response) -> httpx.Response:
        if crashes:
            raise Crash
        return response


async def crashing(at: int, *, late: bool, lag_s: int) -> tuple[Desk, bool]:
    """The whole story with one crash; whether there was one."""
    desk = Desk()
    desk.slack.shown_after_ms = lag_s * 1000
    fragile = Fragile(desk.slack, desk.memory, at, late=late)
    desk.memory = fragile
    desk.again(fragile)
    crashed = False
    for notice in STORY:
        try:
            await until_delivered(desk, notice)
        except Crash:
            crashed = True
            desk.wait(1)
            desk.again(fragile)
            await until_delivered(desk, notice)
    return desk, crashed


@pytest.mark.parametrize("lag_s", LAGS_S.values(), ids=LAGS_S)
@pytest.mark.parametrize("late", [False, True], ids=["before", "behind"])
async def test_a_crash_at_any_step_leaves_exactly_one_of_each(late: bool, lag_s: int) -> None:
    crashes = 0
    for at in count():
        desk, crashed = await crashing(at, late=late, lag_s=lag_s)
        if not crashed:
            break
        crashes += 1
        assert_told_once(desk.slack)
        assert desk.slack.mistakes == []
    assert crashes >= 10, "every keep and every request of three notices"


@pytest.mark.parametrize("item", [ORDER, but(NOTICE, reason="storm")], ids=["order", "storm"])
async def test_what_stands_alone_is_posted_once_too(desk: Desk, item: Notice) -> None:
    desk.slack.fail("chat.postMessage", raising(httpx.ReadTimeout("slow"), effect=True))
    await until_delivered(desk, item)
    assert len(desk.slack.roots()) == 1


async def test_what_doubled_because_slack_showed_it_too_late_is_deleted_and_counted(desk: Desk) -> None:
    desk.slack.shown_after_ms = 25_000
    desk.slack.fail("chat.postMessage", raising(httpx.ReadTimeout("slow"), effect=True))
    await until_delivered(desk, STORY[0])
    assert len(desk.slack.roots("C2")) == 2, "no one could know"
    desk.wait(60)
    await until_delivered(desk, STORY[1])
    assert len(desk.slack.roots("C2")) == 1
    assert desk.courier.told_twice == 1
    await until_delivered(desk, STORY[2])
    assert_told_once(desk.slack)


async def test_where_the_history_may_not_be_read_it_is_posted_again_after_a_while(desk: Desk) -> None:
    desk.slack.fail("chat.postMessage", raising(httpx.ReadTimeout("slow")))
    desk.slack.fail("conversations.history", *[error("missing_scope")] * 9)
    outcomes = await until_delivered(desk, step(LOOP, "opened"))
    assert RetryLater(8.5, "waits to see whether the last post arrived", alone=True) in outcomes
    assert len(desk.slack.roots()) == 1
