"""Pictures as commands write them: a file that says by its ending what it is, and one sentence that says what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from service.books import PAGE_MAX, Books, ListQuestion
from service.cli.failures import USAGE, fail
from service.cli.scopes import scope_from
from service.facts import TOTAL, Incident, Scope
from service.phrases import called
from service.records import DEFAULT_TENANT

if TYPE_CHECKING:
    from service.plots import Chart
    from service.replay.engine import Engine

FORMS: Final = ("png", "svg")


class Picture(NamedTuple):
    """What a replay draws; without a scope the incident that cost most."""

    path: Path
    scope: Scope | None


def checked(path: Path) -> Path:
    """A file that a picture can be written to; said before anything is read."""
    if path.suffix[1:].lower() not in FORMS:
        fail(f"{path}: a picture's name must end in {' or '.join(f'.{form}' for form in FORMS)}", USAGE)
    return path


def scope_or_fail(where: str, text: str) -> Scope:
    """A scope from the command line."""
    try:
        return scope_from(text)
    except ValueError as wrong:
        fail(f"{where} {text}: {wrong}", USAGE)


def picture_of(path: Path | None, scope: str | None) -> Picture | None:
    """From the options; None where none is asked for."""
    return None if path is None else Picture(checked(path), scope_or_fail("--scope", scope) if scope is not None else None)


def write(path: Path, chart: Chart, *, aside: bool = False) -> None:
    """The picture into its file, and its sentence on standard output; `aside`: on standard error, because a transcript goes there."""
    from service.plots import NoPlotsError, alt, drawn  # noqa: PLC0415 -- the folds are slow to import

    try:
        path.write_bytes(drawn(chart, path.suffix[1:].lower()))
    except NoPlotsError as missing:
        fail(str(missing))
    except OSError as failed:
        fail(f"{path}: {failed.strerror or failed}")
    typer.echo(f"{path}: {alt(chart)}", err=aside)


@contextmanager
def pictured(picture: Picture | None, engine: Engine) -> Iterator[None]:
    """Books what a replay says meanwhile, and draws it at the end."""
    if picture is None:
        yield
        return
    from service.replay.booked import booked  # noqa: PLC0415 -- a replay without a picture needs no database

    with booked(picture.scope) as kept:
        engine.listener = kept.hear
        yield
        kept.flush()
        write(picture.path, _chart(kept.books, list(engine.warden.tenants), picture.scope), aside=True)


def _chart(books: Books, tenants: list[str], scope: Scope | None) -> Chart:
    from service.plots import NothingSpentError, of_incident, of_scope  # noqa: PLC0415

    tenant = tenants[0] if len(tenants) == 1 else DEFAULT_TENANT
    dearest = max(_incidents(books), key=lambda it: it.excess_nanos, default=None) if scope is None else None
    if dearest is not None:
        return of_incident(books, dearest)
    try:
        return of_scope(books, tenant, scope or TOTAL)
    except NothingSpentError:
        fail(f"the files hold no spend of {called(scope or TOTAL)} of tenant {tenant}")


def _incidents(books: Books) -> Iterator[Incident]:
    """All of them, page by page."""
    cursor = ""
    while True:
        page = books.incidents(ListQuestion(limit=PAGE_MAX, cursor=cursor))
        yield from page.items
        cursor = page.next_cursor
        if not cursor:
            return
