"""`spendwarden plot`: a picture of what a scope spent, what is usual for it, what was told and stopped, and why."""

from __future__ import annotations

import re
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from service.books import CELL_KINDS, MEMBER_KINDS, Span, SpendQuestion
from service.cli.books import Data, Database, books_of
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.pictures import checked, scope_or_fail, write
from service.facts import Scope
from service.log.ports import LogError
from service.phrases import called, shown
from service.records import DEFAULT_TENANT

if TYPE_CHECKING:
    from service.ledger import Ledger

NAMED_MAX: Final = 5

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden plot agent:indexer --data ./data",
        "spendwarden plot total --data ./data --from 2026-11-01T00:00:00Z --out november.png",
        "spendwarden explain inc-0fc5c13fbc6c6368371f --data ./data --plot incident.svg",
        "spendwarden replay calls.jsonl --plot runaway.svg",
    )
)
def command(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="kind:name such as agent:indexer, use_case:kyc, label.team:core; or total.")],
    *,
    data: Data = None,
    database: Database = None,
    tenant: Annotated[str, typer.Option(help="Whose scope it is.")] = DEFAULT_TENANT,
    since: Annotated[str, typer.Option("--from", help="Begin here: RFC 3339 with an offset, or Unix seconds. Without it the last day.")] = "",
    until: Annotated[str, typer.Option("--to", help="End here. Without it where the books end.")] = "",
    out: Annotated[Path | None, typer.Option(help="The picture, by its ending .png or .svg; without it named after the scope.")] = None,
) -> None:
    """Draw what a scope spent, the range that is usual for it, its alerts, what was paused and proved, and why it cost more.

    Without --from it goes back far enough to show the newest incident, if that is of the last week. Up to 36 hours are shown by ten minutes, more
    by the hour or the day. The sentence that is printed says the same as the picture.
    """
    whose = scope_or_fail("SCOPE", scope)
    asked = _span(since, until)
    path = checked(out or Path(f"{re.sub(r'[^a-zA-Z0-9._-]+', '-', scope)}.svg"))
    with closing(books_of(data, database, instead="; a file of records is drawn by `spendwarden replay FILE --plot OUT`")) as books:
        from service.plots import NothingSpentError, of_scope  # noqa: PLC0415 -- the folds are slow to import

        try:
            write(path, of_scope(books, tenant, whose, asked))
        except NothingSpentError:
            _unknown(books, tenant, whose)
        except LogError as failed:
            fail(str(failed))


def _span(since: str, until: str) -> Span:
    """As the API reads `from` and `to`."""
    if not since and not until:
        return Span()
    from service.api.problems import Problem  # noqa: PLC0415 -- the whole door is slow to import
    from service.api.queries import span_of  # noqa: PLC0415

    try:
        return span_of(since, until)
    except Problem as wrong:
        fail(f"--{wrong.field}: {wrong.detail} {wrong.fix}", USAGE)


def _unknown(books: Ledger, tenant: str, scope: Scope) -> NoReturn:
    names: list[str] = []
    if scope.kind in (*CELL_KINDS, *MEMBER_KINDS):
        names = [name for name in books.spend(SpendQuestion(tenant, by=scope.kind)).by if name]
    near = get_close_matches(scope.name, names, NAMED_MAX, 0.5) or names[:NAMED_MAX]
    others = f"; there is {', '.join(shown(f'{scope.kind}:{name}') for name in near)}" if near else ""
    fail(f"the books hold no spend of {called(scope)}{others}")
