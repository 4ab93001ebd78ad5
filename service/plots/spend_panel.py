"""The left side of a picture: what was spent, its usual range, and above it in lanes what was told and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from service.plots.chart import Chart, Halt
from service.plots.lanes import Place, placed, times
from service.plots.palette import ABOVE, FAINT, INK, RANGE, SPEND, STOPPED, STOPPED_TEXT
from service.plots.words import dollars, peak

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEGEND: Final = 0.06  # of the picture's height
LANE: Final = 0.052
CHAR: Final = 0.0083  # of the picture's width: a character of a label at most
HEADROOM: Final = 0.16  # of the height of all bars, for the amount over the dearest
MARGIN: Final = 0.07  # left of the axis, where a long text may begin
HOUR_MS: Final = 3_600_000
EDGE: Final = 0.8
_PAPER: Final = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}


def draw(figure: Figure, chart: Chart, *, left: float, bottom: float, width: float, top: float) -> None:
    """All of it between these edges, in parts of the picture; the texts of both axes stand outside."""
    hours = (chart.to_ms - chart.from_ms) / HOUR_MS
    places = placed([(_x(chart, mark.at_ms), _width(mark.text, hours, width)) for mark in chart.marks], hours)
    lanes = 1 + max((place.lane or 0 for place in places), default=-1) + bool(chart.halts)
    above = top - LEGEND - lanes * LANE
    axes = figure.add_axes((left, bottom, width, above - bottom))
    _money(axes, chart, hours)
    _peak(axes, chart, hours, width)
    if lanes:
        strip = figure.add_axes((left, above, width, lanes * LANE))
        strip.set(xlim=(0, hours), ylim=(0, lanes))
        strip.axis("off")
        _marks(strip, axes, chart, places, int(bool(chart.halts)))
        _halts(strip, axes, chart, hours, width)
    _legend(figure, chart, 0.02, top)


def _x(chart: Chart, at_ms: int) -> float:
    return (at_ms - chart.from_ms) / HOUR_MS


def _width(text: str, hours: float, width: float) -> float:
    """How many hours of the axis a label takes, with its mark and some air."""
    return (len(text) + 3) * CHAR * hours / width


def _money(axes: Axes, chart: Chart, hours: float) -> None:
    """Bars of spend over the band of what is usual."""
    each = chart.each_minutes / 60
    edges = [k * each for k in range(len(chart.windows) + 1)]
    within = [0.0 if window.above else window.usd for window in chart.windows]
    beyond = [window.usd if window.above else 0.0 for window in chart.windows]
    _range(axes, chart, edges)
    axes.stairs(within, edges, fill=True, color=SPEND, gid="spent", zorder=2)
    if any(beyond):
        axes.stairs(beyond, edges, fill=True, color=ABOVE, gid="above", zorder=2)
    most, least = max(max(window.usd, window.high or 0.0) for window in chart.windows), min(0.0, *within)  # a credit lies below nothing
    room = HEADROOM * ((most - least) or 1.0)
    axes.set(xlim=(0, hours), ylim=(least - room * (least < 0), most + room))
    if least < 0:
        axes.axhline(0, color=FAINT, linewidth=EDGE, zorder=3)
    axes.yaxis.set_major_locator(_few_ticks())
    axes.yaxis.set_major_formatter(lambda amount, _: dollars(amount))
    axes.set_xticks(*_ticks(chart))
    axes.tick_params(length=3)


def _peak(axes: Axes, chart: Chart, hours: float, width: float) -> None:
    """The dearest window says its amount, over its bar and within the axis."""
    top = chart.highest
    if top is not None:
        half = len(peak(chart)) * CHAR * hours / width / 2
        x = min(max(_x(chart, top.start_ms) + chart.each_minutes / 120, half), max(hours - half, half))
        axes.annotate(peak(chart), (x, top.usd), (0, 3), textcoords="offset points", ha="center", va="bottom", size=8.5, bbox=_PAPER, zorder=5)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    return MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10])


def _ticks(chart: Chart) -> tuple[list[float], list[str]]:
    found = times(chart.from_ms, chart.to_ms)
    return [_x(chart, at) for at, _ in found], [text for _, text in found]


def _range(axes: Axes, chart: Chart, edges: list[float]) -> None:
    """The band of what is usual, with its upper end drawn over the bars; where too little was known there is none."""
    known = [window.high is not None for window in chart.windows]
    if not any(known):
        return
    low = [window.low or 0.0 for window in chart.windows]
    high = [window.high or 0.0 for window in chart.windows]
    axes.stairs(high, edges, baseline=low, fill=True, color=RANGE, gid="usual", zorder=1)
    first = known.index(True)
    axes.stairs(high[first:], edges[first:], baseline=None, color=FAINT, linewidth=EDGE, gid="usual-most", zorder=3)


def _marks(strip: Axes, axes: Axes, chart: Chart, places: list[Place], below: int) -> None:
    """A triangle and its name in a lane of its own, with a line down into the spend."""
    for number, (mark, place) in enumerate(zip(chart.marks, places, strict=True)):
        y = below + (place.lane or 0) + 0.5
        strip.plot([place.x], [y - 0.08], marker="v", color=INK, markersize=6, clip_on=False, gid=f"alert-{number}")
        strip.plot([place.x, place.x], [0, y], color=INK, linewidth=0.7)
        axes.axvline(place.x, color=INK, linewidth=0.7, alpha=0.55, zorder=4)
        if place.lane is not None:
            _beside(strip, place.x, y, mark.text, left=place.left)


def _halts(strip: Axes, axes: Axes, chart: Chart, hours: float, width: float) -> None:
    """A bar for as long as it holds, hollow where nothing was really stopped; the newest says how far it has come."""
    for number, halt in enumerate(chart.halts):
        begin, end = max(0.0, _x(chart, halt.from_ms)), min(hours, _x(chart, halt.to_ms))
        look: dict[str, Any] = {"facecolor": STOPPED if halt.sent else "none", "edgecolor": STOPPED, "linewidth": 1.0, "linestyle": "-" if halt.sent else "--"}
        strip.broken_barh([(begin, max(end - begin, hours / 200))], (0.12, 0.2), clip_on=False, gid=f"stopped-{number}", **look)
        if halt.sent:
            axes.axvspan(begin, end, color=STOPPED, alpha=0.12, linewidth=0, zorder=0)
    if chart.halts:
        text = _earlier(chart.halts) + chart.halts[-1].text
        x = max(-MARGIN * hours / width, min(_x(chart, chart.halts[-1].from_ms), hours - len(text) * CHAR * hours / width))
        strip.annotate(text, (x, 0.68), va="center", size=8.5, color=STOPPED_TEXT, annotation_clip=False, bbox=_PAPER, zorder=5)


def _earlier(halts: tuple[Halt, ...]) -> str:
    return f"{len(halts)} orders: " if len(halts) > 1 else ""


def _beside(strip: Axes, x: float, y: float, text: str, *, left: bool) -> None:
    strip.annotate(
        text,
        (x, y),
        (-6 if left else 6, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        size=8.5,
        annotation_clip=False,
        bbox=_PAPER,
    )


def _legend(figure: Figure, chart: Chart, x: float, y: float) -> None:
    """What the colours are, as far as there is any of it."""
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    shown: list[tuple[Any, str]] = [(Patch(color=SPEND), "spent")]
    if any(window.high is not None for window in chart.windows):
        shown.append((Patch(facecolor=RANGE, edgecolor=FAINT, linewidth=EDGE), "usual range, 95 % of the time"))
    if any(window.above for window in chart.windows):
        shown.append((Patch(color=ABOVE), "above it"))
    if chart.marks:
        shown.append((Line2D([], [], color=INK, marker="v", linestyle="none", markersize=6), "alert"))
    handles, texts = zip(*shown, strict=True)
    figure.legend(
        handles,
        texts,
        loc="upper left",
        bbox_to_anchor=(x, y),
        ncols=len(shown),
        fontsize=8.5,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.1,
        handletextpad=0.5,
        columnspacing=1.3,
    )
