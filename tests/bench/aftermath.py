"""What must be true of the logs of a service that was killed: each question is answered by a list of what is wrong."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

from service.books import SpendQuestion
from service.engine.engine import Engine as LiveEngine
from service.engine.engine import Ports
from service.engine.published import newest_policy
from service.facts import Decision, Envelope, Finding, Incident, Kind, Order, PolicySet, Tick, decode_journal, decode_stream
from service.folder import LEDGER, LOGS
from service.ledger import Ledger
from service.log.blocking import complete
from service.log.ports import JOURNAL, REFUSED, STREAM, Log
from service.log.sqlite import SqliteLog, SqliteSnapshots
from service.records import Change, Outcome, Usage
from service.replay.engine import Engine
from service.replay.journal import Repetition
from service.replay.outbox import decided
from service.replay.run import counted
from service.shells.bookkeeper import Bookkeeper
from tests.bench.crew import spendwarden
from tests.bench.live import ROOT
from tests.bench.siege import Siege

ALL = 1 << 30
PARTITIONS = 12
LATER_MS = 150_000


class Decided(NamedTuple):
    """What was found and decided, by identity and figures; what is rationed or follows the receivers' answers is left out."""

    findings: frozenset[tuple[Any, ...]]
    incidents: dict[str, frozenset[str]]
    lines: frozenset[tuple[str, str, float]]


def settle(data: Path) -> dict[str, int]:
    """Two minutes pass on the folder, so that every minute has had its last word; what the meters counted."""
    log = SqliteLog(data / LOGS, lambda: time_ns() // 1_000_000 + LATER_MS)
    policy = complete(newest_policy(log))
    assert policy is not None
    engine = LiveEngine.of_all(Ports(log, SqliteSnapshots(data / LOGS)), PARTITIONS, log._clock, lambda: secrets.randbits(62), policy)
    engine.thread.start()
    counts: dict[str, int] = {}
    for _ in range(6):  # each is answered after a turn; a turn a second says the tick's mark
        counts = engine.ask(lambda states: counted(meter.counts for meter in states.meters.values())).result(60)
        asyncio.run(asyncio.sleep(0.5))
    engine.thread.stop()
    log.close()
    return counts


def totals_wrong(data: Path, siege: Siege, counts: dict[str, int]) -> list[str]:
    """Nothing lost, nothing repeated: in the journal's own replay, in the books, and in the meters' counts."""
    log = SqliteLog(data / LOGS, never)
    wrong = [] if counts["accepted"] == siege.records else [f"{siege.records:,} records were acknowledged, {counts['accepted']:,} are counted once"]
    wrong += [f"{name} = {counts[name]}" for name in ("conflicts", "unpriced", "repeats_forgotten", "unchecked") if counts[name]]
    keeper = Bookkeeper(lambda: nullcontext(log), Ledger(f"sqlite:///{data / LEDGER}"))
    while _now(keeper.catch_up(log)):
        pass
    booked = keeper.ledger.spend(SpendQuestion("default", by="agent"))
    wrong += differences("books", booked.by, siege.truth)
    if (booked.nanos, booked.records) != (sum(siege.truth.values()), len(_usages(log))):
        wrong.append(f"books: {booked.nanos} nanos of {booked.records} records, {sum(siege.truth.values())} were sent")
    keeper.ledger.close()
    if _now(log.span(REFUSED, 0))[1]:
        wrong.append("records were refused")
    log.close()
    return wrong


def _usages(log: Log) -> set[str]:
    return {item.id for _, _, item in _stream(log) if isinstance(item, Usage)}


def transcript_wrong(journal: Path, *where: str) -> list[str]:
    """`replay --journal` must print what `export --what transcript` prints, byte for byte (its last line, the summary, apart)."""
    said = command("export", "--what", "transcript", *where)
    again = command("replay", "--journal", str(journal), "--json").splitlines(keepends=True)
    if said == b"".join(again[:-1]) and said:
        return []
    first = next((n for n, (a, b) in enumerate(zip(said.splitlines(), again, strict=False)) if a != b.strip()), -1)
    return [f"transcript: {len(said.splitlines())} lines said, {len(again) - 1} replayed; the first that differs is number {first}"]


def command(*words: str) -> bytes:
    """What `spendwarden` prints."""
    done = subprocess.run(spendwarden(*words), capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


def decisions_wrong(log: Log, until_ms: int) -> list[str]:
    """Findings, incidents and lines must be those of an engine in memory that heard the same records at the same arrivals undisturbed.

    `until_ms`: how far the live one had heard by its marks.
    """
    rows = [decode_journal(row.value) for row in complete(log.read(JOURNAL, 0, 0, ALL))]
    policy = complete(newest_policy(log))
    assert policy is not None
    live = _decided([row for row in rows if isinstance(row, Envelope)], complete(_outbox(log)))
    calm = _undisturbed(policy, _stream(log), until_ms)
    wrong: list[str] = []
    for name, found, right in zip(Decided._fields, live, calm, strict=True):
        if found != right:
            wrong.append(f"{name}: too much or other {_some(_items(found) - _items(right))}, missing or other {_some(_items(right) - _items(found))}")
    return wrong


async def _outbox(log: Log) -> list[Decision]:
    return [decision async for decisions in decided(log) for decision in decisions]


def _stream(log: Log) -> list[tuple[int, int, Usage | Outcome | Change]]:
    """(arrival, partition, record) of all partitions, by arrival; what came in one instant stays in its partition's order."""
    found: list[tuple[int, int, Usage | Outcome | Change]] = []
    for partition in range(PARTITIONS):
        for row in complete(log.read(STREAM, partition, 0, ALL)):
            item = decode_stream(row.value)
            if not isinstance(item, Tick | PolicySet):
                found.append((row.arrival_ms, partition, item))
    return sorted(found, key=lambda each: each[:2])


class _Overheard(Engine):
    def __init__(self, policy: PolicySet) -> None:
        super().__init__(policy, PARTITIONS)
        self.envelopes: list[Envelope] = []

    def wait(self, until_ms: int) -> list[Decision]:
        """What the ticks up to then decide."""
        out: list[Envelope] = []
        self._pass(until_ms, out)
        return self._decide(out)

    def _decide(self, out: list[Envelope]) -> list[Decision]:
        self.envelopes += out
        return super()._decide(out)


def _undisturbed(policy: PolicySet, heard: Sequence[tuple[int, int, Usage | Outcome | Change]], until_ms: int) -> Decided:
    engine = _Overheard(policy)
    decisions: list[Decision] = []
    for arrival_ms, _, record in heard:
        decisions += engine.hear(arrival_ms, record)
    decisions += engine.wait(until_ms)
    return _decided(engine.envelopes, decisions)


def _decided(envelopes: Iterable[Envelope], decisions: Iterable[Decision]) -> Decided:
    findings = frozenset(_figures(fact) for envelope in envelopes for fact in envelope.facts if isinstance(fact, Finding))
    incidents: defaultdict[str, set[str]] = defaultdict(set)
    lines: set[tuple[str, str, float]] = set()
    for step in decisions:
        if isinstance(step, Incident):
            incidents[step.id].update(str(kind) for kind in step.kinds if kind != Kind.PAUSE_IGNORED)
            if step.reason == "line_crossed":
                lines.update((step.id, step.budget, line) for line in step.thresholds)
    return Decided(findings, {name: frozenset(kinds) for name, kinds in incidents.items()}, frozenset(lines))


def _figures(f: Finding) -> tuple[Any, ...]:
    return (f.id, f.kind, f.scope, f.time_ms, f.arrival_ms, f.spend_nanos, f.expected_nanos, f.limit_nanos, f.observed, f.expected)


def orders_wrong(log: Log, siege: Siege) -> list[str]:
    """Whatever the receiver heard was decided; what it heard twice was the same; every order reached it."""
    decisions = complete(_outbox(log))
    orders = {d.id for d in decisions if isinstance(d, Order)}
    known = {getattr(d, "id", "") for d in decisions}
    ids = [d.id for d in decisions if isinstance(d, Order)]
    wrong = [f"the receiver heard {event}, which nobody decided" for event in siege.told if event not in known]
    wrong += [f"{event} had {len(contents)} contents" for event, contents in siege.heard.items() if len(contents) > 1]
    wrong += [f"{name} was ordered {ids.count(name)} times" for name in orders if ids.count(name) > 1]
    return wrong


def orders_undelivered(log: Log, siege: Siege) -> int:
    """Orders that the receiver never heard: those that were overtaken or still waited at the end."""
    decisions = complete(_outbox(log))
    return sum(isinstance(d, Order) and d.mode == "enforce" and d.id not in siege.told for d in decisions)


def repeated(log: Log) -> Repetition:
    """The journal's own replay."""
    repetition = Repetition(PARTITIONS)
    repetition.hear(0, complete(log.read(JOURNAL, 0, 0, ALL)))
    return repetition


def differences(what: str, found: dict[str, int], right: dict[str, int]) -> list[str]:
    names = {*found, *right}
    return [
        f"{what}: {name} has {found.get(name, 0)} nanos, {right.get(name, 0)} were sent" for name in sorted(names) if found.get(name, 0) != right.get(name, 0)
    ]


def _items(value: Any) -> set[Any]:
    return set(value.items()) if isinstance(value, dict) else set(value)


def _some(things: Iterable[Any]) -> str:
    found = sorted(map(str, things))
    return f"{len(found)}: {found[:3]}"


def _now(call: Any) -> Any:
    return asyncio.run(call)


def never() -> int:
    raise AssertionError("who only reads stamps nothing")
