"""The score of the Numenta Anomaly Benchmark, v1.1: what alerts at these rows are worth, given the labelled windows.

Early in a window is worth 1, its end 0, behind it less and less down to -1; before the first window an alert is worth -1. The first 15 % of the
rows (at most 750) count for nothing. 0 is silence, 100 every window hit at its first row and nothing else.
"""

from __future__ import annotations

from math import exp
from typing import Final, NamedTuple, TypeAlias

Span: TypeAlias = tuple[int, int]
"""First and last row of a labelled window."""


class Profile(NamedTuple):
    """What an alert outside of every window costs, and what a missed window costs."""

    false_alert: float
    miss: float


PROFILES: Final = {"standard": Profile(0.11, 1.0), "low FP": Profile(0.22, 1.0), "low FN": Profile(0.11, 2.0)}
FREE_SHARE: Final = 0.15
FREE_ROWS_MAX: Final = 750


class Judged(NamedTuple):
    """One series: how many windows count, what each hit is worth, what each alert outside is worth (0 to -1)."""

    windows: int
    hits: tuple[float, ...]
    outside: tuple[float, ...]


def free_rows(rows: int) -> int:
    """The rows at the start that are not judged."""
    return int(min(FREE_SHARE * rows, FREE_ROWS_MAX))


def judge(rows: int, spans: list[Span], alerts: list[int]) -> Judged:
    """The alerts of one series of so many rows."""
    free = free_rows(rows)
    best: dict[Span, float] = {}
    outside = []
    for at in alerts:
        if at < free:
            continue
        inside = next((span for span in spans if span[0] <= at <= span[1]), None)
        if inside is None:
            outside.append(_behind(at, spans))
        else:
            best[inside] = max(best.get(inside, -1.0), _within(at, inside))
    return Judged(sum(last >= free for _, last in spans), tuple(best.values()), tuple(outside))


def score(judged: list[Judged], profile: Profile) -> float:
    """Over all series together; NaN if nothing is labelled."""
    windows = sum(j.windows for j in judged)
    if not windows:
        return float("nan")
    hit = sum(len(j.hits) for j in judged)
    total = sum(sum(j.hits) + profile.false_alert * sum(j.outside) for j in judged) - profile.miss * (windows - hit)
    return 100 * (total + profile.miss * windows) / ((1 + profile.miss) * windows)


def _within(at: int, span: Span) -> float:
    first, last = span
    return _fall(-(last - at + 1) / (last - first + 1)) / _fall(-1.0)


def _behind(at: int, spans: list[Span]) -> float:
    before = [span for span in spans if span[1] < at]
    if not before:
        return -1.0
    first, last = max(before)
    return _fall((at - last) / max(1, last - first))


def _fall(place: float) -> float:
    """From nearly 1 over 0 at the end of a window (`place` 0) to -1, in widths of the window."""
    return -1.0 if place > 3 else 2 / (1 + exp(5 * place)) - 1
