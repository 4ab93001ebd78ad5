"""A service's data folder as commands open it: the logs to read, the policy in force; a folder that is none is said so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.cli.failures import USAGE, fail
from service.folder import LEDGER, LOGS, partitions_of
from service.log.blocking import complete
from service.log.ports import LogError
from service.log.sqlite import SqliteLog
from service.policy import Policy, parse_dumped


@contextmanager
def opened(data: Path) -> Iterator[tuple[SqliteLog, int]]:
    """The logs of a folder that a service has run on, to be read, and the number of stream partitions; ends where there is none."""
    if not (data / LOGS).is_dir():
        fail(f"{data}: no data folder of a service; give the one that `spendwarden run --data` was started with", USAGE)
    try:
        partitions = partitions_of(data)
        if partitions is None:
            fail(f"{data}: no service has been started on it yet")
        log = SqliteLog(data / LOGS, _never)
        try:
            yield log, partitions
        finally:
            log.close()
    except LogError as failed:
        fail(str(failed))


def books_url(data: Path) -> str:
    """The address of a folder's books; ends where there are none."""
    if not (data / LEDGER).is_file():
        fail(f"{data}: there are no books; give the folder that `spendwarden run --data` was started with", USAGE)
    return f"sqlite:///{data / LEDGER}"


def published(data: Path) -> Policy:
    """The policy that was published last in that folder."""
    from service.engine.published import newest_policy  # noqa: PLC0415 -- the whole service is slow to import

    with opened(data) as (log, _):
        newest = complete(newest_policy(log))
    return parse_dumped(newest.body) if newest is not None else Policy()


def _never() -> int:
    raise AssertionError("who only reads stamps nothing")
