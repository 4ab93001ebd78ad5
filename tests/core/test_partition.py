from __future__ import annotations

import pytest

from service.intake.partition import key_of, murmur2, partition_of, root_of
from service.records import Change, Outcome, Usage

# From Kafka's own UtilsTest.testMurmur2.
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_murmur2_is_kafkas(text: str, expected: int) -> None:
    assert murmur2(text.encode()) == expected % 2**32


def test_the_partition_is_kafkas_default_one() -> None:
    for n in range(100):
        positive = murmur2(f"tenant/run-{n}".encode()) % 2**31  # toPositive: without the sign bit
        assert partition_of("tenant", f"run-{n}", 12) == positive % 12


def test_a_run_its_children_and_its_outcome_meet() -> None:
    usage = Usage(id="a", time=1.0, execution_id="child", parent_execution_id="root")
    grandchild = Usage(id="b", time=1.0, execution_id="x", parent_execution_id="child", root_execution_id="root")
    outcome = Outcome(id="c", time=1.0, execution_id="root")
    assert {root_of(r) for r in (usage, grandchild, outcome)} == {"root"}
    assert {key_of(r) for r in (usage, grandchild, outcome)} == {b"default/root"}


def test_without_a_run_a_record_is_keyed_by_its_id_and_changes_go_one_way() -> None:
    assert root_of(Usage(id="a", time=1.0)) == "a"
    assert key_of(Change(id="a", time=1.0)) == key_of(Change(id="b", time=1.0)) == b"default/"


def test_partitions_are_used_evenly_and_texts_of_any_alphabet_have_one() -> None:
    hits = [0] * 12
    for n in range(12_000):
        hits[partition_of("ténant", f"运行-{n}", 12)] += 1
    assert min(hits) > 800
    assert max(hits) < 1200
