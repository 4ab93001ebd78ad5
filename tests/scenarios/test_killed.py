"""A live service killed in the middle of things, a few times; `python -m tests.bench kill --kills 200` does it by the hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.kill import killed


@pytest.mark.slow
def test_a_killed_service_loses_and_repeats_nothing_and_decides_the_same(tmp_path: Path) -> None:
    figures = {figure.name: figure for figure in killed(tmp_path, kills=4, seed=11)}
    missed = [name for name, figure in figures.items() if figure.must and not figure.met]
    assert missed == [], (tmp_path / "output.txt").read_text()[-2000:]
    assert figures["records acknowledged"].value > 200
    assert figures["repeats heard"].value > 0
    assert figures["events at the receiver"].value > 0
