"""The life of the sources: nothing is done with before it is kept, failures wait apart, policies come and go."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest

from service.facts import decode_stream
from service.intake.sorting import sort
from service.log.memory import MemoryLog
from service.log.ports import STREAM, LogError, Row
from service.policy import Policy, load
from service.records import Usage
from service.shells import republish
from service.shells.republish import Republisher

OWN = "in"
PARTITIONS = 3
PATIENCE_S = 10.0


@dataclass
class Topic:
    """What lies in a topic, and up to where it is done with; it may refuse to be read."""

    rows: list[bytes] = field(default_factory=list)
    done: int = 0
    opened: int = 0
    fails: str = ""


class Reading:
    def __init__(self, topic: Topic) -> None:
        self._topic, self._at = topic, topic.done

    async def take(self) -> Mapping[int, Sequence[Row]]:
        if self._topic.fails:
            raise LogError(self._topic.fails)
        await asyncio.sleep(0.001)
        rows = [Row(offset, 2_000, raw) for offset, raw in enumerate(self._topic.rows[self._at : self._at + 5], self._at)]
        self._at += len(rows)
        return {0: rows} if rows else {}

    def done(self) -> None:
        self._topic.done = self._at


class Cluster:
    """Topics by name; one that is asked for and not there cannot be opened."""

    def __init__(self, **topics: Topic) -> None:
        self.topics, self.open = topics, set[str]()

    @asynccontextmanager
    async def reads(self, name: str) -> AsyncIterator[Reading]:
        if name not in self.topics:
            raise LogError(f"{name} is not there")
        self.topics[name].opened += 1
        self.open.add(name)
        try:
            yield Reading(self.topics[name])
        finally:
            self.open.discard(name)


class Refusing(MemoryLog):
    """A log that fails for a while, before or after it has written, or never answers."""

    fails = ""
    hangs = False

    async def append_many(self, topic: str, batches: Mapping[int, Sequence[bytes]]) -> None:
        if self.fails == "before":
            raise LogError("no broker answers")
        if self.fails == "never":
            self.hangs = True
            await asyncio.sleep(60)
        await super().append_many(topic, batches)
        if self.fails == "after":
            self.fails = ""
            raise LogError("no broker answered in time")


def line(number: int, **fields: object) -> bytes:
    return json.dumps({"id": str(number), "time": 1.5, "execution_id": f"run-{number % 7}"} | fields).encode()


def lines(count: int) -> list[bytes]:
    return [line(number) for number in range(count)]


async def heard(log: MemoryLog) -> list[str]:
    rows = [row for partition in range(PARTITIONS) for row in await log.read(STREAM, partition, 0, 10_000)]
    return sorted((record.id for row in rows if isinstance(record := decode_stream(row.value), Usage)), key=int)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happened():  # noqa: ASYNC110 -- it is another thread's
            await asyncio.sleep(0.005)


@contextmanager
def living(cluster: Cluster, log: MemoryLog, policy: Policy | None = None) -> Iterator[Republisher]:
    republisher = Republisher(OWN, cluster.reads, log, PARTITIONS)
    republisher.adopt(policy or Policy())
    republisher.thread.start()
    try:
        yield republisher
    finally:
        republisher.thread.stop()
        assert not cluster.open
        assert "intake" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "BEAT_S", 0.01)
    monkeypatch.setattr(republish, "RESTART_S", (0.01, 0.02))


async def test_all_of_it_once_and_someone_is_told() -> None:
    cluster, log = Cluster(**{OWN: Topic(lines(23))}), MemoryLog(lambda: 0)
    told: list[str] = []
    with living(cluster, log) as republisher:
        republisher.appended = lambda: told.append(threading.current_thread().name)
        beat = republisher.beat
        await until(lambda: republisher.passed.records == 23 and republisher.beat != beat)
    assert await heard(log) == [str(number) for number in range(23)]
    assert set(told) <= {"intake"}
    assert cluster.topics[OWN].done == 23


@pytest.mark.parametrize(("fails", "copies"), [("before", 1), ("after", 2)])
async def test_what_the_log_did_not_acknowledge_is_not_done_with(fails: str, copies: int) -> None:
    cluster, log = Cluster(**{OWN: Topic(lines(3))}), Refusing(lambda: 0)
    log.fails = fails
    with living(cluster, log) as republisher:
        await until(lambda: cluster.topics[OWN].opened > 1)
        assert cluster.topics[OWN].done in {0, 3}
        if fails == "before":
            assert republisher.passed.failures == {OWN: "no broker answers"}
            assert cluster.topics[OWN].done == 0
            log.fails = ""
        await until(lambda: republisher.passed.records == 3 and not republisher.passed.failures)
    assert await heard(log) == sorted([str(number) for number in range(3)] * copies, key=int)


async def test_a_source_that_fails_keeps_no_other_waiting_and_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    cluster, log = Cluster(**{OWN: Topic(), "bad": Topic(fails="may not be read")}), MemoryLog(lambda: 0)
    with living(cluster, log, load("sources: [{topic: bad}, {topic: missing}]")) as republisher:
        await until(lambda: cluster.topics["bad"].opened > 3)
        cluster.topics[OWN].rows += lines(10)
        await until(lambda: republisher.passed.records == 10)
        assert republisher.passed.failures == {"bad": "may not be read", "missing": "missing is not there"}
        cluster.topics["missing"] = Topic([line(10, id=None)])
        cluster.topics["bad"].fails = ""
        await until(lambda: republisher.passed.records == 11 and not republisher.passed.failures)
    assert cluster.topics[OWN].opened == 1
    assert capsys.readouterr().out.count("may not be read") == 1


async def test_a_fault_of_ours_skips_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, log = Cluster(**{OWN: Topic(lines(4))}), MemoryLog(lambda: 0)

    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("service.shells.republish.sort", wrong)
    with living(cluster, log) as republisher:
        await until(lambda: OWN in republisher.passed.failures)
        monkeypatch.setattr("service.shells.republish.sort", sort)
        await until(lambda: republisher.passed.records == 4)
    assert await heard(log) == [str(number) for number in range(4)]


async def test_a_policy_adds_a_source_and_another_takes_it_away() -> None:
    cluster, log = Cluster(**{OWN: Topic(), "calls": Topic(lines(5))}), MemoryLog(lambda: 0)
    with living(cluster, log) as republisher:
        await until(lambda: cluster.open == {OWN})
        republisher.adopt(load("sources: [{topic: calls}]"))
        await until(lambda: republisher.passed.records == 5)
        republisher.adopt(Policy())
        await until(lambda: cluster.open == {OWN})
        cluster.topics["calls"].rows += [line(5)]
        republisher.adopt(load("sources: [{topic: calls, format: litellm}]"))
        await until(lambda: republisher.passed.refused.total() == 1)
    assert cluster.topics[OWN].opened == 1
    assert cluster.topics["calls"].done == 6


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{topic: calls, format: xml}", "no format is called xml; formats are spendwarden, litellm"),
        ("{topic: in, format: litellm}", "in holds records in our own form"),
    ],
)
async def test_a_policy_from_elsewhere_that_asks_for_the_impossible(source: str, said: str) -> None:
    """A journal may hold what `check` would not pass today."""
    cluster, log = Cluster(**{OWN: Topic(lines(3)), "calls": Topic(lines(3))}), MemoryLog(lambda: 0)
    topic, form = (part.partition(": ")[2] for part in source.strip("{}").split(", "))
    policy = Policy.model_validate({"sources": [{"topic": topic, "format": form}]})
    with living(cluster, log, policy) as republisher:
        await until(lambda: republisher.passed.records == 3)
        await until(lambda: said in "".join(republisher.passed.failures.values()))
    assert cluster.topics["calls"].opened == 0


async def test_what_hangs_is_cut_off_at_the_end_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "END_S", 0.05)
    cluster, log = Cluster(**{OWN: Topic(lines(3))}), Refusing(lambda: 0)
    log.fails = "never"
    with living(cluster, log) as republisher:
        await until(lambda: log.hangs)
        began_s = time.monotonic()
    assert republisher.beat != republisher.beat, "the watchdog has nothing to say of who was asked to end"
    assert time.monotonic() - began_s < 2
    assert cluster.topics[OWN].done == 0


async def test_a_pause_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "RESTART_S", (60.0,))
    cluster, log = Cluster(), MemoryLog(lambda: 0)
    with living(cluster, log) as republisher:
        await until(lambda: OWN in republisher.passed.failures)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 2
