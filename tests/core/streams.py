"""Small made-up streams for the folds' properties: what a producer may say, when it arrives, and what it truly costs.

The truth is computed here by arithmetic of its own (Fractions and dicts), so that a mistake of the folds cannot hide in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st

from service.facts import Counts, Decision, Envelope, Incident, PolicySet, Scope
from service.intake.partition import partition_of, root_of
from service.policy import dump, load
from service.records import Change, Outcome, Usage
from service.replay.engine import Engine
from service.replay.run import counted

START_MS = 1_764_547_000_000  # 2025-11-30 23:56:40 UTC: days, weeks and months turn within minutes
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PRICES = """
prices:
  overrides:
    - {model: house, input: 0.0375, cache_read: 0.003001, cache_write: 0.046877, output: 0.150001, batch: 0.7}
    - {operation: vector.query, unit: query, price: 0.0000004}
currencies: [{currency: EUR, usd: 1.08}]
"""
HOUSE_PICO = (37_500, 3_001, 46_877, 150_001)  # odd ones, so that every rounding shows
CALM = PRICES + "pauses: {mode: observe}\n"


class Heard(NamedTuple):
    """One record at its arrival."""

    arrival_ms: int
    record: Usage | Outcome | Change


def policy_set(text: str = "", version: int = 1) -> PolicySet:
    policy = load(text or "version: 1")
    return PolicySet(version, policy.digest, dump(policy))


class Overheard(Engine):
    """The engine, with all that the meters said kept."""

    def __init__(self, policy: PolicySet, partitions: int = 3) -> None:
        super().__init__(policy, partitions)
        self.envelopes: list[Envelope] = []

    def _decide(self, out: list[Envelope]) -> list[Decision]:
        self.envelopes += out
        return super()._decide(out)


class Told(NamedTuple):
    """A run to its end: the engine as it stands, and everything it decided, in order."""

    engine: Overheard
    decisions: list[Decision]

    def totals(self, kind: str) -> dict[tuple[str, str], int]:
        """Nanos by (tenant, name) of all scopes of a kind; those that come to nothing are left out."""
        found = {(t.name, scope.name): nanos for t in self.engine.warden.tenants.values() for scope, (_, nanos) in t.totals.items() if scope.kind == kind}
        return {key: nanos for key, nanos in found.items() if nanos}

    def count(self, name: str) -> int:
        return counted(meter.counts for meter in self.engine.meters)[name]

    def lines(self) -> list[tuple[Scope, str, float]]:
        """Every budget line as it was said: member, budget, percentage."""
        return [(d.scope, d.budget, line) for d in self.decisions if isinstance(d, Incident) and d.reason == "line_crossed" for line in d.thresholds]


def told(policy: str, heard: Iterable[Heard], partitions: int = 3) -> Told:
    engine = Overheard(policy_set(policy), partitions)
    decisions: list[Decision] = []
    last_ms = START_MS
    for arrival_ms, record in heard:
        decisions += engine.hear(arrival_ms, record)
        last_ms = arrival_ms
    decisions += engine.finish(last_ms)
    return Told(engine, decisions)


def silence(run: Told, days: int) -> Told:
    """Nothing but one record of somebody else, so many days later."""
    later_ms = max(run.engine.warden.now_ms, START_MS) + days * DAY_MS
    decisions = [*run.decisions, *run.engine.hear(later_ms, Usage(id="much-later", time=later_ms / 1000, tenant="nobody")), *run.engine.finish(later_ms)]
    return Told(run.engine, decisions)


# ---------------------------------------------------------------- the truth


def cost_nanos(u: Usage) -> int | None:
    """What a record costs under PRICES, by hand; None where nobody can say. `house` is the only model with a price here."""
    if u.cost_usd is not None:
        return round(Fraction(str(u.cost_usd)) * 10**9)
    if u.cost is not None:
        rate = {"": Fraction(1), "USD": Fraction(1), "EUR": Fraction(108, 100)}.get(u.currency)
        return None if rate is None else round(Fraction(str(u.cost)) * rate * 10**9)
    tokens = (u.input_tokens, u.cache_read_tokens, u.cache_write_tokens, u.output_tokens)
    if u.model == "house":
        pico = Fraction(sum(n * price for n, price in zip(tokens, HOUSE_PICO, strict=True)))
        return int((pico * Fraction(7, 10) if u.batch else pico) // 1000)
    if u.quantity is not None:
        return int(Fraction(str(u.quantity)) * 400_000 // 1000) if u.operation == "vector.query" else None if u.quantity else 0
    return None if sum(tokens) else 0


def unique(heard: Iterable[Heard]) -> list[Heard]:
    """The first of each identity."""
    first: dict[tuple[str, str, str, str], Heard] = {}
    for each in heard:
        record = each.record
        first.setdefault((record.tenant, type(record).__name__, record.source, record.id), each)
    return list(first.values())


def truth(heard: Iterable[Heard], kind: str) -> dict[tuple[str, str], int]:
    """Nanos by (tenant, name) that scopes of a kind must come to."""
    spent: defaultdict[tuple[str, str], int] = defaultdict(int)
    for _, u in unique(heard):
        if isinstance(u, Usage):
            name = "total" if kind == "total" else getattr(u, kind) or ("unattributed" if kind in ("agent", "use_case", "business_unit") else "")
            if name:
                spent[u.tenant, name] += cost_nanos(u) or 0
    return {key: nanos for key, nanos in spent.items() if nanos}


def partition(record: Usage | Outcome | Change, partitions: int) -> int:
    return partition_of(record.tenant, root_of(record), partitions)


def no_counts(counts: Counts, *names: str) -> bool:
    return not any(getattr(counts, name) for name in names)


# ---------------------------------------------------------------- strategies


def _money() -> st.SearchStrategy[dict[str, object]]:
    """Every way in which a record may say what it costs, credits included."""
    tokens = st.fixed_dictionaries(
        {name: st.integers(0, 9_999) for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")}
        | {"model": st.sampled_from(["house", "house", "unheard-of"]), "batch": st.booleans()}
    )
    usd = st.integers(-3_000_000_000, 9_000_000_000).map(lambda nanos: {"cost_usd": f"{Fraction(nanos, 10**9).__float__():.9f}", "model": "told"})
    foreign = st.fixed_dictionaries({"cost": st.sampled_from(["0.1", "2.55", 3, 0.000_000_000_7]), "currency": st.sampled_from(["EUR", "XXX", ""])})
    quantity = st.fixed_dictionaries(
        {
            "quantity": st.sampled_from([0.0, 0.29, 7.0]),
            "unit": st.just("query"),
            "operation": st.sampled_from(["vector.query", "scan"]),
            "layer": st.just("retrieval"),
        }
    )
    return st.one_of(tokens, usd, usd, foreign, quantity)


def _faces() -> st.SearchStrategy[dict[str, str]]:
    """Who calls: few of them, so that records meet in the same cells, members and runs."""
    return st.fixed_dictionaries(
        {
            "tenant": st.sampled_from(["default", "acme"]),
            "agent": st.sampled_from(["", "indexer", "triage"]),
            "use_case": st.sampled_from(["", "kyc"]),
            "business_unit": st.sampled_from(["", "risk"]),
            "workflow": st.sampled_from(["", "daily"]),
            "user": st.sampled_from(["", "u1", "u2"]),
            "execution_id": st.sampled_from(["", "run-1", "run-2"]),
            "signature": st.sampled_from(["", "same"]),
        }
    )


@st.composite
def streams(draw: st.DrawFn, max_size: int = 30, *, lateness: Sequence[int] = (0, 0, 40, 90_000, 5_000_000, 40 * DAY_MS)) -> list[Heard]:
    """Records of a few callers in the order of their arrival, each with an id of its own."""
    faces = draw(st.lists(_faces(), min_size=1, max_size=4))
    heard: list[Heard] = []
    now_ms = START_MS
    for number in range(draw(st.integers(1, max_size))):
        now_ms += draw(st.sampled_from([0, 0, 1, 40, 199, 250, 5_000, 61_000, 700_000]))
        time_ms = now_ms - draw(st.sampled_from(lateness))
        usage = Usage(id=f"id-{number}", time=time_ms / 1000, **draw(st.sampled_from(faces)), **draw(_money()))  # type: ignore[arg-type]
        heard.append(Heard(now_ms, usage))
    return heard


@st.composite
def runaways(draw: st.DrawFn) -> list[Heard]:
    """Calls of few runs that repeat themselves, retry and cost: enough for every rule of the meter to speak."""
    heard: list[Heard] = []
    now_ms = START_MS
    for number in range(draw(st.integers(10, 60))):
        now_ms += draw(st.sampled_from([0, 50, 700, 20_000]))
        record = Usage(
            id=f"id-{number}",
            time=(now_ms - draw(st.sampled_from([0, 0, 3_000]))) / 1000,
            agent=draw(st.sampled_from(["indexer", "triage"])),
            workflow="daily",
            model="house",
            execution_id=f"run-{draw(st.integers(0, 2))}",
            signature=draw(st.sampled_from(["same", "same", "same", "other"])),
            attempt=draw(st.sampled_from([1, 2, 3, 4])),
            input_tokens=draw(st.integers(10, 70_000)),
            cost_usd=draw(st.sampled_from(["0.5", "1.25", "0.000000001", "-0.1", "3"])),
        )
        heard.append(Heard(now_ms, record))
    return heard


def dollars(arrival_ms: int, usd: str, number: int, **fields: object) -> Heard:
    """One call of so many dollars, stamped with its arrival."""
    return Heard(arrival_ms, Usage(**({"id": f"d-{number}", "time": arrival_ms / 1000, "agent": "indexer", "cost_usd": usd} | fields)))  # type: ignore[arg-type]
