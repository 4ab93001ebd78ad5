"""The books as commands open them: those of a data folder, or the database of a service on Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from service.cli.cluster import database_or_fail
from service.cli.failures import USAGE, fail
from service.cli.folder import books_url
from service.log.ports import LogError

if TYPE_CHECKING:
    from service.ledger import Ledger

Data: TypeAlias = Annotated[Path | None, typer.Option(envvar="SPENDWARDEN_DATA", help="A service's data folder; it may run meanwhile.")]
Database: TypeAlias = Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="The database of `serve`, instead of a folder.")]


def books_of(data: Path | None, database: str | None, *, instead: str = "") -> Ledger:
    """Of the one that is given; where none is, `instead` says what else the command takes."""
    from service.ledger import Ledger  # noqa: PLC0415 -- help needs no database

    if database is not None:
        database_or_fail(database)
    elif data is not None:
        database = books_url(data)
    else:
        fail(f"give --data DIR or --database URL{instead}", USAGE)
    try:
        return Ledger(database)
    except LogError as failed:
        fail(str(failed))
