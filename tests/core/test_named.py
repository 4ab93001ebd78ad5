"""Detectors that a policy names: river's and ours vote and find beside the one that always watches, and whatever they do, the fold goes on."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import detectors
from detectors import DETECTORS
from detectors.base import STATE_BYTES_MAX, Features
from detectors.from_river import FromRiver
from detectors.novelty import Novelty
from detectors.tail import Basis
from service.cli.failures import usable
from service.facts import Incident, Kind, Measures, Scope
from service.policy import PolicyError
from service.warden import detection, named, snapshot
from service.warden.fold import hear, tenant
from service.warden.state import Tenant, Warden, Window
from tests.core.streams import START_MS, policy_set
from tests.core.test_signals import CELL

BEGIN = START_MS // 600_000
AGENT = Scope("agent", CELL.agent)
SVM = "{name: one-class, class: river.anomaly.OneClassSVM, settings: {nu: 0.2}, hears: [spend, calls]}"
TREES = "{name: trees, class: river.anomaly.HalfSpaceTrees, settings: {n_trees: 3, height: 4}}"


def policy(*entries: str) -> str:
    return f"detection: {{false_alerts_per_scope_day: 1, detectors: [{', '.join(entries)}]}}"


def used(text: str, days: int = 9) -> Warden:
    """A warden whose one agent has spent for days."""
    w = Warden(0, 1, closed=BEGIN)
    hear(w, START_MS, policy_set(text))
    tenant(w, "default")
    for k in range(days * 144):
        told(w, 1.0 + k * k % 7 / 3)
    return w


def told(w: Warden, times: float, planned: int = 0) -> list[Incident]:
    """What is told of one more window, of so many times ten cents."""
    w.closed += 1
    w.now_ms = (w.closed + 1) * 600_000
    nanos, calls = round(times * 1e8), round(3 * times)
    sums = Measures(records=1, nanos=nanos, planned_nanos=planned, calls=calls, began=calls, input=100 * calls, input_pico=1000 * nanos)
    detection.look(w, w.tenants["default"], w.closed, Window({CELL: sums} if times else {}))
    found = [step for step in w.out if isinstance(step, Incident)]
    w.out = []
    return found


def of(w: Warden) -> Tenant:
    return w.tenants["default"]


def test_each_votes_and_its_vote_stands_in_the_evidence() -> None:
    w = used(policy(SVM, TREES, "{name: novelty}"))
    assert set(of(w).series[AGENT].detectors) == {"surprise", "one-class", "trees", "novelty"}
    steps = [step for _ in range(3) for step in told(w, 400.0) if step.scope == AGENT]
    assert steps
    voted = {vote.detector for step in steps for evidence in step.evidence for vote in evidence.votes} | {e.detector for step in steps for e in step.evidence}
    assert {"surprise", "novelty", "one-class"} <= voted
    assert steps[-1].kinds == [Kind.VOLUME_SURGE]


def test_what_river_alone_finds_is_told_and_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "SPEND_PART", 1e-9)  # the one that always watches is deaf
    w = used(policy(SVM))
    (evidence, *_) = [e for _ in range(3) for step in told(w, 400.0) if step.scope == AGENT for e in step.evidence]
    assert evidence.detector == "one-class"
    assert evidence.reckoning is not None
    assert Basis(*msgspec.structs.astuple(evidence.reckoning)[:6]).score == pytest.approx(evidence.score, abs=0.001)
    assert evidence.score > named.threshold(1.0, w.plan.named)


def test_a_window_like_the_others_is_told_by_none() -> None:
    w = used(policy(SVM, TREES, "{name: novelty}"))
    assert [step for k in range(288) for step in told(w, 1.0 + k * k % 7 / 3)] == []


def test_stopped_anywhere_they_go_on_bit_for_bit() -> None:
    steady, stopped = used(policy(SVM, TREES, "{name: novelty}"), 4), used(policy(SVM, TREES, "{name: novelty}"), 4)
    for k in range(150):
        times = 300.0 if k in (90, 91, 92) else 1.0 + k % 5
        assert told(steady, times) == told(stopped, times)
        if k % 10 == 0 or 88 < k < 94:
            stopped = snapshot.load(snapshot.dump(stopped))
    assert snapshot.dump(steady) == snapshot.dump(stopped)
    assert all(len(raw) < STATE_BYTES_MAX for series in of(steady).series.values() for raw in series.detectors.values())


def test_planned_windows_and_long_silence_are_not_heard() -> None:
    w = used(policy(SVM), 2)
    known = of(w).series[AGENT].detectors["one-class"]
    told(w, 50.0, planned=10**9)
    assert of(w).series[AGENT].detectors["one-class"] == known
    for _ in range(200):
        told(w, 0.0)
    asleep = of(w).series[AGENT].detectors["one-class"]
    told(w, 0.0)
    assert of(w).series[AGENT].detectors["one-class"] is asleep


def test_who_is_named_no_more_is_forgotten_and_who_is_made_of_something_else_begins_anew() -> None:
    w = used(policy(SVM, TREES), 2)
    w.plan = named_plan(policy(SVM.replace("0.2", "0.1")))
    told(w, 1.0)
    own = of(w).series[AGENT].detectors
    assert set(own) == {"surprise", "one-class"}
    assert FromRiver.load(own["one-class"]).state.rows == 1
    w.plan = named_plan("version: 1")
    told(w, 1.0)
    assert set(of(w).series[AGENT].detectors) == {"surprise"}


def named_plan(text: str) -> Any:
    w = Warden(0, 1)
    hear(w, START_MS, policy_set(text))
    return w.plan


# ---------------------------------------------------------------- detectors of others that misbehave
class Raising(Novelty):
    def learn_one(self, x: Features) -> None:
        super().learn_one(x)
        if self.rows == 20:
            raise RuntimeError("not my day")


class Nan(Novelty):
    def score_one(self, x: Features) -> float:
        return math.nan


class Below(Novelty):
    def score_one(self, x: Features) -> float:
        return -1.0


class Hoarding(Novelty):
    def dump(self) -> bytes:
        return super().dump() + bytes(400 * self.rows)


@pytest.mark.parametrize("kind", [Raising, Nan, Below, Hoarding])
def test_who_misbehaves_is_silenced_and_counted_and_stops_nothing(kind: type[Novelty], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "theirs", kind)
    both, alone = used(policy("{name: theirs}", "{name: novelty}"), 1), used(policy("{name: novelty}"), 1)
    assert of(both).named_silenced == 1, "of one agent, once"
    assert of(both).series[AGENT].detectors.pop("theirs") == named.SILENCED
    assert of(both).series[AGENT].detectors == of(alone).series[AGENT].detectors


def test_bytes_that_ask_for_more_than_a_detector_run_nothing(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    w = used(policy(SVM), 1)
    fields = msgspec.msgpack.decode(of(w).series[AGENT].detectors["one-class"])
    fields[-1] = pickle.dumps(Bomb())
    of(w).series[AGENT].detectors["one-class"] = msgspec.msgpack.encode(fields)
    told(w, 1.0)
    assert of(w).named_silenced == 1
    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------- the policy
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: surprise}", "name: `surprise` always watches; leave it out"),
        ("{name: silence}", "name: no detector of ours is called `silence`; there is novelty, or name the `class` of one of river's"),
        ("{name: novelty, settings: {a: 1}}", "settings: only river's detectors have settings"),
        ("{name: novelty, class: river.anomaly.OneClassSVM}", "name: `novelty` is the name of one of ours; call it something else"),
        (
            "{name: a, class: river.anomaly.HalfSpaceTrees}",
            "class: its state is above the 10,000 bytes that are kept for a scope; make it smaller by its settings",
        ),
        ("{name: a, class: river.anomaly.HalfSpaceTrees, settings: {seed: null}}", "settings.seed: must be a number, true, false or a text"),
        (
            "{name: a, class: river.anomaly.OneClassSVM, settings: {mu: 1}}",
            "class: has no setting `mu`; it has nu, optimizer, intercept_lr, clip_gradient, initializer",
        ),
        ("{name: a, class: river.anomaly.OneClassSVM, settings: {initializer: x}}", "class: it raises TypeError when it is used; look at its settings"),
        (
            "{name: a, class: river.anomaly.OneClassSVM, hears: [money]}",
            "hears[0]: must be one of spend, executions, calls, input_tokens, cached_tokens, output_tokens",
        ),
        ("{name: a, class: river.anomaly.OneClassSVM, on: [user]}", "on[0]: must be one of agent, use_case, business_unit, total"),
        ("{name: novelty}, {name: novelty}", "name: `novelty` is the name of detection.detectors[0] too"),
    ],
)
def test_what_cannot_be_used_is_said_by_its_path(entry: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        usable(policy(entry))
    index = entry.count("}, {")
    assert [str(mistake) for mistake in caught.value.mistakes] == [f"detection.detectors[{index}].{said}"]


@pytest.mark.parametrize("kind", ["os.system", "river.anomaly.base.AnomalyDetector", "river.anomaly.GaussianScorer", "river.anomaly.QuantileFilter"])
def test_only_rivers_own_that_need_no_labels_can_be_named(kind: str) -> None:
    with pytest.raises(PolicyError, match=r"detection\.detectors\[0\]\.class: must be a detector of river's that needs no labels"):
        usable(policy(f"{{name: a, class: {kind}}}"))


def test_river_is_loaded_only_where_it_is_named() -> None:
    code = "import sys; from service.cli.failures import usable; import service.replay.run; usable(sys.argv[1]); print('river' in sys.modules)"
    for text, loaded in (("version: 1", "False"), (policy("{name: novelty}"), "False"), (policy(SVM), "True")):
        root = Path(detectors.__file__).parents[1]
        said = subprocess.run([sys.executable, "-c", code, text], capture_output=True, text=True, check=True, cwd=root)
        assert said.stdout.strip() == loaded
