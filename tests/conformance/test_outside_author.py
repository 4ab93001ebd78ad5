"""A detector of somebody else's takes one file and one line in the registry: the example of the README, tried as its reader would."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from detectors import DETECTORS, checks
from detectors.base import Detector
from detectors.checks import CHECKS, Check
from service.cli.failures import usable
from service.policy import PolicyError
from tests.core.test_named import AGENT, of, policy, told, used

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "multiple.py"
NAME = "multiple"


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, was: str = "", becomes: str = "") -> type[Detector]:
    """The example as a file of the author's, with one thing changed, and its line in the registry."""
    text = EXAMPLE.read_text()
    assert was in text
    (folder / f"{NAME}.py").write_text(text.replace(was, becomes) if was else text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    importlib.invalidate_caches()
    kind: type[Detector] = importlib.import_module(NAME).Multiple
    monkeypatch.setitem(DETECTORS, NAME, kind)
    return kind


def test_the_example_keeps_every_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_detector(written(tmp_path, monkeypatch))
    assert not EXAMPLE.with_name("__pycache__").exists()


def test_once_it_is_registered_a_policy_may_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = policy(f"{{name: {NAME}}}")
    with pytest.raises(PolicyError, match=f"no detector of ours is called `{NAME}`"):
        usable(text)
    written(tmp_path, monkeypatch)
    usable(text)
    w = used(text)
    evidence = [e for _ in range(3) for step in told(w, 400.0) if step.scope == AGENT for e in step.evidence]
    assert NAME in {e.detector for e in evidence} | {vote.detector for e in evidence for vote in e.votes}
    assert of(w).named_silenced == 0


@pytest.mark.parametrize(
    ("was", "becomes", "promise"),
    [
        ('name: ClassVar[str] = "multiple"', 'name: ClassVar[str] = "many"', checks.is_named_after_its_file),
        ("if self.quiet < 144:", "if True:", checks.survives_gaps),
        ("2.0 * math.log(", "0.1 * math.log(", checks.finds_what_is_plain),
        ('number(x, "spend", 0.0, 1e15)', 'x.get("spend", 0.0)', checks.finite_whatever_comes),
        ("Sample = field(default_factory=Sample)", "list[float] = field(default_factory=list)", checks.quiet_until_warm),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_one_that_breaks_a_promise_fails_by_its_name(was: str, becomes: str, promise: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = written(tmp_path, monkeypatch, was, becomes)
    assert promise in CHECKS
    with pytest.raises(AssertionError, match=f"Multiple breaks {promise.__name__}: "):
        checks.run(promise, kind)


def test_a_promise_that_saw_no_data_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = written(tmp_path, monkeypatch, 'name: ClassVar[str] = "multiple"', 'name: ClassVar[str] = "multiple"\n    warm = True')
    with pytest.raises(AssertionError, match="quiet_until_warm judged no case"):
        checks.run(checks.quiet_until_warm, kind)
