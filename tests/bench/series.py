"""Published benchmarks of single series: DIR/data/<category>/<file>.csv with `timestamp,value`; labels in DIR/combined_windows.json if there are any.

With --json one line a file, `{"file": "category/name.csv", "alerts": ["timestamp as in the file", ...]}`: final alerts of one configuration for all
files, decided row by row. Without, a table with what the alerts are worth.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table

from detectors.alerts import Alerts
from detectors.novelty import Novelty
from tests.bench.figures import Figure
from tests.bench.nab_metric import PROFILES, Judged, judge, score

Row: TypeAlias = tuple[str, str]
"""Timestamp and value as they stand in the file."""

LABELS = "combined_windows.json"
MILLISECONDS = 1e11  # what is larger than that is no number of seconds, but of milliseconds since 1973


class Answer(NamedTuple):
    """The alerts of one file."""

    file: str
    rows: int
    alerts: list[int]
    timestamps: list[str]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help=f"holds data/<category>/<file>.csv, and {LABELS} if it is labelled")


def json_lines(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One answer a file, as soon as it is there."""
    for file in files(asked.folder):
        found = answer(file)
        yield {"file": found.file, "alerts": [found.timestamps[at] for at in found.alerts]}


def run(asked: argparse.Namespace) -> list[Figure]:
    """A table of the files first."""
    labels = asked.folder / LABELS
    windows = json.loads(labels.read_text()) if labels.exists() else {}
    answers = [answer(file) for file in files(asked.folder)]
    judged = {found.file: judged_by(found, windows[found.file]) for found in answers if found.file in windows}
    Console(width=140).print(table(answers, judged))
    rows = sum(found.rows for found in answers)
    figures = [Figure("alerts", sum(len(found.alerts) for found in answers), f"on {rows:,} rows of {len(answers)} series")]
    if not judged:
        return figures
    everything = list(judged.values())
    windows_hit, windows_all = sum(len(j.hits) for j in everything), sum(j.windows for j in everything)
    return [
        *figures,
        Figure("windows hit", windows_hit, f"of {windows_all}"),
        Figure("false points", sum(len(j.outside) for j in everything), "alerts"),
        *(Figure(f"score, {name}", score(everything, profile), "") for name, profile in PROFILES.items()),
    ]


def files(folder: Path) -> list[Path]:
    """Every series of the folder, by name."""
    found = sorted((folder / "data").glob("*/*.csv"))
    if not found:
        raise SystemExit(f"{folder}/data holds no <category>/<file>.csv")
    return found


def answer(file: Path) -> Answer:
    """One file from its first row to its last."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = [(row["timestamp"], row["value"]) for row in csv.DictReader(lines)]
    return Answer(f"{file.parent.name}/{file.name}", len(rows), list(alerts(rows)), [timestamp for timestamp, _ in rows])


def alerts(rows: Iterable[Row]) -> Iterator[int]:
    """Numbers of the rows that are told, each before the next row is read."""
    novelty, bar = Novelty(), Alerts()
    last_s, width_s = nan, inf
    for at, (timestamp, value) in enumerate(rows):
        start_s = seconds(timestamp)
        if start_s > last_s:
            width_s = min(width_s, start_s - last_s)
        last_s = start_s
        if bar.tells(novelty.meet({"spend": number(value), "start_s": start_s, "width_s": width_s if isfinite(width_s) else 1.0})):
            yield at


def seconds(timestamp: str) -> float:
    """Unix seconds of a number (of milliseconds if it is that large) or an ISO date; without a zone it is UTC. NaN: the row has no time of day."""
    given = number(timestamp)
    if isfinite(given):
        return given / 1000 if given > MILLISECONDS else given
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def number(text: str) -> float:
    """NaN for what is none: such a row tells and teaches nothing."""
    try:
        return float(text)
    except ValueError:
        return nan


def table(answers: list[Answer], judged: Mapping[str, Judged]) -> Table:
    """One line a file; what its alerts are worth where it is labelled."""
    shown = Table()
    for heading in ("file", "rows", "alerts", *(("windows hit", "false", *PROFILES) if judged else ())):
        shown.add_column(heading, justify="left" if heading == "file" else "right")
    for found in answers:
        worth: list[str] = []
        if found.file in judged:
            mine = judged[found.file]
            worth = [f"{len(mine.hits)} of {mine.windows}", str(len(mine.outside))]
            worth += [f"{score([mine], profile):.1f}" if mine.windows else "-" for profile in PROFILES.values()]
        shown.add_row(found.file, f"{found.rows:,}", str(len(found.alerts)), *worth)
    return shown


def judged_by(found: Answer, windows: list[list[str]]) -> Judged:
    """Against labelled windows, whose ends may be written with fractions of a second."""
    row = {seconds(timestamp): at for at, timestamp in reversed(list(enumerate(found.timestamps)))}
    return judge(found.rows, [(row[seconds(first)], row[seconds(last)]) for first, last in windows], found.alerts)
