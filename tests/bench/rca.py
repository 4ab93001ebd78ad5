"""Root causes in multi-dimensional measures: every `*.csv.gz` of a folder, or made-up cases; F1 over exactly matching elements where the truth is known."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.localise.elements import Element, localise
from service.localise.shifts import Deviations, of_ratios, of_sums
from tests.bench.figures import Figure, below
from tests.bench.planted import KINDS, planted

Values = dict[str, str]

RATIO: Final = ("real_a", "real_b", "predict_a", "predict_b")
MEASURES: Final = frozenset({"real", "predict", *RATIO})


class Answer(NamedTuple):
    case: str
    found: list[Element]
    seconds: float

    def line(self) -> dict[str, Any]:
        return {"case": self.case, "root_causes": [each.values for each in self.found], "seconds": round(self.seconds, 3)}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="of *.csv.gz, and cases.json where the truth is known")
    parser.add_argument("--planted", type=int, default=0, metavar="N", help="N made-up cases of each additive kind instead")


def json_lines(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What --json prints: one line a case and nothing else; of made-up cases the figures."""
    if asked.planted:
        yield {figure.name: figure.value for figure in run(asked)}
        return
    for answer in _answers(asked.folder):
        yield answer.line()


def run(asked: argparse.Namespace) -> list[Figure]:
    if asked.planted:
        return [figure for kind in KINDS for figure in _planted(kind, asked.planted)]
    answers = list(_answers(asked.folder))
    known = asked.folder / "cases.json"
    truth = json.loads(known.read_text()) if known.exists() else None
    _show(answers, truth)
    return figures(answers, truth)


def figures(answers: Sequence[Answer], truth: Mapping[str, Sequence[Values]] | None) -> list[Figure]:
    seconds = [a.seconds for a in answers]
    found = [
        Figure("cases", len(answers), ""),
        below("seconds a case, mean", sum(seconds) / max(len(seconds), 1), "s", 1),
        Figure("seconds a case, worst", max(seconds, default=0.0), "s"),
    ]
    if truth is None:
        return found
    counts = [compared([each.values for each in a.found], truth.get(a.case, [])) for a in answers]
    whole = f1(*(sum(c[k] for c in counts) for k in range(3)))
    return [Figure("F1", whole, ""), Figure("mean F1 of a case", sum(f1(*c) for c in counts) / max(len(counts), 1), ""), *found]


def compared(found: Sequence[Values], truth: Sequence[Values]) -> tuple[int, int, int]:
    """Elements that were rightly named, wrongly named, missed.

    >>> compared([{"a": "1"}, {"b": "2"}], [{"a": "1"}, {"b": "2", "c": "3"}])
    (1, 1, 1)
    """
    named, real = ({tuple(sorted(each.items())) for each in elements} for elements in (found, truth))
    return len(named & real), len(named - real), len(real - named)


def f1(right: int, wrong: int, missed: int) -> float:
    """Of no elements at all, rightly none named: 1."""
    return 2 * right / (2 * right + wrong + missed) if right or wrong or missed else 1.0


def read(path: Path) -> tuple[dict[str, Sequence[str]], Deviations]:
    """The dimensions and the deviations of a file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        head, *rows = csv.reader(text)
    columns: dict[str, Sequence[str]] = dict(zip(head, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(head, ())
    measure = {name: np.array([float(value or "nan") for value in columns[name]]) for name in head if name in MEASURES}
    deviations = of_ratios(*(measure[name] for name in RATIO)) if all(name in measure for name in RATIO) else of_sums(measure["real"], measure["predict"])
    return {name: column for name, column in columns.items() if name not in MEASURES}, deviations


def _answers(folder: Path | None) -> Iterator[Answer]:
    paths = sorted(folder.glob("*.csv.gz")) if folder is not None else []
    if not paths:
        raise SystemExit(f"bench rca: no *.csv.gz in {folder}" if folder else "bench rca: give a folder, or --planted N")
    for path in paths:
        start = perf_counter()
        found = localise(*read(path))
        yield Answer(path.name.removesuffix(".csv.gz"), found, perf_counter() - start)


def _planted(kind: str, count: int) -> list[Figure]:
    """Cases of one kind, in ten parts: the spread of F1 over the parts says what chance does to a set of that size."""
    answers, truth = [], {}
    for seed in range(count):
        case = planted(kind, seed)
        start = perf_counter()
        found = localise(case.dimensions, of_sums(case.real, case.predict))
        answers.append(Answer(str(seed), found, perf_counter() - start))
        truth[str(seed)] = case.truth
    parts = [figures(answers[k::10], truth)[0].value for k in range(min(10, count))]
    return [
        Figure(f"{kind}: {f.name}", *f[1:])
        for f in [*figures(answers, truth), Figure("F1 of a tenth, least", min(parts), ""), Figure("F1 of a tenth, most", max(parts), "")]
    ]


def _show(answers: Sequence[Answer], truth: Mapping[str, Sequence[Values]] | None) -> None:
    table = Table(title="what is to blame, and its part of the deviation", show_lines=False)
    for heading in ("case", "root causes", "s", *(["missed"] if truth is not None else [])):
        table.add_column(heading)
    for a in answers:
        real = truth.get(a.case, []) if truth is not None else []
        named = [f"{_told(e.values)}  {e.share:.0%}" + ("" if truth is None or e.values in real else "  [red]wrong[/red]") for e in a.found]
        missed = [_told(e) for e in real if e not in [found.values for found in a.found]]
        table.add_row(a.case, "\n".join(named) or "no single cause", f"{a.seconds:.2f}", *(["\n".join(missed)] if truth is not None else []))
    Console(width=140).print(table)


def _told(values: Values) -> str:
    return escape(", ".join(f"{kind}={name}" for kind, name in values.items()))
