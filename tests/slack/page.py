"""A page that text is set on, from above to below, as Slack sets it: bold, mentions and signs."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.text import Text
from PIL import Image

WIDTH: Final = 760
DPI: Final = 100
INK, LINK = "#1d1c1d", "#1264a3"
SIGNS: Final = {"🔴": "#d72b3f", "🟠": "#e8912d", "🔵": "#1d7fd1", "✅": "#2b9a66"}
PEOPLE: Final = {"U024BE7LH": "maria", "U0G9QF9C6": "li", "U0OWNER000": "search-oncall"}
_MARKED: Final = re.compile(r"(\*[^*\n]+\*|<[@!][^>]+>|\s+)")


class Word(NamedTuple):
    """A piece of a line and how it is set."""

    text: str
    bold: bool = False
    mention: bool = False


class Page:
    """Sets text from above to below; `y` is where the next line begins, in pixels."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH / DPI, 40), dpi=DPI, facecolor="white")
        self._renderer: Any = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(4_000, 0))
        self.axes.axis("off")
        self._widths: dict[tuple[str, float, bool], float] = {}
        self.y = 16.0

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        key = text, size, bold
        if key not in self._widths:
            self._widths[key] = self._inked(f"{text}|", size, bold=bold) - self._inked("|", size, bold=bold)  # spaces at the end count too
        return self._widths[key]

    def _inked(self, text: str, size: float, *, bold: bool) -> float:
        made = Text(0, 0, text, fontsize=size, fontweight="bold" if bold else "normal", figure=self.figure, parse_math=False)
        return float(made.get_window_extent(self._renderer).width)

    def put(self, x: float, y: float, text: str, size: float, colour: str = INK, *, bold: bool = False) -> float:
        self.axes.text(x, y, text, fontsize=size, color=colour, fontweight="bold" if bold else "normal", va="center", parse_math=False)
        return self.width(text, size, bold=bold)

    def paragraph(self, text: str, x: float, right: float, size: float, colour: str = INK) -> None:
        """Words from left to right, broken where they do not fit."""
        for line in text.split("\n"):
            at = x
            if line[:1] in SIGNS:
                self.dot(at + 6, self.y + size * 0.75, SIGNS[line[0]])
                at, line = at + 18, line[1:].lstrip()  # noqa: PLW2901 -- the sign is drawn, the rest is set
            run, started = Word(""), at
            for word in _words(line):
                wide = self.width(run.text + word.text, size, bold=word.bold) if word[1:] == run[1:] else self.width(word.text, size, bold=word.bold)
                if word[1:] != run[1:]:
                    started += self._set(run, started, size, colour)
                    run = word._replace(text="")
                if started + wide > right and word.text.strip():
                    self._set(run, started, size, colour)
                    run, started, self.y = word._replace(text=""), x, self.y + size * 2.0
                run = run._replace(text=(run.text + word.text) if run.text or started > x else word.text.lstrip())
            self._set(run, started, size, colour)
            self.y += size * 2.0

    def _set(self, run: Word, x: float, size: float, colour: str) -> float:
        """Neighbours of one style as one piece; how wide it is."""
        wide = self.width(run.text, size, bold=run.bold)
        if run.mention:
            self.box(x - 1, self.y, wide + 2, size * 1.6, "#e8f5fa", "none", 2)
        if run.text.strip():
            self.put(x, self.y + size * 0.8, run.text, size, LINK if run.mention else colour, bold=run.bold)
        return wide

    def dot(self, x: float, y: float, colour: str) -> None:
        self.axes.add_patch(Circle((x, y), 6, facecolor=colour, edgecolor="none"))

    def box(self, x: float, y: float, wide: float, high: float, face: str, edge: str, round_: float = 4) -> None:
        style = f"round,pad=0,rounding_size={round_}"
        self.axes.add_patch(FancyBboxPatch((x, y), wide, high, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=0.8))

    def save(self, path: Path) -> None:
        """As high as what was set."""
        high = self.y + 10
        self.figure.set_size_inches(WIDTH / DPI, high / DPI)
        self.axes.set_ylim(high, 0)
        inked = io.BytesIO()
        self.figure.savefig(inked, dpi=DPI * 1.5)
        Image.open(inked).convert("RGB").quantize(128, Image.Quantize.FASTOCTREE).save(path, optimize=True)


def _words(line: str) -> list[Word]:
    found = []
    for piece in _MARKED.split(line):
        if not piece:
            continue
        if piece.startswith(("<@", "<!")):
            found.append(Word(f"@{PEOPLE.get(piece[2:-1], piece[2:-1].rpartition('^')[2])}", mention=True))
        elif len(piece) > 2 and piece.startswith("*") and piece.endswith("*"):
            found += [Word(html.unescape(word), bold=True) for word in re.split(r"(\s+)", piece[1:-1]) if word]
        else:
            found.append(Word(html.unescape(piece)))
    return found
