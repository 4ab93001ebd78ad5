"""`spendwarden token`: who may send, read, act and answer. Only a digest is kept, so a token is shown this once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
import typer

from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.clock import now_ms
from service.records import rfc3339

if TYPE_CHECKING:
    from service.api.tokens import Tokens

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Create, list and revoke bearer tokens of a service.",
    epilog=examples(
        "spendwarden token create --role ingest --tenant acme --data ./data",
        "spendwarden token create --role operate --data ./data    (of every tenant)",
        "spendwarden token create --role read --database postgresql+psycopg://spendwarden@db/books",
        "spendwarden token list --data ./data",
        "spendwarden token revoke tok-5a0b61c2d4 --data ./data",
    ),
)
Data: TypeAlias = Annotated[Path, typer.Option(envvar="SPENDWARDEN_DATA", help="The service's data folder.")]
DATA = Path("spendwarden-data")
Database: TypeAlias = Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="The database of `serve`, instead of a folder.")]


class Role(StrEnum):
    """What a token allows."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    RECEIPT = "receipt"


@app.command(epilog=examples("spendwarden token create --role ingest --tenant acme --data ./data", "TOKEN=$(spendwarden token create --role read)"))
def create(
    role: Annotated[Role, typer.Option(help="ingest: send records; read: ask; operate: read and act; receipt: answer orders.")],
    tenant: Annotated[str | None, typer.Option(help="Its tenant, which overrides the records' own; without one every tenant.")] = None,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Create a token and print it, this once.

    It goes to standard output, its id to standard error. A running service knows it at once: send it as `Authorization: Bearer TOKEN`.
    """
    with _book(data, database) as book:
        try:
            name, token = book.create(role.value, tenant, now_ms())
        except ValueError as wrong:
            fail(f"--tenant: {wrong}", USAGE)
    sys.stderr.write(f"{name}: {role} for {tenant or 'every tenant'}; shown this once\n")
    sys.stdout.write(f"{token}\n")


@app.command("list", epilog=examples("spendwarden token list --data ./data", "spendwarden token list --json"))
def listing(data: Data = DATA, database: Database = None, *, json: Annotated[bool, typer.Option("--json", help="Print an array.")] = False) -> None:
    """List all tokens by their ids.

    A token itself is kept nowhere.
    """
    with _book(data, database, new=False) as book:
        rows = [{**row._asdict(), "created": rfc3339(row.created_ms), "revoked": row.revoked_ms and rfc3339(row.revoked_ms)} for row in book.all()]
    told = ("id", "role", "tenant", "created", "revoked")
    if json:
        sys.stdout.buffer.write(msgspec.json.encode([{key: row[key] for key in told} for row in rows]) + b"\n")
        return
    from rich.console import Console  # noqa: PLC0415

    from service.cli.tables import table  # noqa: PLC0415

    Console().print(table("Tokens", told, [[row[key] or ("every tenant" if key == "tenant" else "") for key in told] for row in rows]))


@app.command(epilog=examples("spendwarden token revoke tok-5a0b61c2d4 --data ./data"))
def revoke(name: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it.")], data: Data = DATA, database: Database = None) -> None:
    """Revoke a token.

    A running service no longer takes it after five seconds at most.
    """
    with _book(data, database, new=False) as book:
        if not book.revoke(name, now_ms()):
            fail(f"no token {name} is in force; `spendwarden token list` shows which are")
    sys.stderr.write(f"{name}: revoked\n")


@contextmanager
def _book(data: Path, database: str | None, *, new: bool = True) -> Iterator[Tokens]:
    """The tokens of a database, or of a data folder, which is made where there is none and a `new` one is welcome."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from service.bootstrap.embedded import tokens, tokens_of  # noqa: PLC0415

    if database is None and not new and not data.is_dir():
        fail(f"--data {data}: there is no such folder; the first start of the service makes it, and so does `token create`")
    try:
        book = tokens(data) if database is None else tokens_of(database)
        try:
            yield book
        finally:
            book.close()
    except (OSError, ImportError, ValueError, SQLAlchemyError) as failed:
        where = f"--data {data}" if database is None else "--database"
        fail(f"{where}: {getattr(failed, 'orig', None) or failed}")
