"""What Prometheus is asked, in alerts and on the dashboard, and what a page shows it: both as names with labels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "deploy/prometheus"
RULES: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
TESTS: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
DASHBOARD: Final[dict[str, Any]] = json.loads((ROOT / "deploy/grafana/spendwarden.json").read_text(encoding="utf-8"))
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: Final[list[str]] = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
OURS: Final = re.compile(r"\b((?:spendwarden|process)_\w+)(?:\{([^}]*)\})?")
EQUAL: Final = re.compile(r"(\w+)=\"([^\"]*)\"")
BY: Final = re.compile(r"\bby \(([\w, ]+)\) ")


class Series(NamedTuple):
    """One that is shown, with all its labels, or the labels by which some are asked for."""

    name: str
    labels: Mapping[str, str]


def selectors(text: str) -> list[Series]:
    """Each of ours in an expression, with the labels that must be equal."""
    return [Series(name, dict(EQUAL.findall(matchers))) for name, matchers in OURS.findall(text)]


def shown(job: str, page: str) -> list[Series]:
    """What Prometheus makes of a page that it has asked for."""
    return [Series(it.name, {"job": job, **it.labels}) for family in text_string_to_metric_families(page) for it in family.samples]


def unanswered(expression: str, scraped: Sequence[Series]) -> list[str]:
    """What an expression asks for that is not there: series, and labels by which it adds some of them up."""
    missing = [f"{asked.name} {asked.labels}" for asked in selectors(expression) if not _matching(asked, scraped)]
    for by in BY.finditer(expression):
        summed = [it for asked in selectors(_group(expression[by.end() :])) for it in _matching(asked, scraped)]
        missing += [f"{it.name} has no {label}" for it in summed for label in by[1].split(", ") if label not in it.labels]
    return missing


def _matching(asked: Series, scraped: Sequence[Series]) -> list[Series]:
    return [it for it in scraped if it.name == asked.name and asked.labels.items() <= it.labels.items()]


def _group(text: str) -> str:
    """What stands in the parentheses with which a text begins.

    >>> _group("(rate(a[5m])) > max(b)")
    '(rate(a[5m])'
    """
    depths = list(accumulate({"(": 1, ")": -1}.get(letter, 0) for letter in text))
    return text[: depths.index(0)]


def shape(series: Series) -> tuple[str, frozenset[str]]:
    """The name with the names of its labels, as the service gives them; an empty label is none."""
    return series.name, frozenset(label for label, value in series.labels.items() if value and label not in ("job", "instance"))
