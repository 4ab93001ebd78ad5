"""Exactly one issue and one comment, whatever breaks: a crash at any point, answers that are lost, an index that lags, a memory that is gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.jira.courier import REOPEN_MS
from service.couriers.jira.following import Following
from service.couriers.jira.making import INDEX_LAG_MS, Making
from service.couriers.port import Delivered, GaveUp, MemoryHere, RetryLater
from service.messages.adf import adf_text
from tests.jira.desk import MINUTE_MS, Desk
from tests.jira.fake import MARIA, Fault
from tests.samples import INCIDENT

STORY = [
    ("opened", INCIDENT, "ntc-1"),
    ("worse", but(INCIDENT, spend_nanos=900 * 10**9, excess_nanos=890 * 10**9), "ntc-2"),
    ("resolved", but(INCIDENT, state="resolved"), "ntc-3"),
    ("reopened", but(INCIDENT, spend_nanos=901 * 10**9), "ntc-4"),
]


class KilledError(Exception):
    """The process ended here."""


@dataclass
class Fuse:
    """Kills at the n-th deed of the courier: before it, or right after it was done."""

    at: int
    after: bool
    deeds: int = 0

    def burn(self, *, after: bool) -> None:
        self.deeds += not after
        if self.deeds == self.at and after is self.after:
            raise KilledError


@dataclass
class FusedMemory(MemoryHere):
    fuse: Fuse | None = None

    async def keep(self, about: str, value: bytes) -> None:
        if self.fuse:
            self.fuse.burn(after=False)
        await super().keep(about, value)
        if self.fuse:
            self.fuse.burn(after=True)


@dataclass
class FusedWire(httpx.AsyncBaseTransport):
    """The line to the fake, on the same fuse."""

    desk: Desk
    fuse: Fuse | None = None
    calls: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        if self.fuse:
            self.fuse.burn(after=False)
        answer = await self.desk.jira.handle_async_request(request)
        if self.fuse:
            self.fuse.burn(after=True)
        return answer


async def lived(at: int, *, after: bool, lag_ms: int, cloud: bool = True) -> tuple[Desk, bool]:
    """The story told by a courier that is killed once; whether it got so far."""
    fuse, memory = Fuse(at, after), FusedMemory()
    desk = Desk(cloud=cloud, memory=memory)
    desk.jira.lag_ms = lag_ms
    desk.transport = FusedWire(desk, fuse)
    memory.fuse, killed = fuse, False
    desk.begin()
    for reason, about, notice_id in STORY:
        try:
            outcome = await desk.tell_until(about, reason, notice_id)
        except KilledError:
            killed, memory.fuse, desk.transport.fuse = True, None, None
            desk.begin()
            outcome = await desk.tell_until(about, reason, notice_id)
        assert isinstance(outcome, Delivered), outcome
        desk.now_ms += 5 * MINUTE_MS
    return desk, killed


def assert_told_once(desk: Desk) -> None:
    issue = desk.jira.only()
    comments = [adf_text(each["body"]) for each in issue.comments]
    assert [sum(f"ntc-{n}" in each for each in comments) for n in (1, 2, 3, 4)] == [0, 1, 1, 1]
    assert issue.status == "Offen"
    assert "$901.00" in adf_text(issue.fields["description"])


@pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "data_center"])
@pytest.mark.parametrize("lag_ms", [0, 20_000, INDEX_LAG_MS - 1_000])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_point_leaves_one_issue_and_each_comment_once(after: bool, lag_ms: int, cloud: bool) -> None:
    for at in range(1, 200):
        desk, killed = await lived(at, after=after, lag_ms=lag_ms, cloud=cloud)
        assert_told_once(desk)
        if not killed:
            break
    assert at > 30  # that many points there are


async def test_who_does_not_wait_for_the_index_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(*_: Any) -> None:
        return None

    monkeypatch.setattr(Making, "wait", at_once)
    doubled = 0
    for at in range(1, 60):
        desk, _ = await lived(at, after=True, lag_ms=20_000)
        doubled += len(desk.jira.issues) > 1
    assert doubled


async def test_who_does_not_read_the_comments_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unsaid(*_: Any) -> bool:
        return False

    monkeypatch.setattr(Following, "is_said", unsaid)
    doubled = 0
    for at in range(1, 60):
        desk, _ = await lived(at, after=True, lag_ms=0)
        doubled += len(desk.jira.only().comments) > 3
    assert doubled


LOST: dict[str, httpx.Response | type[httpx.TransportError] | bytes] = {
    "timeout": httpx.ReadTimeout,
    "line breaks": httpx.RemoteProtocolError,
    "500": httpx.Response(500),
    "504": httpx.Response(504, headers={"retry-after": "1"}),
    "malformed": b'{"id": "20',
    "no key": b'{"id": "20001"}',
}


@pytest.mark.parametrize("fails", LOST.values(), ids=LOST)
@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
async def test_a_create_whose_answer_is_lost_is_looked_for_and_not_repeated(fails: Any, after: bool) -> None:
    desk = Desk()
    desk.jira.lag_ms = 7_000
    desk.jira.faults = [Fault("POST", "issue", fails, after=after)]
    outcome = await desk.tell(notice_id="ntc-1")
    assert isinstance(outcome, RetryLater)
    assert outcome.alone
    assert await desk.tell_until(notice_id="ntc-1") == Delivered()
    assert desk.jira.only().comments == []
    assert len(desk.jira.sent("POST", "issue")) == (1 if after else 2)
    waited_ms = desk.now_ms - Desk().now_ms
    assert (waited_ms < 20_000) if after else (INDEX_LAG_MS <= waited_ms < INDEX_LAG_MS + 10_000)


@pytest.mark.parametrize("fails", [fails for name, fails in LOST.items() if name != "no key"])
@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
async def test_a_comment_whose_answer_is_lost_is_read_before_it_is_repeated(fails: Any, after: bool) -> None:
    desk = Desk()
    await desk.tell(notice_id="ntc-1")
    desk.jira.faults = [Fault("POST", "issue/FIN-1/comment", fails, after=after)]
    assert await desk.tell_until(reason="worse", notice_id="ntc-2") == Delivered()
    assert len(desk.jira.only().comments) == 1


async def test_an_issue_that_the_index_shows_too_late_is_merged_and_counted() -> None:
    desk = Desk()
    desk.jira.lag_ms = 3 * INDEX_LAG_MS
    desk.jira.faults = [Fault("POST", "issue", httpx.ReadTimeout, after=True)]
    await desk.tell_until(notice_id="ntc-1")
    assert len(desk.jira.issues) == 2
    desk.jira.comment("FIN-1", "whose is this?")
    desk.now_ms += 3 * INDEX_LAG_MS
    desk.jira.faults = [
        Fault("POST", "issueLink", httpx.Response(503)),
        Fault("POST", "issue/FIN-1/comment", httpx.ReadTimeout, after=True),
        Fault("GET", "issue/FIN-1/transitions", httpx.Response(503)),
    ]
    for _ in range(4):
        await desk.heard()
        assert desk.courier.told_twice == 1
    assert [issue.status for issue in desk.jira.issues.values()] == ["Erledigt", "Offen"]
    assert desk.jira.issues["FIN-1"].links == ["FIN-2"]
    assert ["Told twice: all about this incident is in FIN-2" in adf_text(each["body"]) for each in desk.jira.issues["FIN-1"].comments] == [False, True]
    await desk.heard()
    assert desk.courier.told_twice == 1


@pytest.mark.parametrize("lag_ms", [0, 20_000])
async def test_a_recurrence_long_after_makes_one_issue_though_its_answer_is_lost(lag_ms: int) -> None:
    desk = Desk()
    await desk.tell()
    desk.jira.move("FIN-1", "Erledigt")
    desk.now_ms += REOPEN_MS + MINUTE_MS
    desk.jira.lag_ms, desk.jira.faults = lag_ms, [Fault("POST", "issue", httpx.ReadTimeout, after=True)]
    assert await desk.tell_until(reason="reopened", notice_id="ntc-2") == Delivered()
    assert [issue.links for issue in desk.jira.issues.values()] == [["FIN-2"], ["FIN-1"]]


async def test_a_lost_memory_finds_the_issue_again_and_says_nothing_twice() -> None:
    desk = Desk()
    await desk.tell(notice_id="ntc-1")
    await desk.tell(reason="worse", notice_id="ntc-2")
    for notice_id, reason in (("ntc-2", "worse"), ("ntc-1", "opened"), ("ntc-3", "reminder")):
        desk.memory = MemoryHere()
        desk.begin()
        assert await desk.tell(reason=reason, notice_id=notice_id) == Delivered()
    assert len(desk.jira.only().comments) == 2


async def test_of_many_the_first_open_one_is_followed_and_a_person_s_copy_is_left_alone() -> None:
    desk = Desk()
    await desk.tell(notice_id="ntc-1")
    first = desk.jira.only()
    for at, creator in ((2, MARIA), (3, first.creator)):
        desk.jira.issues[f"FIN-{at}"] = type(first)(str(20_000 + at), f"FIN-{at}", dict(first.fields), creator, desk.now_ms, desk.now_ms)
    desk.memory = MemoryHere()
    desk.begin()
    await desk.tell(reason="worse", notice_id="ntc-2")
    assert [issue.status for issue in desk.jira.issues.values()] == ["Offen", "Offen", "Erledigt"]
    assert [len(issue.comments) for issue in desk.jira.issues.values()] == [1, 0, 1]
    assert desk.courier.told_twice == 1


async def test_an_issue_that_is_gone_is_not_made_again() -> None:
    desk = Desk()
    await desk.tell()
    del desk.jira.issues["FIN-1"]
    outcome = await desk.tell(reason="worse")
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.startswith("FIN-1 is gone")
    assert desk.jira.issues == {}


async def test_a_busy_jira_has_not_made_anything_so_nothing_is_waited_for() -> None:
    desk = Desk()
    desk.jira.faults = [Fault("POST", "issue", httpx.Response(429, headers={"retry-after": "3"}))]
    assert await desk.tell(notice_id="ntc-1") == RetryLater(3.0, "429 Too Many Requests")
    desk.now_ms += 3_000
    assert await desk.tell(notice_id="ntc-1") == Delivered()
    assert len(desk.jira.issues) == 1
