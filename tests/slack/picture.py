"""A picture of what stands in a Slack channel, drawn from the very blocks that are posted: `python -m tests.slack.picture FILE.png`.

It shows what Slack shows (bold, mentions, fields in two columns, buttons), so that a message can be looked at without a workspace.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace as but

from service.facts import Act
from service.messages.slack import root as slack
from service.messages.slack.presses import Offers
from tests.core.episodes import LOOP, MINUTE_MS, PROVED
from tests.samples import NIGHT_MS, notice
from tests.slack.page import INK, LINK, SIGNS, WIDTH, Page

LEFT: Final = 62
RIGHT: Final = 20
GREY, LINE = "#616061", "#dddddd"
STYLES: Final = {"primary": ("#007a5a", "white"), "danger": ("#e01e5a", "white"), "": ("white", INK)}


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


def story(page: Page) -> None:
    """A loop is told, acknowledged, paused, and proved to have stopped; the root is as it stands in the end."""
    url, offers = "https://spend.example", Offers(orders=True, tickets=True)
    acts = [Act(NIGHT_MS + 5 * MINUTE_MS, "acknowledge", "slack:U024BE7LH")]
    proved = but(PROVED, state="acknowledged", revision=4, acts=acts)
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
