"""A chart becomes a picture: PNG or SVG, the same bytes for the same figures, with nothing of this machine or moment in it.

Nothing in this package but what is called from here touches matplotlib, and it is imported when something is drawn.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from textwrap import wrap
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from service.phrases import capital
from service.plots import cause_panel, spend_panel
from service.plots.chart import EACH, Chart
from service.plots.palette import FAINT, INK
from service.plots.words import alt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS: Final = ("png", "svg")
SIZE: Final = (8.0, 4.0)  # inches: 800 x 400 at 100 dots an inch
DPI: Final = 200
FONT: Final = "DejaVu Sans"  # comes with matplotlib, so a picture does not depend on what a machine has
KIN: Final = "Verdana, sans-serif"  # as wide, for an SVG that is looked at elsewhere
TITLE_WIDTH: Final = 80  # characters in a line
TITLE_LINES: Final = 2
BOTTOM: Final = 0.11
_ALONE: Final = Lock()  # matplotlib's settings are the whole process's
_LOOK: Final[Any] = {  # of a type that names each setting there is
    "font.family": [FONT],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign is money
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # texts stay texts: small, searchable, and read aloud
    "svg.hashsalt": "spendwarden",
}


class NoPlotsError(Exception):
    """The extra that draws is not installed; the text says how it is."""


def drawn(chart: Chart, form: str = "png") -> bytes:
    """The picture as PNG (1600 x 800) or SVG, with its sentence inside. Raises NoPlotsError."""
    try:
        from matplotlib import rc_context, rcParamsDefault  # noqa: PLC0415 -- half a second that only a picture needs
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as missing:
        raise NoPlotsError("pictures need the extra `plot`: pip install 'spendwarden[plot]'") from missing
    told = {"Title": alt(chart), "Date": None, "Creator": None} if form == "svg" else {"Description": alt(chart), "Software": None}
    out = BytesIO()
    with _ALONE, warnings.catch_warnings(), rc_context(rcParamsDefault), rc_context(_LOOK):
        warnings.filterwarnings("ignore", "Glyph ", UserWarning)  # a name may be written in any script
        figure = Figure(SIZE, DPI)
        _compose(figure, chart)
        figure.savefig(out, format=form, metadata=told)
    return out.getvalue() if form == "png" else out.getvalue().replace(f"'{FONT}'".encode(), f"'{FONT}', {KIN}".encode())


def _compose(figure: Figure, chart: Chart) -> None:
    """Title on top; the spend to the left, what made the difference to the right, or whichever there is alone."""
    lines = _wrapped(chart.title)
    figure.text(0.02, 0.965, "\n".join(lines), size=11, weight="bold", va="top", linespacing=1.25)
    top = 0.9 - 0.063 * (len(lines) - 1)
    if chart.windows:
        unknown = "" if any(window.high is not None for window in chart.windows) else "; usual range known after three days"
        figure.text(0.02, top, f"{capital(chart.about)}, US dollars per {EACH[chart.each_minutes]}, times in UTC{unknown}", color=FAINT, va="top")
        width = 0.53 if chart.why else 0.885
        spend_panel.draw(figure, chart, left=0.09, bottom=BOTTOM, width=width, top=top - 0.06)
    if chart.why:
        left = 0.68 if chart.windows else 0.02
        cause_panel.draw(figure, chart.why, left=left, bottom=BOTTOM, width=0.975 - left, top=top - 0.06)


def _wrapped(title: str) -> list[str]:
    """One line, or two: what happened and the money, where they fit so."""
    if len(title) <= TITLE_WIDTH:
        return [title]
    happened, _, money = title.partition(": ")
    if money and max(len(happened) + 1, len(money)) <= TITLE_WIDTH:
        return [f"{happened}:", money]
    return wrap(title, TITLE_WIDTH, max_lines=TITLE_LINES, placeholder="…", break_on_hyphens=False)
