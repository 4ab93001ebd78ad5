"""Every metric of the service by name, once; and how they are read from the parts' own counts.

Nothing here decides: it copies counts into Prometheus text when it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.engine.asked import Heard, States
from service.engine.owners import Lag
from service.facts import Counts
from service.intake import Refusal
from service.meter.fold import Meter
from service.shells.republish import Passed
from service.warden.state import Warden

PREFIX: Final = "spendwarden_"
STATES: Final = ("open", "acknowledged", "snoozed", "resolved")
AUDIT_LABELS: Final = ("tenant", "journal", "digest")
BESIDE: Final = {
    "told_twice": "messages and issues that doubled, were found and undone",
    "edits_dropped": "messages that were left as they were, since too many waited to be brought up to date",
}
REFUSED: Final = "records refused, by reason and field"
COUNTED: Final = {
    "records": "records heard, repeats included",
    "accepted": "records counted once",
    "duplicates": "records heard before",
    "conflicts": "records under a known identity with other content; the first content stands",
    "late": "records more than ten minutes behind their arrival",
    "unpriced": "records nobody could price",
    "unchecked": "records older than the memory of repeats",
}
BOUNDED: Final = {  # what each limit of the meters keeps out, for all tenants together
    "RUNS_MAX": "runs_dropped",
    "CELLS_PER_MINUTE_MAX": "cells_folded",
    "MEMBERS_PER_MINUTE_MAX": "members_folded",
    "NAMES_PER_MINUTE_MAX": "names_dropped",
    "SHAPES_PER_MINUTE_MAX": "shapes_dropped",
    "BEGUN_MAX": "users_folded",
    "REPEATS_MAX": "repeats_forgotten",
}


class Couriers(NamedTuple):
    """The state of each lane, and which receivers cannot be reached as they stand in the policy."""

    lanes: Sequence[Mapping[str, Any]]
    unusable: Collection[str]


class Shift(NamedTuple):
    """What one worker of many is leased, how many partitions by lease; what it has passed on; and its couriers."""

    owned: Mapping[str, int]
    passed: Passed
    couriers: Couriers


class Telemetry:
    """Counts what the door itself took and refused; the rest is read from the states."""

    def __init__(self) -> None:
        self._taken = 0
        self._failed: Counter[str] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()

    def took(self, records: int, refusals: Sequence[Refusal]) -> None:
        """A batch is safe on disk."""
        self._taken += records
        self._refused.update((str(refusal.reason), refusal.field) for refusal in refusals)

    def failed(self, log: str) -> None:
        """What should have been appended to this log was not; whoever sent it was told so."""
        self._failed[log] += 1

    def exposition(self, heard: Heard, lag: Lag | None, states: States | None, couriers: Couriers | None, now_ms: int, *, books_wait: bool) -> str:
        """Prometheus text of everything that is known here, and of what the process uses.

        Without the folds' own counts while the engine has failed, because those it begins again with may be less.
        """
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        metrics = [*self._door(), *_engine(heard, lag, now_ms), _gauge("books_wait", "1 while the books or their log do not answer", float(books_wait))]
        if couriers is not None:
            metrics += _couriers(couriers)
        if states is not None:
            wardens, counts = list(states.wardens.values()), _counts(states)
            metrics += [*_wardens(wardens), _bounds(wardens, counts), *_counted(counts), *_meters(list(states.meters.values()))]
        registry.register(_Given(metrics))
        return generate_latest(registry).decode()

    def _door(self) -> Iterable[Metric]:
        taken = CounterMetricFamily(PREFIX + "door_taken", "records made durable by the door")
        taken.add_metric([], self._taken)
        refused = CounterMetricFamily(PREFIX + "refused", REFUSED, labels=["reason", "field"])
        for (reason, field), count in self._refused.items():
            refused.add_metric([reason, field], count)
        failed = CounterMetricFamily(PREFIX + "door_failed", "appends of the door that failed, by log; the log says why", labels=["log"])
        for log, count in self._failed.items():
            failed.add_metric([log], count)
        return taken, refused, failed


class _Given:
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _gauge(name: str, text: str, value: float) -> Metric:
    metric = GaugeMetricFamily(PREFIX + name, text)
    metric.add_metric([], value)
    return metric


def _engine(heard: Heard, lag: Lag | None, now_ms: int) -> Iterable[Metric]:
    yield _gauge("engine_ready", "1 while the engine folds", float(heard.ready))
    behind = GaugeMetricFamily(PREFIX + "engine_lag_rows", "rows not yet folded, of the stream by the meters and of the journal by the warden", labels=["log"])
    for log, rows in lag._asdict().items() if lag is not None else ():
        behind.add_metric([log], rows)
    yield behind
    yield _gauge("engine_restarts", "times the engine ended and was restored since it last stood still", heard.restarts)
    yield _gauge("engine_clock_ms", "the shell's clock, Unix milliseconds", now_ms)


def of_worker(heard: Heard, lag: Lag | None, shift: Shift, now_ms: int) -> Iterable[Metric]:
    """What one worker shows of itself. What all of them have counted and decided `serve` shows, since a partition's counts change hands with it."""
    yield from _engine(heard, lag, now_ms)
    owned = GaugeMetricFamily(PREFIX + "owned_partitions", "partitions that are leased to this worker, by lease", labels=["lease"])
    for lease, partitions in shift.owned.items():
        owned.add_metric([lease], partitions)
    yield owned
    folded = CounterMetricFamily(PREFIX + "folded_rows", "rows of the stream that this process has folded, ticks included")
    folded.add_metric([], heard.folded_rows)
    yield folded
    yield _gauge("policy_version", "of the policy that the engine has taken up", heard.policy_version)
    yield _gauge("recovery_seconds", "from leased to reading, when partitions were taken over last", heard.recovery_ms / 1000)
    yield from (*_passed(shift.passed), *_couriers(shift.couriers))


def of_owners(meters: Sequence[Meter], saved_ms: Sequence[int], now_ms: int) -> Iterable[Metric]:
    """What a worker holds, to be asked in the engine's own thread; `saved_ms`: when each owner's snapshot was written."""
    yield _gauge(
        "snapshot_age_seconds",
        "age of the oldest snapshot held here: what a kill makes others fold again",
        max(0, now_ms - min(saved_ms, default=now_ms)) / 1000,
    )
    yield from _meters(meters)


def _passed(passed: Passed) -> Iterable[Metric]:
    records = CounterMetricFamily(PREFIX + "passed_on", "records of producers' topics that this process has passed on to the stream")
    records.add_metric([], passed.records)
    refused = CounterMetricFamily(PREFIX + "refused", REFUSED, labels=["reason", "field"])
    for reason, count in list(passed.refused.items()):
        refused.add_metric([str(reason), ""], count)
    waits = GaugeMetricFamily(PREFIX + "source_waits", "1 where a producers' topic cannot be read now; the log says why", labels=["topic"])
    for topic in list(passed.failures):
        waits.add_metric([topic], 1.0)
    return records, refused, waits


def _counts(states: States) -> list[Counts]:
    """As the meters that are here have counted, or else as each has told every warden."""
    return [meter.counts for meter in states.meters.values()] or [counts for warden in list(states.wardens.values())[:1] for counts in warden.counts.values()]


def _counted(counts: Sequence[Counts]) -> Iterable[Metric]:
    for name, text in COUNTED.items():
        metric = CounterMetricFamily(PREFIX + name, text)
        metric.add_metric([], sum(getattr(each, name) for each in counts))
        yield metric


def _meters(meters: Sequence[Meter]) -> Iterable[Metric]:
    if meters:
        yield _gauge("live_executions", "executions that are followed", sum(meter.runs.count for meter in meters))
        yield _gauge("remembered_identities", "identities by which repeats are known", sum(len(meter.repeats.known) for meter in meters))


def _wardens(wardens: Sequence[Warden]) -> Iterable[Metric]:
    spend = CounterMetricFamily(PREFIX + "spend_usd", "metered AI spend, dollars; exact figures are in the API", labels=["tenant"])
    incidents = GaugeMetricFamily(PREFIX + "incidents", "incidents by state", labels=["tenant", "state"])
    for t in [tenant for warden in wardens for tenant in warden.tenants.values()]:
        spend.add_metric([t.name], t.totals.get(("total", "total"), [0, 0])[1] / 1e9)  # type: ignore[call-overload]
        states = Counter(episode.state for episode in t.episodes.values())
        for state in STATES:
            incidents.add_metric([t.name, state], states[state])
    yield from (spend, incidents, _audit(wardens))
    yield _gauge("warden_reach_ms", "up to which arrival all partitions have been heard", min((warden.reach_ms for warden in wardens), default=0))


def _audit(wardens: Sequence[Warden]) -> Metric:
    """Kept outside of the service, a head shows later that the chain up to there was not forged."""
    head = GaugeMetricFamily(
        PREFIX + "audit_head", "entries of an audit chain, with the digest of the last; policies' chains have no tenant", labels=AUDIT_LABELS
    )
    for warden in wardens:
        for name, chain in (("", warden.audit), *((t.name, t.audit) for t in warden.tenants.values())):
            if chain.sequence:
                head.add_metric([name, str(warden.partition), chain.head], chain.sequence)
    return head


def _bounds(wardens: Sequence[Warden], counts: Sequence[Counts]) -> Metric:
    bounds = CounterMetricFamily(PREFIX + "bounds", "what a named limit kept out; without a tenant where all share the limit", labels=["tenant", "limit"])
    for limit, name in BOUNDED.items():
        bounds.add_metric(["", limit], sum(getattr(each, name) for each in counts))
    for t in [tenant for warden in wardens for tenant in warden.tenants.values()]:
        for limit, count in (
            ("SERIES_PER_TENANT_MAX", t.series_folded),
            ("WATCHES_MAX", t.watches_folded),
            ("KEPT_WINDOWS", t.watches_forgotten),
            ("SIGNALS_MAX", t.signals_folded),
            ("NAMED_FAULTS", t.named_silenced),
            ("LOOKS_PER_WINDOW_MAX", t.looks_folded),
            ("PERIODS_PER_TENANT_MAX", t.periods_folded),
            ("NOTICES_PER_MINUTE_MAX", t.storm_untold),
            ("UNPRICED_MAX", t.unpriced_folded),
            ("DAY_ROWS_MAX", t.days_folded),
        ):
            bounds.add_metric([t.name, limit], count)
    return bounds


def _couriers(couriers: Couriers) -> Iterable[Metric]:
    waiting = GaugeMetricFamily(PREFIX + "deliveries_waiting", "deliveries that have not ended", labels=["receiver", "lane"])
    circuit = GaugeMetricFamily(PREFIX + "circuit_open", "1 while a receiver is left alone", labels=["receiver", "lane"])
    pending, opened, beside = Counter[tuple[str, str]](), dict[tuple[str, str], bool](), Counter[tuple[str, str]]()
    for lane in couriers.lanes:  # one of each partition of the outbox that is held here
        key = str(lane["receiver"]), str(lane["lane"])
        pending[key] += int(lane["pending"])
        beside.update({(name, key[0]): int(lane.get(name, 0)) for name in BESIDE})
        opened[key] = opened.get(key, False) or lane["circuit"] != "closed"
    for key, is_open in opened.items():
        waiting.add_metric(key, float(pending[key]))
        circuit.add_metric(key, float(is_open))
    counted = {name: CounterMetricFamily(PREFIX + name, told, labels=["receiver"]) for name, told in BESIDE.items()}
    for (name, receiver), count in beside.items():
        counted[name].add_metric([receiver], float(count))
    unusable = GaugeMetricFamily(PREFIX + "receiver_unusable", "1 where a receiver of the policy cannot be made; the log says why", labels=["receiver"])
    for name in couriers.unusable:
        unusable.add_metric([name], 1.0)
    return waiting, circuit, *counted.values(), unusable
