"""What has been told is told once: not again of who is above, nor as the spend of the run it was told of, nor because midnight has passed."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from service.facts import TOTAL, Finding, Incident, Kind, Scope
from service.warden import detection, incidents, votes
from service.warden.signals.registry import DAY
from service.warden.state import Episode, Tenant, Warden, Window
from tests.core.test_signals import CELL, SUMS, ordinary, warden

AGENT: Final = Scope("agent", "indexer")
ABOVE: Final = (TOTAL, Scope("use_case", "kyc"), Scope("business_unit", "risk"))
SURGE: Final = 60 * SUMS.nanos
HOUR_MS: Final = 3_600_000


def close(w: Warden, t: Tenant, windows: int, nanos: int) -> list[Incident]:
    """So many windows in which the agent spends so much, and another what it always does; returns the incidents opened. Only the spend is looked at."""
    said: list[Incident] = []
    for _ in range(windows):
        w.closed += 1
        w.now_ms = (w.closed + 1) * 600_000
        window: Window = ordinary(w.closed)
        window.cells[CELL._replace(agent="other")] = SUMS
        window.cells[CELL] = replace(SUMS, nanos=nanos)
        detection.look(w, t, w.closed, window)
        said += [d for d in w.out if isinstance(d, Incident) and d.action == "opened"]
        w.out = []
    return said


def known() -> tuple[Warden, Tenant]:
    w, t = warden(days=1)
    assert close(w, t, 8 * DAY, SUMS.nanos) == []
    return w, t


def incident(w: Warden, t: Tenant, family: str, *, agent: str = "indexer", spend_nanos: int = 0, state: str = "open") -> None:
    whose = Scope("agent", agent)
    t.episodes["inc"] = Episode("inc", "default", whose, family, w.now_ms, state=state, found_ms=w.now_ms, spend_nanos=spend_nanos)


@pytest.mark.parametrize(("state", "is_heard"), [("open", False), ("acknowledged", False), ("resolved", True)])
def test_what_was_told_of_an_agent_is_not_heard_above_it(state: str, is_heard: bool) -> None:
    w, t = known()
    incident(w, t, "cache_break", state=state)
    said = close(w, t, 1, SURGE)
    assert [votes.awake(t.series[scope]).evidence.level > 0.0 for scope in ABOVE] == [is_heard] * 3
    assert [step.scope for step in said if step.scope != AGENT] == []
    assert votes.awake(t.series[AGENT]).evidence.level > 0.0, "the agent itself hears all of its own"


def test_what_others_spend_is_heard_above_all_the_same() -> None:
    w, t = known()
    incident(w, t, "cache_break", agent="other")
    close(w, t, 1, SURGE)
    assert all(votes.awake(t.series[scope]).evidence.level > 0.0 for scope in ABOVE)


@pytest.mark.parametrize(("agent", "spent", "is_told"), [("indexer", SURGE, False), ("indexer", SURGE // 100, True), ("other", SURGE, True)])
def test_the_spend_of_a_run_that_was_told_is_no_second_incident(agent: str, spent: int, is_told: bool) -> None:
    w, t = known()
    incident(w, t, "runs", agent=agent, spend_nanos=spent)
    said = [step for step in close(w, t, 3, SURGE) if step.scope == AGENT]
    assert bool(said) is is_told


def finding(hour: float) -> Finding:
    """Of a test, so many hours after midnight."""
    at_ms = 20_000 * 24 * HOUR_MS + round(hour * HOUR_MS)
    return Finding(id=f"f{hour}", tenant="default", kind=Kind.FLAT_LINE, scope=AGENT, time_ms=at_ms, arrival_ms=at_ms, agent="indexer", detector="silence")


@pytest.mark.parametrize(("hours", "count"), [((-1.0, 2.0), 1), ((-9.0, 2.0), 2), ((-1.0, 2.0, 9.0), 1), ((1.0, 23.0), 1)])
def test_midnight_makes_no_second_incident(hours: tuple[float, ...], count: int) -> None:
    w, t = Warden(0, 1), Tenant("default")
    for hour in hours:
        w.now_ms = finding(hour).arrival_ms
        assert incidents.heard(w, t, finding(hour)) is not None
    assert len(t.episodes) == count
