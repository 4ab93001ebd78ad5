"""`spendwarden report`: a digest or a showback as it was told, and a picture of it."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from service.cli.books import Data, Database, books_of
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.pictures import checked, write
from service.facts import Notice, Report
from service.log.ports import LogError
from service.records import DEFAULT_TENANT

if TYPE_CHECKING:
    from service.ledger import Ledger

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Which(StrEnum):
    """The kinds of reports."""

    DIGEST = "digest"
    SHOWBACK = "showback"


@app.command(
    epilog=examples(
        "spendwarden report digest --data ./data",
        "spendwarden report showback --data ./data --owner 'KYC team' --day 2026-11-24 --plot week.svg",
    )
)
def command(
    kind: Annotated[Which, typer.Argument(metavar="digest|showback", help="Of a day, or of a week.")],
    *,
    data: Data = None,
    database: Database = None,
    tenant: Annotated[str, typer.Option(help="Whose.")] = DEFAULT_TENANT,
    owner: Annotated[str | None, typer.Option(help="One owner's, by its name; without it the one for everybody, or all owners' in turn.")] = None,
    day: Annotated[str, typer.Option(help="A day in it, as 2026-11-24; without it the newest.")] = "",
    plot: Annotated[Path | None, typer.Option(help="Draw it into this file too, .png or .svg; of several the first.")] = None,
) -> None:
    """Print a report as it was told to its receivers. The policy's `reports` say which there are; none is made up here."""
    path, wanted = checked(plot) if plot is not None else None, _day(day)
    from service.messages.build import of_notice  # noqa: PLC0415 -- the folds are slow to import
    from service.messages.message import plain  # noqa: PLC0415

    with closing(books_of(data, database)) as books:
        try:
            found = _told(books, kind, tenant, owner, wanted)
            if not found:
                fail(f"no {kind} was told{f' of {day}' if day else ' yet'}; `reports` in the policy asks for them, from the next period on")
            for notice, _ in found:
                sys.stdout.write(plain(of_notice(notice, "")) + "\n")
            if path is not None:
                from service.plots import of_report  # noqa: PLC0415

                write(path, of_report(books, *found[0]))
        except LogError as failed:
            fail(str(failed))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail(f"--day {text}: must be a day such as 2026-11-24", USAGE)


def _told(books: Ledger, kind: Which, tenant: str, owner: str | None, wanted: date | None) -> list[tuple[Notice, Report]]:
    """Of one period, each once, whoever was told; the owners' in the order of their names."""
    found: dict[str, tuple[Notice, Report]] = {}
    start_ms: int | None = None
    for notice in books.reports(tenant):
        report = notice.report
        if report is None or report.kind != kind or owner not in (None, report.owner) or not _holds(report, wanted):
            continue
        start_ms = report.start_ms if start_ms is None else start_ms
        if report.start_ms != start_ms:
            break
        found.setdefault(notice.incident, (notice, report))
    return sorted(found.values(), key=lambda each: each[1].owner or "")


def _holds(report: Report, wanted: date | None) -> bool:
    if wanted is None:
        return True
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(report.timezone)).date() for ms in (report.start_ms, report.end_ms - 1))
    return first <= wanted <= last
