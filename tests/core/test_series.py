"""Alerts on single series: their form, that no later row changes an earlier alert, and what they are worth against labels."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import tarfile
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from importlib import util
from itertools import combinations, pairwise
from math import dist
from pathlib import Path
from typing import Any

import pytest

from detectors.alerts import ENOUGH, QUIET_ROWS, Alerts
from detectors.novelty import WARM_ROWS, Novelty
from detectors.peaks import APART, MEMORY_ROWS, Peaks
from detectors.shapes import KEPT, Shapes
from detectors.yesterday import Yesterday
from service.warden.votes import WATCHING
from tests.bench import nab_metric, series
from tests.bench.series import Row

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
START = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
SHOCK = 1500


def made(rows: int = 2000, *, scale: float = 1.0, seed: int = 1, step_s: int = 300) -> list[Row]:
    """A rhythm of the day with noise and, at SHOCK, an hour at three times the usual."""
    chance, out = random.Random(seed), []
    for k in range(rows):
        value = 10 + 4 * math.sin(2 * math.pi * k * step_s / 86_400) + chance.gauss(0, 0.5)
        out.append((str(START + timedelta(seconds=step_s * k)), repr(scale * value * (3 if SHOCK <= k < SHOCK + 12 else 1))))
    return out


def written(folder: Path, rows: list[Row], name: str = "made/one.csv") -> Path:
    file = folder / "data" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("timestamp,value\n" + "".join(f"{timestamp},{value}\n" for timestamp, value in rows))
    return file


def bench(*asked: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tests.bench", *asked], capture_output=True, text=True, cwd=ROOT, check=False)


# ---------------------------------------------------------------- form
@pytest.mark.parametrize("name", ["nab", "series"])
def test_one_line_a_file_with_its_own_timestamps(tmp_path: Path, name: str) -> None:
    rows = made()
    written(tmp_path, rows)
    written(tmp_path, [(timestamp, "7.0") for timestamp, _ in rows], "made/flat.csv")
    said = bench(name, str(tmp_path), "--json")
    assert said.returncode == 0, said.stderr
    flat, one = map(json.loads, said.stdout.splitlines())
    assert flat == {"file": "made/flat.csv", "alerts": []}
    assert one["file"] == "made/one.csv"
    assert rows[SHOCK][0] in one["alerts"]
    assert set(one["alerts"]) <= {timestamp for timestamp, _ in rows}


def test_a_folder_without_series_says_so(tmp_path: Path) -> None:
    said = bench("nab", str(tmp_path), "--json")
    assert said.returncode != 0
    assert "holds no <category>/<file>.csv" in said.stderr


def test_a_person_reads_a_table_and_what_the_alerts_are_worth(tmp_path: Path) -> None:
    rows = made()
    written(tmp_path, rows)
    said = bench("series", str(tmp_path))
    assert said.returncode == 0, said.stderr
    assert "made/one.csv" in said.stdout
    assert "2,000 rows of 1 series" in said.stdout
    assert "windows hit" not in said.stdout
    windows = {"made/one.csv": [[rows[SHOCK - 20][0] + ".000000", rows[SHOCK + 40][0] + ".000000"]]}
    (tmp_path / series.LABELS).write_text(json.dumps(windows))
    figures = {f.name: f.value for f in series.run(Namespace(folder=tmp_path))}
    assert figures["windows hit"] == 1
    assert 0 <= figures["false points"] < figures["alerts"]
    assert 50 < figures["score, low FP"] < figures["score, standard"] < figures["score, low FN"] < 100


# ---------------------------------------------------------------- online
def test_a_cut_changes_no_earlier_alert() -> None:
    rows = made() + made(seed=2, scale=1.5)
    whole = list(series.alerts(rows))
    assert len(whole) > 3
    for cut in (*range(0, len(rows), 333), SHOCK, SHOCK + 1, SHOCK + 2):
        assert list(series.alerts(rows[:cut])) == [at for at in whole if at < cut]


def test_an_alert_is_given_before_the_next_row_is_read() -> None:
    read = 0

    def counted() -> Any:
        nonlocal read
        for row in made():
            read += 1
            yield row

    for at in series.alerts(counted()):
        assert at == read - 1


# ---------------------------------------------------------------- of any unit, length, sampling
@pytest.mark.parametrize("scale", [1e-9, 1.0, -1.0, 1e12])
@pytest.mark.parametrize("step_s", [1, 300, 3600])
def test_the_shock_is_told_at_any_scale_and_sampling(scale: float, step_s: int) -> None:
    told = list(series.alerts(made(scale=scale, step_s=step_s)))
    assert any(SHOCK <= at < SHOCK + 3 for at in told)
    assert len([at for at in told if at > 2 * WARM_ROWS]) <= 8


def test_what_is_no_number_and_no_time_neither_breaks_nor_tells() -> None:
    rows = made()
    spoiled = [("yesterday", "") if k % 50 == 7 else row for k, row in enumerate(rows)]
    told = list(series.alerts(spoiled))
    assert any(SHOCK <= at < SHOCK + 3 for at in told)
    assert not any(at % 50 == 7 for at in told)


@pytest.mark.parametrize("text", ["2026-03-02 10:00:00", "2026-03-02T11:00:00+01:00", "1772445600", "1772445600.0", "1772445600000"])
def test_a_timestamp_is_a_date_or_a_number(text: str) -> None:
    assert series.seconds(text) == 1_772_445_600
    assert series.seconds("1712041512000") == 1_712_041_512  # no day of the year 1712


def test_counts_that_are_mostly_nothing_raise_few_alerts() -> None:
    chance = random.Random(3)
    rows = [(timestamp, str(int(chance.random() < 0.02))) for timestamp, _ in made(5000)]
    assert len(list(series.alerts(rows))) <= 8


def test_a_level_shift_is_told_and_becomes_usual() -> None:
    chance = random.Random(4)
    rows = [(timestamp, str((5 if k < SHOCK else 15) + chance.gauss(0, 1))) for k, (timestamp, _) in enumerate(made(6000))]
    told = list(series.alerts(rows))
    assert SHOCK in told or SHOCK + 1 in told
    assert len([at for at in told if at > SHOCK + 600]) <= 3


# ---------------------------------------------------------------- parts
def test_meeting_a_row_is_asking_and_then_learning() -> None:
    one, other = Novelty(), Novelty()
    for k, (timestamp, value) in enumerate(made(700)):
        x = {"spend": float(value), "start_s": series.seconds(timestamp), "width_s": 300.0}
        asked = one.nats(x)
        assert asked == other.meet(x)
        one.learn_one(x)
        if k % 100 == 0:
            one = Novelty.load(one.dump())
    assert one == other


def test_up_and_down_weigh_the_same() -> None:
    up, down = Novelty(), Novelty()
    for k, (timestamp, value) in enumerate(made(1600)):
        x = {"spend": float(value), "start_s": series.seconds(timestamp), "width_s": 300.0}
        assert up.meet(x) == down.meet(x | {"spend": -float(value)}), k


def test_peaks_of_one_episode_are_one() -> None:
    peaks = Peaks()
    for k in range(APART + 3):
        peaks.learn(float(-k))
    for value in [5.0, 9.0, 7.0] + [0.0] * 20 + [6.0]:
        peaks.learn(value)
    assert peaks.highest[-2:] == [6.0, 9.0]


def test_an_episode_is_forgotten_after_a_long_time() -> None:
    peaks = Peaks()
    for k in range(MEMORY_ROWS):
        peaks.learn(100.0 if k == 500 else float(k % 7))
    assert peaks.highest[-1] == 100.0
    assert peaks.nats(50.0) < peaks.nats(150.0)
    for k in range(1000):
        peaks.learn(float(k % 7))
    assert peaks.highest[-1] == 6.0
    assert peaks.nats(50.0) > 4


def test_what_stands_still_teaches_nothing_more() -> None:
    chance, novelty, heard, known = random.Random(7), Novelty(), [], []
    for k in range(20_000):
        value = float(chance.randrange(11)) if k < 1000 or k > 19_000 else 3.0
        heard.append(novelty.meet({"spend": value, "start_s": 300.0 * k, "width_s": 300.0}))
        if k in {2000, 18_999}:
            known.append([novelty.rougher.highest[:], novelty.totals.seen[:], novelty.sample.values[:], novelty.shapes.known[:]])
    assert known[0] == known[1]
    assert max(heard[2000:19_000]) == 0


def test_evidence_falls_with_every_episode_like_it() -> None:
    peaks, heard = Peaks(), []
    for k in range(3000):
        if k % 100 == 99:
            heard.append(peaks.nats(10.0 - k / 1000))
        peaks.learn(10.0 if k % 100 == 99 else float(k % 7))
    assert heard[0] > heard[5] > heard[20] > 0


def test_shapes_stay_few_and_cover_what_came() -> None:
    chance, shapes = random.Random(5), Shapes()
    came = [(chance.gauss(0, 1), chance.gauss(0, 1), chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(3000)]
    for shape in came:
        shapes.learn(shape, shapes.farness(shape))
        assert len(shapes.known) < KEPT
        assert min((dist(a, b) for a, b in combinations(shapes.known, 2)), default=1.0) > shapes.radius
    assert max(map(shapes.farness, came)) <= 3 * shapes.radius


def test_today_is_not_yet_yesterday() -> None:
    yesterday = Yesterday()
    for hour in range(48):
        yesterday.learn(3600.0 * hour, 3600.0, 5.0)
    for _ in range(3):
        assert yesterday.outside(3600.0 * 48, 3600.0, 8.0) == 3.0
        assert yesterday.outside(3600.0 * 48, 3600.0, 1.0) == -4.0
        yesterday.learn(3600.0 * 48, 3600.0, 8.0)
    assert yesterday.outside(3600.0 * 72, 3600.0, 8.0) == 0.0


def test_yesterday_knows_no_day_when_rows_are_a_day_apart() -> None:
    yesterday = Yesterday()
    for k in range(20):
        yesterday.learn(86_400.0 * k, 86_400.0, 1.0)
    assert yesterday.outside(86_400.0 * 20, 86_400.0, 99.0) == 0.0


def test_alerts_stay_apart() -> None:
    alerts = Alerts()
    told = [k for k in range(3000) if alerts.tells(30.0)]
    between = [later - earlier for earlier, later in pairwise(told)]
    assert min(between) > QUIET_ROWS[0]
    assert max(between) <= QUIET_ROWS[1] + 1


def test_only_what_is_much_stronger_is_told_soon_after_an_alert() -> None:
    def told(soon: int, nats: float) -> bool:
        alerts = Alerts()
        return [alerts.tells(10.0 if k == 500 else nats if k == 500 + soon else 0.0) for k in range(600)][500 + soon]

    assert not told(30, 13.9)
    assert told(30, 14.1)
    assert not told(APART, 40.0)
    assert not told(60, 9.5)


def test_what_is_not_enough_is_never_told() -> None:
    alerts = Alerts()
    assert not any(alerts.tells(ENOUGH) for _ in range(3000))


def test_the_warden_watches_with_what_it_watched_with() -> None:
    assert {WATCHING.name} == {"surprise"}


# ---------------------------------------------------------------- worth
def test_worth_of_alerts_on_a_tiny_made_up_set() -> None:
    perfect = nab_metric.judge(1000, [(300, 399), (600, 699)], [300, 600])
    assert perfect.hits == (1.0, 1.0)
    assert nab_metric.score([perfect], nab_metric.PROFILES["standard"]) == 100
    silent = nab_metric.judge(1000, [(300, 399), (600, 699)], [])
    assert [nab_metric.score([silent], profile) for profile in nab_metric.PROFILES.values()] == [0, 0, 0]
    early = nab_metric.judge(1000, [(300, 399)], [20, 149, 150, 299, 310, 390, 400, 900])
    assert len(early.outside) == 4
    assert early.outside[:2] == (-1.0, -1.0)
    assert -0.1 < early.outside[2] < 0
    assert early.outside[3] == -1.0
    assert early.hits[0] == pytest.approx(0.99, abs=0.01)
    assert math.isnan(nab_metric.score([nab_metric.judge(1000, [], [500])], nab_metric.PROFILES["standard"]))


needs_shared = pytest.mark.skipif(not (SHARED / "nab_score.py").exists(), reason="needs ../shared/data of the project's own bench")


@needs_shared
def test_our_score_is_that_of_the_shared_scorer(tmp_path: Path) -> None:
    spec = util.spec_from_file_location("nab_score", SHARED / "nab_score.py")
    assert spec is not None
    assert spec.loader is not None
    theirs: Any = util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    chance = random.Random(6)
    files, mine = [], []
    for number in range(6):
        rows = made(chance.choice([400, 2000, 6000]))
        spans = [(first, first + chance.randint(5, 60)) for first in sorted(chance.sample(range(20, len(rows) - 70, 70), number))]
        told = sorted(chance.sample(range(len(rows)), 15))
        times = [timestamp for timestamp, _ in rows]
        files.append((theirs.Series(str(number), times, [], [[times[a], times[b]] for a, b in spans]), told))
        mine.append(nab_metric.judge(len(rows), spans, told))
    for profile, theirs_name in zip(nab_metric.PROFILES.values(), ("standard", "low_FP", "low_FN"), strict=True):
        expected = theirs.score([s for s, _ in files], [told for _, told in files], theirs_name)
        assert nab_metric.score(mine, profile) == pytest.approx(expected["score"])
        assert sum(len(j.hits) for j in mine) == expected["windows_hit"]
        assert sum(len(j.outside) for j in mine) == expected["false_points"]


@needs_shared
def test_the_development_files_are_worth_what_was_measured(tmp_path: Path) -> None:
    with tarfile.open(SHARED / "nab-dev.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    labels = json.loads((tmp_path / series.LABELS).read_text())
    judged = [series.judged_by(series.answer(tmp_path / "data" / name), windows) for name, windows in labels.items()]
    assert sum(j.windows for j in judged) == 50
    assert nab_metric.score(judged, nab_metric.PROFILES["standard"]) > 72
    assert sum(len(j.outside) for j in judged) < 65
