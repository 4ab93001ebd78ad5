"""What a worker shows of itself: everything under one name each, the couriers of all its partitions together."""

from __future__ import annotations

import re
from collections import Counter

from prometheus_client.core import Metric

from service.engine.asked import Heard
from service.engine.owners import Lag
from service.intake import Reason
from service.meter.snapshot import MeterFold
from service.shells.republish import Passed
from service.shells.telemetry import Couriers, Shift, of_owners, of_worker

LANE = {"receiver": "hook", "lane": "orders", "pending": 2, "circuit": "closed"}


def shown(metrics: list[Metric]) -> dict[str, float]:
    """Every sample by its name and its labels' values."""
    found = [
        (sample.name.removeprefix("spendwarden_") + "".join(f":{it}" for it in sample.labels.values()), sample.value) for it in metrics for sample in it.samples
    ]
    assert len(dict(found)) == len(found), "nothing is said twice"
    return dict(found)


def of(*lanes: dict[str, object], lag: Lag | None = None) -> dict[str, float]:
    passed = Passed(7, Counter({Reason.MISSING: 3}), failures={"calls": "is missing"})
    heard = Heard(ready=True, restarts=1, folded_rows=50, policy_version=4, recovery_ms=250)
    return shown(list(of_worker(heard, lag, Shift({"meters": 6, "wardens": 0}, passed, Couriers(lanes, {"chat"})), 9)))


def test_what_it_is_leased_and_does() -> None:
    told = of(LANE, lag=Lag(12, 3))
    assert (told["owned_partitions:meters"], told["owned_partitions:wardens"]) == (6, 0)
    assert (told["engine_lag_rows:stream"], told["engine_lag_rows:journal"], told["folded_rows_total"]) == (12, 3, 50)
    assert (told["recovery_seconds"], told["policy_version"], told["engine_restarts"], told["engine_ready"]) == (0.25, 4, 1, 1)
    assert (told["passed_on_total"], told[f"refused_total:{Reason.MISSING}:"], told["source_waits:calls"]) == (7, 3, 1)


def test_a_lag_that_is_not_known_is_not_said() -> None:
    assert not [name for name in of() if name.startswith("engine_lag_rows")]


def test_couriers_of_several_partitions_are_shown_as_one() -> None:
    told = of(LANE, LANE | {"pending": 4, "circuit": "open"}, LANE | {"pending": 1})
    assert (told["deliveries_waiting:hook:orders"], told["circuit_open:hook:orders"], told["receiver_unusable:chat"]) == (7, 1, 1)


def test_the_oldest_snapshot_counts_and_none_is_of_no_age() -> None:
    meters = [MeterFold(1).empty(0), MeterFold(1).empty(1)]
    assert shown(list(of_owners(meters, [4_000, 9_500], 10_000))) == {"snapshot_age_seconds": 6.0, "live_executions": 0, "remembered_identities": 0}
    assert shown(list(of_owners([], [], 10_000))) == {"snapshot_age_seconds": 0.0}
    assert shown(list(of_owners([], [11_000], 10_000))) == {"snapshot_age_seconds": 0.0}, "a first save may be due later"


def test_every_name_has_a_text() -> None:
    metrics = list(of_worker(Heard(), Lag(), Shift({}, Passed(), Couriers((), ())), 9))
    assert all(re.fullmatch(r"spendwarden_[a-z_]+", it.name) and it.documentation for it in metrics)
