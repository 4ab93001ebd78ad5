"""Every registered detector keeps every promise, and every promise is kept by a check that a saboteur does not pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest
from river import anomaly, evaluate, metrics

import detectors
from detectors import DETECTORS, checks
from detectors.as_river import AsRiver
from detectors.base import Detector, Expectation, Features
from detectors.checks import CHECKS, Check
from detectors.feeds import DAY, FEEDS, SPEND, WIDTH_S, ordinary, window
from detectors.from_river import FromRiver
from detectors.sequences import SEQUENTIAL
from detectors.surprise import Surprise

ALL: dict[str, type[Detector]] = {**DETECTORS, **SEQUENTIAL}


@pytest.mark.parametrize(("cls", "check"), [pytest.param(cls, check, id=f"{name}-{check.__name__}") for name, cls in ALL.items() for check in CHECKS])
def test_promise(cls: type[Detector], check: Check) -> None:
    checks.run(check, cls)


def test_registry_names_are_the_detectors_own() -> None:
    assert {name: cls.name for name, cls in ALL.items()} == {name: name for name in ALL}
    assert len(ALL) == len(DETECTORS) + len(SEQUENTIAL)


def test_every_sequential_test_is_fed_what_it_hears() -> None:
    assert {*FEEDS} == {*SEQUENTIAL}


# ---------------------------------------------------------------- saboteurs: each breaks one promise
class Nameless(Surprise):
    name = "unheard_of"


class Loud(Surprise):
    @property
    def warm(self) -> bool:
        return self.seen_s >= self.warm_s

    def score_one(self, x: Features) -> float:
        return self.evidence.score(self.evidence.after(1e-30))


class Fragile(Surprise):
    def score_one(self, x: Features) -> float:
        return super().score_one(x) + 0.0 * x.get("spend", 0.0)


class Nosy(Surprise):
    def score_one(self, x: Features) -> float:
        self.evidence.days += 1e-9
        return super().score_one(x)


class Forgetful(Surprise):
    @classmethod
    def load(cls, raw: bytes) -> Self:
        back = super().load(raw)
        back.evidence.last = 0.0
        return back


class Hoarder(Surprise):
    def learn_one(self, x: Features) -> None:
        super().learn_one(x)
        self.ranks.bins += bytes(4)


class Bored(Surprise):
    """Takes silence for the new usual, so that whoever comes back is an incident."""

    def learn_one(self, x: Features) -> None:
        self.quiet_s = 0.0
        super().learn_one(x)


class Vague(Surprise):
    def expected(self, x: Features) -> Expectation:
        return Expectation(0.0, 0.0, 1e9)


class Deaf(Surprise):
    def score_one(self, x: Features) -> float:
        return min(0.5, super().score_one(x))


class Gullible(Surprise):
    def learn_one(self, x: Features) -> None:
        super().learn_one(x)
        self.profile.level += 0.3 * (x["spend"] * 6 - self.profile.level)


class Alarmist(Surprise):
    def score_one(self, x: Features) -> float:
        return 2.5 * super().score_one(x)


class Shaken(Surprise):
    """Believes one huge value, and is deaf for weeks."""

    def learn_one(self, x: Features) -> None:
        super().learn_one(x)
        self.profile.level = max(self.profile.level, x["spend"])


SABOTEURS: list[tuple[type[Detector], Check]] = [
    (Nameless, checks.is_named_after_its_file),
    (Loud, checks.quiet_until_warm),
    (Fragile, checks.finite_whatever_comes),
    (Nosy, checks.scoring_changes_nothing),
    (Forgetful, checks.resumes_equal),
    (Hoarder, checks.state_is_bounded),
    (Bored, checks.survives_gaps),
    (Vague, checks.expects_what_comes),
    (Deaf, checks.finds_what_is_plain),
    (Gullible, checks.does_not_learn_an_incident_at_once),
    (Alarmist, checks.rate_means_what_it_says),
    (Shaken, checks.recovers_within_two_days),
]


@pytest.mark.parametrize(("cls", "check"), SABOTEURS, ids=lambda part: part.__name__)
def test_saboteur_is_caught(cls: type[Detector], check: Check) -> None:
    with pytest.raises(AssertionError):
        checks.run(check, cls)


def test_every_promise_has_its_saboteur() -> None:
    assert {check for _, check in SABOTEURS} == set(CHECKS) - {checks.is_a_detector}


def test_a_promise_that_saw_nothing_fails() -> None:
    def empty(_: type[Detector]) -> int:
        return 0

    with pytest.raises(AssertionError, match="empty judged no case"):
        checks.run(empty, Surprise)


# ---------------------------------------------------------------- river
def test_works_with_rivers_own_tools() -> None:
    shocks = range(8 * DAY, 8 * DAY + 6)
    stream: list[Any] = [(window(k, 60.0), True) if k in shocks else (x, False) for k, x in enumerate(ordinary(SPEND, 9, seed=6))]
    told: Any = evaluate.progressive_val_score(stream, AsRiver(Surprise()), metrics.ROCAUC())  # type: ignore[no-untyped-call]
    assert told.get() > 0.9
    inside: Any = anomaly.QuantileFilter(AsRiver(Surprise()), q=0.99)
    inside.learn_one(stream[0][0])
    assert inside.score_one(stream[1][0]) == 0.0
    assert inside.clone().score_one(stream[1][0]) == 0.0


def test_a_detector_of_rivers_has_the_two_verbs() -> None:
    trees: Any = anomaly.HalfSpaceTrees(seed=1)
    trees.learn_one(window(0, 1.0))
    assert trees.score_one(window(1, 1.0)) >= 0


def test_importing_the_detectors_loads_nothing_heavy() -> None:
    code = "import sys, detectors, detectors.checks; print(sorted({'river', 'scipy', 'numpy', 'service'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(detectors.__file__).parents[1])
    assert said.stdout.strip() == "[]"


def test_windows_of_any_width() -> None:
    detector = Surprise()
    for k in range(12 * 24):
        detector.learn_one({"spend": 2.0 + k % 5, "start_s": 3600 * k, "width_s": 3600})
    assert detector.expected({"start_s": 3600 * 288, "width_s": 3600}).value == pytest.approx(4.0, rel=0.15)
    assert detector.expected({"start_s": 3600 * 288, "width_s": WIDTH_S}).value == pytest.approx(4.0 / 6, rel=0.15)


class Trees(FromRiver):
    def __init__(self) -> None:
        super().__init__("river.anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 4, "window_size": 144})


class OneClass(FromRiver):
    def __init__(self) -> None:
        super().__init__("river.anomaly.OneClassSVM", {"nu": 0.2})


class Loda(FromRiver):
    def __init__(self) -> None:
        super().__init__("river.anomaly.LODA", {"n_random_cuts": 5})


OF_THE_MODEL = {checks.is_named_after_its_file, checks.finds_what_is_plain, checks.recovers_within_two_days}  # named by the policy; what it can find is its own


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in OF_THE_MODEL], ids=lambda check: check.__name__)
@pytest.mark.parametrize("cls", [Trees, OneClass, Loda])
def test_one_of_rivers_keeps_our_promises(cls: type[Detector], check: Check) -> None:
    checks.run(check, cls)
