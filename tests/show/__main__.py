"""Plays one runaway before a stand-in Slack, Jira and orchestrator, and shows what each of them got; `--out DIR` keeps it as pictures.

    python -m tests.show
    python -m tests.show --out deploy

Everything but the three receivers is real: the service with its door, the couriers, the signed order and its proof by the spend.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType

from tests.show import jira, order, slack
from tests.show.play import Played, played

WIDTH: Final = 108


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.show", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a folder for jira.svg and pause.svg")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spendwarden-show-") as folder:
        told = asyncio.run(played(Path(folder)))
    for name, page in pages(told).items():
        console = Console(record=True, width=WIDTH)
        console.print(page)
        if asked.out is not None and name != "slack":  # `python -m tests.slack.picture` draws that one better
            drawn = console.export_svg(title=name.capitalize(), unique_id=name)
            (asked.out / f"{name}.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")  # loads nothing from outside


def pages(told: Played) -> dict[str, RenderableType]:
    """Each receiver's, by its name."""
    return {"slack": slack.page(told.slack), "jira": jira.page(told.jira), "pause": order.page(told.events, told.states)}


if __name__ == "__main__":
    main()
