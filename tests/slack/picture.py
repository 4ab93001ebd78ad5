"""A picture of what stands in a Slack channel, drawn from the very blocks that are posted: `python -m tests.slack.picture FILE.png`.

It shows what Slack shows (bold, mentions, fields in two columns, buttons), so that a message can be looked at without a workspace.
"""

from __future__ import annotations

import html
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.text import Text
from msgspec.structs import replace as but
from PIL import Image

from service.facts import Act
from service.messages.slack import root as slack
from service.messages.slack.presses import Offers
from tests.core.episodes import LOOP, MINUTE_MS, PROVED
from tests.samples import NIGHT_MS, notice

WIDTH: Final = 760
LEFT: Final = 62
RIGHT: Final = 20
DPI: Final = 100
INK, GREY, LINE, LINK = "#1d1c1d", "#616061", "#dddddd", "#1264a3"
SIGNS: Final = {"🔴": "#d72b3f", "🟠": "#e8912d", "🔵": "#1d7fd1", "✅": "#2b9a66"}
PEOPLE: Final = {"U024BE7LH": "maria", "U0G9QF9C6": "li", "U0OWNER000": "search-oncall"}
STYLES: Final = {"primary": ("#007a5a", "white"), "danger": ("#e01e5a", "white"), "": ("white", INK)}
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


def message(page: Page, said: dict[str, Any], time: str, *, left: float = LEFT, size: float = 10) -> None:
    """A message with its sender."""
    page.box(left - 44, page.y, 34, 34, "#274c77", "none", 5)
    page.put(left - 38, page.y + 17, "SW", 10, "white", bold=True)
    at = left + page.put(left, page.y + 8, "Spendwarden", size, bold=True) + 8
    page.box(at, page.y + 1, 30, 14, "#dddddd", "none", 2)
    page.put(at + 4, page.y + 8, "APP", 7, GREY, bold=True)
    page.put(at + 38, page.y + 8, time, 8, GREY)
    page.y += 24
    for block in said["blocks"]:
        _block(page, block, left, size)
    page.y += 8


def _block(page: Page, block: dict[str, Any], left: float, size: float) -> None:
    right = WIDTH - RIGHT
    match block["type"]:
        case "header":
            page.paragraph("".join(_bolded(block["text"]["text"])), left, right, size * 1.25)
            page.y += 2
        case "section" if "fields" in block:
            _fields(page, [each["text"] for each in block["fields"]], left, size)
        case "section":
            page.paragraph(block["text"]["text"], left, right, size)
            page.y += 6
        case "context":
            for each in block["elements"]:
                page.paragraph(each["text"], left, right, size * 0.8, GREY)
            page.y += 4
        case "actions":
            _buttons(page, block["elements"], left, size)
        case unknown:
            raise AssertionError(unknown)


def _bolded(text: str) -> tuple[str, ...]:
    """A header is bold as a whole, but for its sign."""
    return (text[0], f" *{text[1:].strip()}*") if text[:1] in SIGNS else (f"*{text}*",)


def _fields(page: Page, fields: Sequence[str], left: float, size: float) -> None:
    middle = left + (WIDTH - RIGHT - left) / 2
    for at in range(0, len(fields), 2):
        top, bottoms = page.y, []
        for x, text in zip((left, middle), fields[at : at + 2], strict=False):
            page.y = top
            page.paragraph(text, x, x + (WIDTH - RIGHT - left) / 2 - 14, size)
            bottoms.append(page.y)
        page.y = max(bottoms) + 4
    page.y += 2


def _buttons(page: Page, elements: Sequence[dict[str, Any]], left: float, size: float) -> None:
    at, high = left, size * 2.6
    for each in elements:
        face, ink = STYLES[each.get("style", "")]
        label = html.unescape(each["text"]["text"] if "text" in each else f"{each['placeholder']['text']}  ▾")
        wide = page.width(label, size, bold=True) + 22
        if at + wide > WIDTH - RIGHT:
            at, page.y = left, page.y + high + 8
        page.box(at, page.y, wide, high, face, LINE if face == "white" else "none")
        page.put(at + 11, page.y + high / 2, label, size, ink, bold=True)
        at += wide + 8
    page.y += high + 8


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


def story(page: Page) -> None:
    """A loop is told, acknowledged, paused, and proved to have stopped; the root is as it stands in the end."""
    url, offers = "https://spend.example", Offers(orders=True, tickets=True)
    acts = [Act(NIGHT_MS + 5 * MINUTE_MS, "acknowledge", "slack:U024BE7LH")]
    proved = but(PROVED, cause=LOOP.cause, state="acknowledged", revision=4, acts=acts)
    message(page, slack.root(proved, url, offers), "02:18")
    page.put(LEFT, page.y + 6, "2 replies", 9, LINK, bold=True)
    page.y += 24
    known = but(LOOP, state="acknowledged", time_ms=acts[0].time_ms, acts=acts)
    for told, time in ((notice(known, "acknowledged"), "02:19"), (notice(proved, "effective"), "02:20")):
        message(page, slack.reply(told, url), time, left=LEFT + 56, size=9)


if __name__ == "__main__":
    drawn = Page()
    story(drawn)
    drawn.save(Path(sys.argv[1]))
