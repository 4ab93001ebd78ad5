"""The right side of a picture: what made the difference, in dollars that add up, and who it was."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from service.phrases import capital
from service.plots.chart import Why
from service.plots.palette import ABOVE, FAINT, LESS, SPEND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE: Final = 0.05  # of the picture's height
ROWS_LEAST: Final = 5  # room for so many, so that one bar alone is no wall
CHARS: Final = 135  # in the picture's whole width


def draw(figure: Figure, why: Why, *, left: float, bottom: float, width: float, top: float) -> None:
    """A bar for each driver under its name, the largest first, and beneath them who carries it."""
    chars = int(width * CHARS)
    who = [line for text in why.carriers for line in wrap(text, chars, max_lines=2, placeholder="…")]
    figure.text(left, top, why.head if why.parts else f"Why: {why.head}", weight="bold", va="top")
    for number, line in enumerate(reversed(who)):
        figure.text(left, bottom - 0.075 + number * LINE, line, color=FAINT, va="bottom", size=8.5)
    foot = bottom - 0.075 + len(who) * LINE + 0.02
    _bars(figure.add_axes((left, foot, width, top - LINE - 0.03 - foot)), why)


def _bars(axes: Axes, why: Why) -> None:
    most = max(abs(bar.usd) for bar in why.bars)
    for number, bar in enumerate(why.bars):
        y = -number
        axes.text(0, y + 0.3, bar.text if why.parts else capital(bar.text), size=8.5, va="bottom")
        axes.barh(y + 0.06, abs(bar.usd) / most, height=0.36, left=0, color=SPEND if why.parts else ABOVE if bar.usd > 0 else LESS, gid=f"driver-{number}")
        axes.text(abs(bar.usd) / most + 0.02, y + 0.06, bar.dollars, va="center", size=8.5)
    rows = max(len(why.bars), ROWS_LEAST)
    axes.set(xlim=(0, 1.45), ylim=(0.6 - rows, 0.8))
    axes.axis("off")
