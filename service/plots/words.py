"""A picture in words: money on an axis, times of a day, and the one sentence that says it to who cannot see it."""

from __future__ import annotations

from typing import Final

from service.phrases import moment
from service.plots.chart import DAY, EACH, HOUR, TEN_MINUTES, Chart, Mark, Why

_STEPS: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_IN: Final = {TEN_MINUTES: "10 minutes", HOUR: "one hour", DAY: "one day"}
_NAMED: Final = 3


def dollars(amount: float) -> str:
    """Money on an axis: as many places as it needs, millions as such.

    >>> dollars(0.0), dollars(0.0025), dollars(0.5), dollars(12.0), dollars(1234.0), dollars(2_500_000.0), dollars(4e15), dollars(-3.0)
    ('$0', '$0.0025', '$0.50', '$12', '$1,234', '$2.5M', '$4,000T', '-$3')
    """
    if amount < 0:
        return f"-{dollars(-amount)}"
    for unit, letter in _STEPS:
        if amount >= unit:
            return f"${round(amount / unit, 2):,.10g}{letter}"
    if amount >= 0.1 or amount == 0:
        return f"${amount:,.2f}".removesuffix(".00")
    return f"${float(f'{amount:.2g}'):.9f}".rstrip("0").rstrip(".")


def spent(amount: float) -> str:
    """An amount inside a sentence: with its cents.

    >>> spent(12.0), spent(0.0123), spent(2_500_000.0)
    ('$12.00', '$0.012', '$2.5M')
    """
    return f"${amount:,.2f}" if amount == 0 or 0.1 <= amount < _STEPS[-1][0] else dollars(amount)


def clock(ms: int) -> str:
    """The time of day in UTC.

    >>> clock(1_763_562_840_000)
    '14:34'
    """
    return moment(ms).split()[-2]


def peak(chart: Chart) -> str:
    """The dearest window and, where that is not usual, what is; empty where nothing was spent."""
    top = chart.highest
    if top is None:
        return ""
    usual = f", usually at most {spent(top.high)}" if top.above and top.high is not None else ""
    return f"{spent(top.usd)} in {_IN[chart.each_minutes]}{usual}"


def alt(chart: Chart) -> str:
    """The picture in one sentence."""
    parts = [_seen(chart), _marks(chart.marks), chart.halts[-1].text if chart.halts else "", _why(chart.why)]
    return f"{chart.title.rstrip('.')} ({'; '.join(part for part in parts if part)})."


def _seen(chart: Chart) -> str:
    if not chart.windows:
        return ""
    top = chart.highest
    dearest = f"highest on {moment(top.start_ms)} with {peak(chart)}" if top is not None else "nothing was spent"
    return f"{chart.about} per {EACH[chart.each_minutes]} from {moment(chart.from_ms)} to {moment(chart.to_ms)}, {dearest}"


def _marks(marks: tuple[Mark, ...]) -> str:
    if not marks:
        return ""
    told = ", ".join(f"{mark.text} on {moment(mark.at_ms)}" for mark in marks[-_NAMED:])
    more = f"{len(marks) - _NAMED} earlier, " if len(marks) > _NAMED else ""
    return f"{len(marks)} alert{'s' * (len(marks) > 1)}: {more}{told}"


def _why(why: Why | None) -> str:
    return f"{why.head}, of which {why.bars[0].dollars} for {why.bars[0].text}" if why is not None else ""
