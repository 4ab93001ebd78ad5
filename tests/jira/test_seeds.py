"""Small histories drawn from seeds: steps, edits, people, faults and crashes in any order; what must hold in the end holds in each."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.port import Delivered
from service.facts import Control, Incident
from service.messages.adf import adf_text
from tests.jira.desk import MINUTE_MS, Desk
from tests.jira.fake import LI, MARIA, Fault
from tests.jira.test_once import Fuse, FusedMemory, FusedWire, KilledError
from tests.samples import INCIDENT

SEEDS = 100
FAILS: list[Any] = [
    httpx.ReadTimeout,
    httpx.ConnectError,
    httpx.Response(503),
    httpx.Response(429, headers={"retry-after": "2"}),
    b'{"id":',
    httpx.Response(500),
]
CALLS = ["issue", r"issue/[A-Z]+-\d+", r"issue/[A-Z]+-\d+/comment", r"issue/[A-Z]+-\d+/transitions", "search.*", "issueLink", "myself", "priority.*"]


@dataclass
class History:
    """One drawn history."""

    seed: int
    people: list[str] = field(default_factory=list)
    heard: dict[str, Control] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lot = random.Random(self.seed)
        self.memory = FusedMemory()
        self.desk = Desk(cloud=self.lot.random() < 0.5, memory=self.memory)
        self.desk.jira.lag_ms = self.lot.choice([0, 5_000, 30_000, 55_000])
        self.desk.transport = FusedWire(self.desk)
        self.states = {f"inc-{n}": but(INCIDENT, id=f"inc-{n}") for n in (1, 2)}
        self._burning()

    def _burning(self) -> None:
        """The next process lives for so many deeds."""
        fuse = Fuse(self.lot.randrange(1, 60), self.lot.random() < 0.5) if self.lot.random() < 0.7 else None
        self.memory.fuse = self.desk.transport.fuse = fuse
        self.desk.begin()

    async def live(self) -> None:
        for _ in range(self.lot.randrange(6, 18)):
            self._fault()
            act = self.lot.choice([self._step, self._step, self._edit, self._person, self._listen])
            await act()
            self.desk.now_ms += self.lot.choice([1_000, MINUTE_MS, 20 * MINUTE_MS])
        self.desk.jira.faults, self.memory.fuse, self.desk.transport.fuse = [], None, None
        self.desk.begin()
        self.desk.now_ms += 10 * MINUTE_MS
        for _ in range(3):
            await self._listen()

    def _fault(self) -> None:
        if self.lot.random() < 0.5:
            path, fails = self.lot.choice(CALLS), self.lot.choice(FAILS)
            after = self.lot.random() < 0.5 and fails is not httpx.ConnectError and not (isinstance(fails, httpx.Response) and fails.status_code == 429)
            method = "POST" if path in ("issue", "search.*", "issueLink") else self.lot.choice(["GET", "PUT", "POST"])
            if not isinstance(fails, bytes) or after:  # who says 200 has done it
                self.desk.jira.faults.append(Fault(method, path, fails, after=after))

    async def _step(self) -> None:
        name = self.lot.choice(list(self.states))
        about = self.states[name]
        reason = "reopened" if about.state == "resolved" else self.lot.choice(["opened", "worse", "reminder", "resolved"])
        state = "resolved" if reason == "resolved" else "open"
        self.states[name] = about = but(about, state=state, time_ms=self.desk.now_ms, spend_nanos=about.spend_nanos + 10**9)
        self.notices.append(notice_id := f"ntc-{len(self.notices)}z")
        await self._surely(lambda: self.desk.tell_until(about, reason, notice_id, tries=100))

    async def _edit(self) -> None:
        name = self.lot.choice(list(self.states))
        self.states[name] = about = but(self.states[name], time_ms=self.desk.now_ms, spend_nanos=self.states[name].spend_nanos + 10**8)
        await self._surely(lambda: self.desk.edit(about), final=False)

    async def _person(self) -> None:
        if not self.desk.jira.issues:
            return
        key = self.lot.choice(list(self.desk.jira.issues))
        self.people.append(text := f"said {len(self.people)}")
        self.desk.jira.comment(key, text, by=self.lot.choice([MARIA, LI]))
        if self.lot.random() < 0.3:
            self.desk.jira.move(key, self.lot.choice(["In Arbeit", "Erledigt"]))

    async def _listen(self) -> None:
        async def once() -> Delivered:
            self.heard |= {control.id: control for control in await self.desk.heard()}
            return Delivered()

        await self._surely(once)

    async def _surely(self, deed: Any, *, final: bool = True) -> None:
        """Done, by whichever process lives long enough."""
        while True:
            try:
                outcome = await deed()
            except KilledError:
                self._burning()
                continue
            assert not final or isinstance(outcome, Delivered), outcome
            return


def of(desk: Desk, incident: Incident) -> list[Any]:
    return [issue for issue in desk.jira.issues.values() if incident.id in issue.fields["labels"]]


@pytest.mark.parametrize("tens", range(SEEDS // 10))
async def test_one_issue_each_notice_once_and_nothing_people_said_is_lost(tens: int) -> None:
    for seed in range(tens * 10, tens * 10 + 10):
        history = History(seed)
        await history.live()
        desk = history.desk
        assert desk.jira.broken == [], seed
        for incident in history.states.values():
            assert len(of(desk, incident)) <= 1, seed
        comments = [adf_text(each["body"]) for issue in desk.jira.issues.values() for each in issue.comments]
        told = Counter(notice for notice in history.notices for each in comments if f"notice {notice}" in each)
        assert not [notice for notice, times in told.items() if times > 1], seed
        first = [issue.properties["spendwarden"]["notice"] for issue in desk.jira.issues.values()]
        assert {*told, *first} == set(history.notices), seed
        notes = sorted(control.reason for control in history.heard.values() if control.action == "note")
        assert [note.partition(" (in Jira")[0] for note in notes] == sorted(history.people), seed
