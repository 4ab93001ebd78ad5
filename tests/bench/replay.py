"""Meter and warden over a file of records, in one process on one core: speed by part, tallies per record, memory, growth, stall by snapshots."""

from __future__ import annotations

import argparse
import gc
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any, Final

from service.facts import Envelope, PolicySet, Tally
from service.intake import Refusal, Unknown
from service.intake.native import parse
from service.intake.partition import partition_of
from service.policy import dump, load
from service.records import Usage, instant
from service.replay.engine import Engine
from service.replay.files import arrivals
from service.replay.run import Tallies, finish, replay
from service.shells.collector import seldom
from service.warden.fold import hear as warden_hear
from service.warden.normal import places
from service.warden.state import Warden
from tests.bench.figures import Figure, at_least, below, rss_bytes
from tests.bench.stall import stall
from tests.bench.traffic import DENSE, POLICY, SPARSE, Flow, cached, lines

GOAL_PER_S: Final = 50_000
SCOPE_BYTES_GOAL: Final = 10_000
RUN_BYTES_GOAL: Final = 400
WINDOWS: Final = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=600_000, help="of the dense file")
    parser.add_argument("--long", action="store_true", help="growth up to 10^7 records instead of 10^6 (about 6 minutes and 3 GB)")
    parser.add_argument("--only", choices=("speed", "memory", "growth", "stall"), help="one part alone")


def run(asked: argparse.Namespace) -> list[Figure]:
    seldom()  # as every command does
    figures: list[Figure] = []
    if asked.only in (None, "growth"):  # first, while this process holds nothing else
        figures += _growth(10**7 if asked.long else 10**6)
    if asked.only in (None, "memory"):
        figures += _memory()
    if asked.only in (None, "stall"):
        figures += stall()
    if asked.only in (None, "speed"):
        figures += _speed("dense", DENSE, asked.records) + _speed("sparse", SPARSE, 45_000)
    return figures


def policy_set(text: str = POLICY) -> PolicySet:
    policy = load(text)
    return PolicySet(1, policy.digest, dump(policy))


# ---------------------------------------------------------------- speed


def _speed(name: str, flow: Flow, count: int) -> list[Figure]:
    path = cached(name, flow, count)
    whole_s = min(_whole(path) for _ in range(2))
    raws = path.read_bytes().splitlines()
    started = process_time()
    records = [record for raw in raws if not isinstance(record := parse(raw), Refusal)]
    parse_s = process_time() - started
    heard = list(_arriving(records))
    envelopes, folds_s = _folds(heard)
    warden_s = _warden(envelopes)
    tallies = sum(isinstance(fact, Tally) for envelope in envelopes for fact in envelope.facts)
    facts = sum(len(envelope.facts) for envelope in envelopes)
    folded = f"{name}: meter + warden"
    return [
        at_least(folded, count / folds_s, "records/s", GOAL_PER_S) if name == "dense" else Figure(folded, count / folds_s, "records/s"),
        Figure(f"{name}: from bytes to transcript", count / whole_s, "records/s"),
        Figure(f"{name}: intake", parse_s / count * 1e6, "us/record"),
        Figure(f"{name}: meter", (folds_s - warden_s) / count * 1e6, "us/record"),
        Figure(f"{name}: warden", warden_s / count * 1e6, "us/record"),
        Figure(f"{name}: intake share", parse_s / (parse_s + folds_s), "of parse + folds"),
        Figure(f"{name}: meter share", (folds_s - warden_s) / (parse_s + folds_s), "of parse + folds"),
        Figure(f"{name}: warden share", warden_s / (parse_s + folds_s), "of parse + folds"),
        Figure(f"{name}: tallies", tallies / count, "per record"),
        Figure(f"{name}: facts", facts / count, "per record"),
    ]


def _whole(path: Path) -> float:
    """As `spendwarden replay` does it: lines, parse, arrivals, folds, transcript lines; CPU seconds of this process."""
    gc.collect()
    started = process_time()
    engine, seen = Engine(policy_set()), Tallies()
    for _ in replay(engine, arrivals([str(path)], "spendwarden", Unknown(), lambda _: None), seen):
        pass
    finish(engine, seen)
    return process_time() - started


def _arriving(records: list[Any]) -> Iterator[tuple[int, Any]]:
    now_ms = 0
    for record in records:
        now_ms = max(now_ms, instant(record.time))
        yield now_ms, record


class _Keeping(Engine):
    """The engine, with the time that its warden takes and what the meters say kept apart."""

    def __init__(self, policy: PolicySet) -> None:
        super().__init__(policy)
        self.envelopes: list[Envelope] = []

    def _decide(self, out: list[Envelope]) -> list[Any]:
        self.envelopes += out
        return super()._decide(out)


def _folds(heard: list[tuple[int, Any]]) -> tuple[list[Envelope], float]:
    engine = _Keeping(policy_set())
    gc.collect()
    started = process_time()
    for arrival_ms, record in heard:
        engine.hear(arrival_ms, record)
    engine.finish(heard[-1][0])
    return engine.envelopes, process_time() - started


def _warden(envelopes: list[Envelope]) -> float:
    """The same envelopes again, to a warden alone."""
    warden = Warden(0, 12)
    warden_hear(warden, envelopes[0].mark_ms, policy_set())
    gc.collect()
    started = process_time()
    for envelope in envelopes:
        warden_hear(warden, max(envelope.mark_ms, warden.now_ms), envelope)
        warden.out = []
    return process_time() - started


# ---------------------------------------------------------------- memory


def _memory() -> list[Figure]:
    few, many, runs = 1_000, 3_000, 20_000
    unfollowed = _traced(_runs(runs, followed=False))
    identity = unfollowed / runs
    by_scope = (_traced(_scopes(many)) - _traced(_scopes(few))) / (many - few) - WINDOWS * identity
    by_run = (_traced(_runs(runs, followed=True)) - unfollowed) / runs
    return [
        below("memory of a scope (its series, totals, budget, habits)", by_scope, "bytes", SCOPE_BYTES_GOAL),
        below("memory of a live execution", by_run, "bytes", RUN_BYTES_GOAL),
        Figure("memory of a remembered identity", identity, "bytes"),
    ]


def _traced(heard: list[tuple[int, Usage]]) -> int:
    """Bytes that an engine holds after having heard these, by tracemalloc."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    engine = Engine(policy_set())
    for arrival_ms, record in heard:
        engine.hear(arrival_ms, record)
    engine.finish(heard[-1][0])
    partition_of.cache_clear()  # bounded, and no part of the state, as the other
    places.cache_clear()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def _scopes(agents: int) -> list[tuple[int, Usage]]:
    """Each agent once in each of twelve ten-minute windows, so that its series has learned something."""
    heard: list[tuple[int, Usage]] = []
    for window in range(WINDOWS):
        for number in range(agents):
            at_ms = 1_790_000_400_000 + window * 600_000 + number * 100
            heard.append(
                (at_ms, Usage(id=f"{window}-{number}", time=at_ms / 1000, agent=f"agent-{number}", use_case="case", business_unit="unit", cost_usd="0.01"))
            )
    return sorted(heard, key=lambda each: each[0])


def _runs(count: int, *, followed: bool) -> list[tuple[int, Usage]]:
    """So many records of one agent, each of an execution of its own or of none."""
    at_ms = 1_790_000_400_000
    return [
        (at_ms + n // 10, Usage(id=f"r-{n}", time=at_ms / 1000, agent="a", workflow="w", execution_id=f"run-{n:08x}" if followed else "", cost_usd="0.01"))
        for n in range(count)
    ]


# ---------------------------------------------------------------- growth


def _growth(up_to: int) -> list[Figure]:
    """Speed and resident memory by decade; the records are made on the way, outside of the measured time."""
    engine = Engine(policy_set())
    source, figures = lines(DENSE), []
    heard, spent_s, now_ms, chunk = 0, 0.0, 0, 50_000
    empty, mark, since = rss_bytes(), 10**5, (0, 0.0)
    while heard < up_to:
        raws = list(islice(source, chunk))
        started = process_time()
        for raw in raws:
            record = parse(raw)
            assert not isinstance(record, Refusal)
            now_ms = max(now_ms, instant(record.time))
            engine.hear(now_ms, record)
        spent_s += process_time() - started
        heard += chunk
        del raws
        if heard >= mark:
            speed = (heard - since[0]) / (spent_s - since[1])
            figures += [
                Figure(f"growth to {heard:,}: speed since the last row", speed, "records/s"),
                Figure(f"growth to {heard:,}: resident memory", (rss_bytes() - empty) / 2**20, "MiB more than empty"),
                Figure(f"growth to {heard:,}: resident memory per record", (rss_bytes() - empty) / heard, "bytes"),
            ]
            since = (heard, spent_s)
            mark = mark * 10 if mark < 10**6 else mark + 3 * 10**6
    return figures
