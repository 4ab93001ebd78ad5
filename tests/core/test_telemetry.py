"""What the door shows: everything that the meters have counted, bounds by the name of their limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.engine.asked import Heard, States
from service.facts import Counts
from service.meter.snapshot import MeterFold
from service.shells.telemetry import BOUNDED, COUNTED, Telemetry
from service.warden.snapshot import WardenFold
from service.warden.state import Tenant


def shown(states: States) -> dict[str, float]:
    """Every sample by its name and labels."""
    text = Telemetry().exposition(Heard(), None, states, None, 0, books_wait=False)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))}


def test_every_count_of_the_meters_is_shown_once() -> None:
    assert sorted([*COUNTED, *BOUNDED.values(), "too_early"]) == sorted(Counts.__struct_fields__), "what is too early is refused before the meters now"


def test_counts_of_all_partitions_are_added_up_and_bounds_go_by_their_limit() -> None:
    meters = {partition: MeterFold(2).empty(partition) for partition in range(2)}
    for partition, meter in meters.items():
        meter.counts = Counts(records=5, accepted=4, duplicates=1, runs_dropped=3, repeats_forgotten=2, shapes_dropped=2 + partition, users_folded=partition)
    told = shown(States(meters, {}))
    assert (told["spendwarden_records_total"], told["spendwarden_accepted_total"], told["spendwarden_duplicates_total"]) == (10, 8, 2)
    limits = {limit: told[f'spendwarden_bounds_total{{limit="{limit}",tenant=""}}'] for limit in BOUNDED}
    assert limits == {
        "RUNS_MAX": 6,
        "CELLS_PER_MINUTE_MAX": 0,
        "MEMBERS_PER_MINUTE_MAX": 0,
        "NAMES_PER_MINUTE_MAX": 0,
        "SHAPES_PER_MINUTE_MAX": 5,
        "BEGUN_MAX": 1,
        "REPEATS_MAX": 4,
    }


def test_a_door_without_meters_shows_what_each_has_told_the_wardens() -> None:
    wardens = {journal: WardenFold(2).empty(journal) for journal in range(2)}
    for warden in wardens.values():
        warden.counts = {partition: Counts(records=5, cells_folded=1) for partition in range(2)}
    told = shown(States({}, wardens))
    assert (told["spendwarden_records_total"], told['spendwarden_bounds_total{limit="CELLS_PER_MINUTE_MAX",tenant=""}']) == (10, 2)


def test_what_a_warden_has_no_room_to_watch_is_shown_by_its_limit() -> None:
    warden = WardenFold(1).empty(0)
    warden.tenants["acme"] = Tenant("acme", series_folded=2, watches_folded=3, watches_forgotten=4, signals_folded=5, looks_folded=7)
    told = shown(States({}, {0: warden}))
    limits = ("SERIES_PER_TENANT_MAX", "WATCHES_MAX", "KEPT_WINDOWS", "SIGNALS_MAX", "LOOKS_PER_WINDOW_MAX")
    assert [told[f'spendwarden_bounds_total{{limit="{limit}",tenant="acme"}}'] for limit in limits] == [2, 3, 4, 5, 7]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not say what a process uses")
def test_what_the_process_uses_is_shown_too() -> None:
    assert shown(States({}, {}))["process_resident_memory_bytes"] > 1_000_000
