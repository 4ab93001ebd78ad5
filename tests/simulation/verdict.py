"""What must be true at rest, whatever happened on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from service.log.ports import JOURNAL, OUTBOX, STREAM
from tests.simulation.case import Case
from tests.simulation.world import World, replay


class Verdict(NamedTuple):
    """`wrong` is empty where all is as it must be; each begins with what it is about: totals, decided, stuck, said, outbox, state."""

    wrong: list[str]
    crashes: int
    refusals: int
    handovers: int


def judge(case: Case, seed: int, breaking: Case | None = None) -> Verdict:
    """Lives one story twice, disturbed (by `breaking`, where a saboteur is at work) and undisturbed, and compares."""
    with case.limits():
        return _judge(case, seed, breaking or case)


def _judge(case: Case, seed: int, disturbed: Case) -> Verdict:
    calm = _undisturbed(case, seed)
    world = World(disturbed, calm.story, seed, disturbed=True)
    try:
        wrong = list(_differences(case, world.run(), calm))
    except Exception as stuck:  # noqa: BLE001 -- whatever ends a fold for good is wrong
        wrong = [f"stuck: {stuck!r}"]
    return Verdict(wrong, world.crashes, world.refusals, world.handovers)


@lru_cache(maxsize=1)
def _undisturbed(case: Case, seed: int) -> World:
    calm = World(case, case.story(seed), seed, disturbed=False).run()
    assert case.totals(_states(calm)) == calm.story.truth, "the undisturbed run must be right before anything is compared with it"
    return calm


def _differences(case: Case, world: World, calm: World) -> Iterator[str]:
    totals = case.totals(_states(world))
    if totals != world.story.truth:
        yield f"totals: {_some(totals.items() ^ world.story.truth.items())}"
    decided, right = (case.decided(_facts(lived), lived.outbox(), _states(lived)) for lived in (world, calm))
    if decided != right:
        yield f"decided: too much {_some(decided - right)}, missing {_some(right - decided)}"
    yield from _against_replay(case, world)


def _against_replay(case: Case, world: World) -> Iterator[str]:
    """All owners together must have said what one fold says that hears the log alone, in its order, bit for bit; and know the same."""
    spoken: list[list[bytes]] = [list(dict.fromkeys(world.facts(journal))) for journal in range(case.journals)]
    attributed: list[set[bytes]] = [set() for _ in spoken]
    for owner in world.owners("meter"):
        state, said = replay(case.meter(), owner.partition, world.rows(STREAM, owner.partition))
        for journal in range(case.journals):
            mine = dict.fromkeys(row for where, row in said if where == journal)
            attributed[journal].update(mine)
            yield from _sequence(f"said: meter-{owner.partition} to journal-{journal}", [row for row in spoken[journal] if row in mine], list(mine))
        yield from _knowledge(f"state: meter-{owner.partition}", owner.fold.dump(owner.state), case.meter().dump(state))
    for journal, rows in enumerate(spoken):
        if set(rows) - attributed[journal]:
            yield f"said: journal-{journal} holds {_some(set(rows) - attributed[journal])} that no meter should say"
    for owner in world.owners("warden"):
        state, said = replay(case.warden(), owner.partition, world.rows(JOURNAL, owner.partition))
        heard = list(dict.fromkeys(row.value for row in world.rows(OUTBOX, owner.partition)))
        yield from _sequence(f"outbox: warden-{owner.partition}", heard, [row for _, row in said])
        yield from _knowledge(f"state: warden-{owner.partition}", owner.fold.dump(owner.state), case.warden().dump(state))


def _sequence(what: str, found: Sequence[bytes], right: Sequence[bytes]) -> Iterator[str]:
    right = list(dict.fromkeys(right))
    if found != right:
        yield f"{what}: missing {_some(set(right) - set(found))}, too much {_some(set(found) - set(right))}, or in another order"


def _knowledge(what: str, found: Any, right: Any) -> Iterator[str]:
    if dict(found) != dict(right):
        yield f"{what}: differs in {_some(name for name in {*found, *right} if found.get(name) != right.get(name))}"


def _states(world: World) -> list[Any]:
    return [owner.state for owner in world.owners("warden")]


def _facts(world: World) -> list[bytes]:
    return [fact for journal in range(world.case.journals) for fact in world.facts(journal)]


def _some(things: Any) -> str:
    return str(sorted(map(str, things))[:3])
