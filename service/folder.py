"""A data folder of the embedded service: what lies where in it, whose it is, and what is fixed for ever when it is made.

The number of stream partitions decides ids and the order of things, so it is written down once and never changes afterwards.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from service.log.ports import LogError

LOGS: Final = "log"
LEDGER: Final = "ledger.db"
TOKENS: Final = "tokens.db"
DELIVERIES: Final = "deliveries.db"
FIXED: Final = "folder.json"
LOCK: Final = "service.lock"
PARTITIONS: Final = 12


class Fixed(Struct, forbid_unknown_fields=False):
    """What was settled when the folder was made."""

    partitions: int


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """The folder, made where there is none, for this process alone: two that fold one log would decide twice.

    Raises LogError where it is no folder, or another process has it. The kernel holds the lock, so that a kill lets go of it; commands
    that read, and that write for a service to hear, do not ask for it.
    """
    lock = _lock(data)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            raise LogError(f"{data} is in use by another service (process {holder}); stop it, or start on another folder with --data") from None
        os.pwrite(lock, b"%-31d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(lock)


def _lock(data: Path) -> int:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except (FileExistsError, NotADirectoryError):
        raise LogError(f"{data} is not a folder; name one with --data: it is made where there is none") from None
    except OSError as broken:
        raise LogError(f"cannot use {data} as a data folder: {broken.strerror}; name one that may be written with --data") from broken


def partitions_of(data: Path) -> int | None:
    """How many partitions the stream of this folder has; None where that was never settled. Raises LogError for an unreadable folder."""
    path = data / FIXED
    try:
        return msgspec.json.decode(path.read_bytes(), type=Fixed).partitions
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as broken:
        raise LogError(f"cannot read {path}: {broken}; restore it from a backup: it holds the number of stream partitions") from broken


def settle(data: Path, partitions: int | None) -> int:
    """The folder's number, written down in a new one; None takes what is settled. Raises LogError where it is another one."""
    settled = partitions_of(data)
    if settled is None:
        settled = partitions or PARTITIONS
        _write(data / FIXED, msgspec.json.encode(Fixed(settled)) + b"\n")
    elif partitions not in (None, settled):
        raise LogError(f"{data} was made with {settled} stream partitions, which is fixed; start with --partitions {settled}, or on a new folder")
    return settled


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: written beside its place and moved there."""
    growing = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with growing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    except OSError as broken:
        raise LogError(f"cannot write {path}: {broken.strerror}") from broken
