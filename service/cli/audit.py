"""`spendwarden audit`: whether the chain of who did what is whole, and what it says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.audit.verify import Verification, told
from service.books import PAGE_MAX, ListQuestion
from service.cli import audit_file, cluster
from service.cli.books import Data, Database, books_of
from service.cli.examples import examples
from service.cli.failures import FAILED, USAGE, fail
from service.cli.folder import opened
from service.facts import Audited
from service.log.ports import OUTBOX, Log, LogError
from service.replay.outbox import decided

if TYPE_CHECKING:
    from service.ledger import Ledger

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Who asked, approved, ordered and stopped what: verify the chain, or read it.",
    epilog=examples("spendwarden audit verify --data ./data", "spendwarden audit show --data ./data"),
)


@app.callback()
def root() -> None:
    """Who asked, approved, ordered and stopped what."""


@app.command(
    epilog=examples(
        "spendwarden audit verify --data ./data",
        "spendwarden export --what audit --data ./data --out audit.jsonl.gz && spendwarden audit verify audit.jsonl.gz",
        "spendwarden audit verify --data ./data --head 3f0c... --repeat",
    )
)
def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="What `spendwarden export --what audit` wrote, plain or .gz.")] = None,
    *,
    data: Data = None,
    database: Database = None,
    brokers: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_BROKERS", help="With --database: compare with the outbox there.")] = None,
    partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_PARTITIONS", min=1, max=1024, help="With --brokers: as `topics` was told.")] = 12,
    journal_partitions: Annotated[int, typer.Option(envvar="SPENDWARDEN_JOURNAL_PARTITIONS", min=1, max=1024, help="The same.")] = 1,
    head: Annotated[list[str] | None, typer.Option(help="A digest that was told earlier, by a metric or an export: it must be in a chain.")] = None,
    repeat: Annotated[bool, typer.Option("--repeat", help="With --data: fold the whole journal again, and compare what it decides.")] = False,
) -> None:
    """Work out every digest again and say of each chain whether it is whole, or which entry is the first that does not fit; then the exit code is 1.

    Entries are also compared with the outbox, as far back as it is kept. Somebody who can write to everything could forge a chain whole:
    digests that were noted elsewhere show that. `/metrics` tells the head of each chain, and so does this.
    """
    data = data if database is None else None
    if repeat and (file is not None or data is None):
        fail("--repeat needs --data DIR, where the journal is", USAGE)
    seen = Verification()
    try:
        if file is not None:
            audit_file.hear(file, seen)
        else:
            with closing(books_of(data, database, instead=", or what `spendwarden export --what audit` wrote")) as books:
                for kept in books.whole_audit():
                    seen.hear(*kept)
                asyncio.run(_compare(seen, books, data, brokers, (partitions, journal_partitions)))
                if repeat and data is not None:
                    _repeat(seen, books, data)
    except LogError as failed:
        fail(str(failed))
    _end(seen, head or [])


def _end(seen: Verification, heads: list[str]) -> None:
    """Prints what was found."""
    lost = [digest for digest in heads if not seen.holds(digest)]
    for line in told(seen):
        sys.stdout.write(f"{line}\n")
    for digest in lost:
        sys.stdout.write(f"BROKEN no entry that fits has the digest {digest}: the chain was forged since it was told, or is another's\n")
    if not seen.chains:
        sys.stdout.write("the audit is empty: nobody has asked for anything, nothing was ordered, and no policy was published\n")
    if lost or seen.breaks:
        raise typer.Exit(FAILED)


async def _compare(seen: Verification, books: Ledger, data: Path | None, brokers: str | None, partitions: tuple[int, int]) -> None:
    """With the outbox, up to where the books have come with it."""
    if brokers is not None:
        async with cluster.opened(cluster.kafka(brokers), partitions) as log:
            await _agree(seen, books, log, partitions[1])
    elif data is not None:
        with opened(data) as (folder, _):
            await _agree(seen, books, folder, 1)


async def _agree(seen: Verification, books: Ledger, log: Log, journals: int) -> None:
    for partition in range(journals):
        async for entry in _entries(log, partition, books.next_offset(OUTBOX, partition)):
            seen.agrees(entry, "the outbox")


async def _entries(log: Log, partition: int, before: int) -> AsyncIterator[Audited]:
    async for decisions in decided(log, partition, before):
        for decision in decisions:
            if isinstance(decision, Audited):
                yield decision


def _repeat(seen: Verification, books: Ledger, data: Path) -> None:
    """With what the journal decides, up to the row whose answer was booked last."""
    from service.cli.journal import source  # noqa: PLC0415 -- the folds are slow to import
    from service.replay.journal import Repetition  # noqa: PLC0415

    answered = books.answered(0)
    with source(data) as (rows, stream_partitions, _):
        repetition = Repetition(stream_partitions)
        for partition, piece in rows:
            for decision in repetition.hear(partition, [row for row in piece if row.offset <= answered]):
                if isinstance(decision, Audited):
                    seen.agrees(decision, "the journal, folded again,")


@app.command(epilog=examples("spendwarden audit show --data ./data --tenant acme --last 20"))
def show(
    *,
    data: Data = None,
    database: Database = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant, with the policies; without it of all.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many of the newest entries.")] = 50,
) -> None:
    """List who did what, the oldest first."""
    from service.cli.audit_page import page  # noqa: PLC0415 -- rich is not needed elsewhere

    entries, asked = list[Audited](), ListQuestion(tenant)
    try:
        with closing(books_of(data, database)) as books:
            while len(entries) < last:
                found = books.audit(asked._replace(limit=min(PAGE_MAX, last - len(entries))))
                entries += found.items
                if not found.next_cursor:
                    break
                asked = asked._replace(cursor=found.next_cursor)
    except LogError as failed:
        fail(str(failed))
    page(entries[::-1])
