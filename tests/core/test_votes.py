"""What an alert of the spend carries: its score worked out again, and what the tests say of the same window; and theirs carries its vote."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import astuple, replace

from detectors.tail import Basis
from service.facts import Incident, Measures, Scope, Vote
from service.warden import detection, votes
from service.warden.fold import hear, tenant
from service.warden.state import Tenant, Warden, Window
from tests.core.streams import START_MS, policy_set
from tests.core.test_signals import CELL

BEGIN = START_MS // 600_000
SUMS = Measures(records=1, nanos=10_000_000, calls=1, began=1, input=100, input_pico=10_000_000_000)
AGENT = Scope("agent", "indexer")


def told(w: Warden, t: Tenant, nanos: int, heard: dict[Scope, list[Vote]]) -> list[Incident]:
    w.closed += 1
    w.now_ms = (w.closed + 1) * 600_000
    detection.look(w, t, w.closed, Window({CELL: replace(SUMS, nanos=nanos)}), heard)
    found = [step for step in w.out if isinstance(step, Incident)]
    w.out = []
    return found


@pytest.fixture
def used() -> tuple[Warden, Tenant]:
    w = Warden(0, 1, closed=BEGIN)
    hear(w, START_MS, policy_set("version: 1"))
    t = tenant(w, "default")
    for k in range(5 * 144):
        assert told(w, t, SUMS.nanos * (1 + k % 3), {}) == []
    return w, t


def test_the_score_of_an_episode_of_spend_is_worked_out_again(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    heard = {AGENT: [Vote("up", 3.21987), Vote("size", 0.4), Vote("user", 4.0)], Scope("agent", "other"): [Vote("cache", 9.0)]}
    steps = [step for _ in range(4) for step in told(w, t, 900 * SUMS.nanos, heard) if step.scope == AGENT]
    assert steps
    for step in steps:
        for evidence in step.evidence:
            assert evidence.reckoning is not None
            assert Basis(*astuple(evidence.reckoning)[:6]).score == pytest.approx(evidence.score, abs=0.001)
            assert evidence.score * math.log(10.0) > evidence.reckoning.threshold
            assert evidence.votes == [Vote("user", 4.0), Vote("up", 3.22)]


def test_a_test_is_told_with_the_vote_of_the_spend(used: tuple[Warden, Tenant]) -> None:
    w, t = used
    (vote,) = votes.of_spend(t, AGENT, w.closed + 1, 900 * SUMS.nanos)
    assert vote.detector == "surprise"
    found = [step.evidence[-1].score for step in told(w, t, 900 * SUMS.nanos, {}) if step.scope == AGENT]
    assert found in ([], [round(vote.score, 3)])
    assert vote.score > 1.0
    assert votes.of_spend(t, Scope("agent", "nobody"), w.closed, 1) == []


def test_so_many_votes_are_carried_and_no_more() -> None:
    many = [Vote(f"price:{k}", 2.0 + k / 10) for k in range(40)]
    assert votes.chosen(many) == [Vote(f"price:{k}", round(2.0 + k / 10, 3)) for k in range(39, 39 - votes.VOTES_MAX, -1)]
