"""The meter as the runner owns it: its rows, its facts, and its state as parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from service.facts import Counts, Envelope, decode_stream, encode, tenant_of
from service.intake.partition import journal_of
from service.meter.callers import Breakdowns
from service.meter.cells import Minute
from service.meter.fold import VERSION, fold, policy_version
from service.meter.habits import Habits
from service.meter.plan import EMPTY_PLAN, compile_plan
from service.meter.repeats import Generation, Repeats, identities
from service.meter.runs import Run, Runs
from service.meter.state import Meter
from service.state import parts

ROW_BYTES_MAX: Final = 1024 * 1024  # half of what a Kafka topic of ours takes
_BASE: Final = ("counts", "repeats", "minute", "runs", "habits", "plan")


@dataclass(frozen=True)
class MeterFold:
    """The first fold: from the stream into the journal, whose partitions (`journals` of them) each hear every mark, and the facts of their tenants."""

    journals: int = 1
    kind: str = "meter"
    version: int = VERSION
    source: str = "stream"
    sink: str = "journal"
    decode = staticmethod(decode_stream)  # no call of our own in between: it is asked for each record

    def empty(self, partition: int) -> Meter:
        """A meter that has heard nothing."""
        return Meter(partition)

    def fold(self, state: Meter, items: Iterable[tuple[int, int, Any]]) -> Sequence[tuple[int, bytes]]:
        """What is said at the marks passed."""
        said = fold(state, items)
        return [(journal, raw) for envelope in said for journal, part in enumerate(_apart(envelope, self.journals)) for raw in fitting(part)]

    def policy_version(self, state: Meter) -> int:
        """Of the policy in force."""
        return policy_version(state)

    def dump(self, state: Meter) -> Mapping[str, bytes]:
        """The whole state; sealed generations of repeats are the very same bytes each time."""
        return dump(state)

    def load(self, raw: Mapping[str, bytes], partition: int) -> Meter:  # noqa: ARG002 -- the state knows its own
        """The state that was dumped."""
        return load(raw)


def _apart(envelope: Envelope, journals: int) -> list[Envelope]:
    """An envelope for each partition of the journal, most of them with nothing but the mark."""
    if journals == 1:
        return [envelope]
    parts_of = [msgspec.structs.replace(envelope, facts=[]) for _ in range(journals)]
    for fact in envelope.facts:
        parts_of[journal_of(tenant_of(fact), journals)].facts.append(fact)
    return parts_of


def fitting(envelope: Envelope) -> list[bytes]:
    """An envelope as rows of at most ROW_BYTES_MAX; only the last of them says the mark, since by then all has been said that came before it."""
    raw = encode(envelope)
    if len(raw) <= ROW_BYTES_MAX or len(envelope.facts) == 1:
        return [raw]
    half = len(envelope.facts) // 2
    first = msgspec.structs.replace(envelope, mark_ms=0, facts=envelope.facts[:half])
    return [*fitting(first), *fitting(msgspec.structs.replace(envelope, facts=envelope.facts[half:]))]


def dump(meter: Meter) -> dict[str, bytes]:
    """A meter as parts."""
    repeats, minute, runs = meter.repeats, meter.minute, meter.runs
    dirty = [(*o.cell, o.event_minute) for o in minute.dirty]
    dirty_members = [(*m.member, m.event_minute) for m in minute.dirty_members]
    rest = (dirty, dirty_members, repeats.serial, runs.count, runs.dropped, sorted(runs.watched), minute.number, list(runs.live))
    found = {
        **parts.dump("meter", meter, leave_out=_BASE),
        "counts": encode(meter.counts),
        "rest": encode(rest),
        "repeats-open": repeats.pack_open(),
        **{f"repeats-{g.serial:08d}": g.packed for g in repeats.sealed},
        **parts.table("cells", minute.cells),
        **parts.table("members", minute.members),
        **parts.table("shapes", minute.shapes),
        **parts.dump("callers", minute.callers),
        **parts.table("means", meter.habits.means),
        **parts.table("agents", meter.habits.agents),
    }
    for number, live in enumerate(runs.live.values()):
        found |= parts.table(f"runs{number}", live)
    return found


_Rest = tuple[list[Any], list[Any], int, int, int, list[tuple[str, str]], int, list[str]]


def load(raw: Mapping[str, bytes]) -> Meter:
    """The meter that was dumped; what is derived from the policy is derived again."""
    dirty, dirty_members, serial, count, dropped, watched, number, tenants = msgspec.msgpack.decode(raw["rest"], type=_Rest)
    callers = parts.load("callers", Breakdowns, raw)
    minute = parts.load("", Minute, {".": encode({}), **_named(raw)}, dirty=[], dirty_members=[], number=number, callers=callers, places={})
    minute.dirty = [minute.cells[tuple(key)] for key in dirty]
    minute.dirty_members = [minute.members[tuple(key)] for key in dirty_members]
    live = {tenant: parts.load_table(f"runs{at}", dict[str, Run], raw) for at, tenant in enumerate(tenants)}
    habits = parts.load("", Habits, {".": encode({}), **_named(raw)})
    meter = parts.load(
        "meter",
        Meter,
        raw,
        counts=msgspec.msgpack.decode(raw["counts"], type=Counts),
        repeats=_repeats(raw, serial),
        minute=minute,
        runs=Runs(live, count, dropped, set(watched)),
        habits=habits,
        plan=EMPTY_PLAN,
    )
    if meter.policy is not None:
        meter.plan = compile_plan(meter.policy)
    return meter


def _named(raw: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f".{name}": value for name, value in raw.items()}


def _repeats(raw: Mapping[str, bytes], serial: int) -> Repeats:
    repeats = Repeats(serial=serial)
    for name in sorted(n for n in raw if n.startswith("repeats-") and n != "repeats-open"):
        packed = raw[name]
        repeats.learn(packed)
        repeats.sealed.append(Generation(int(name.removeprefix("repeats-")), int.from_bytes(packed[:8], "big", signed=True), packed))
    packed = raw["repeats-open"]
    repeats.open_until_ms = int.from_bytes(packed[:8], "big", signed=True)
    repeats.learn(packed)
    repeats.open = list(identities(packed))
    return repeats
