"""Repeats are known by a digest of their identity, for 48 hours of arrival and up to a named number.

Identities lie in generations, in the order they came: a full one is sealed, saved once and dropped whole when it is old.
Exactness is promised inside the horizon; a record whose own time is beyond it counts and is marked `unchecked`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from struct import Struct as Layout
from typing import Final

from msgspec import Struct, field

HORIZON_MS: Final = 48 * 3600 * 1000
GENERATION_IDS: Final = 16_384  # 17 bytes each: a sealed part stays under 512 KiB
REPEATS_MAX: Final = 1_000_000  # per partition
DIGEST_BYTES: Final = 16
_rows: Final = Layout(f"{DIGEST_BYTES}sB").iter_unpack  # in C: a restarted worker learns a million of them before it reads on
_HEAD: Final = 8
_BASE: Final = blake2b(digest_size=DIGEST_BYTES, person=b"spendwarden.id.1")


def identity(tenant: str, kind: str, source: str, id: str) -> bytes:  # noqa: A002 -- the contract's word
    """128 bits that stand for a record's identity.

    >>> identity("a", "usage", "", "1") == identity("a", "usage", "", "1") != identity("a", "outcome", "", "1")
    True
    """
    digest = _BASE.copy()  # half the time of beginning anew
    digest.update(f"{tenant}\0{kind}\0{source}\0{id}".encode())
    return digest.digest()


def identities(packed: bytes) -> Iterator[bytes]:
    """The digests in packed bytes, in their order."""
    return (digest for digest, _ in _rows(memoryview(packed)[_HEAD:]))


class Generation(Struct):
    """Some thousand identities that arrived one after the other, the last of them at `until_ms`, as they are saved: sealed for ever."""

    serial: int
    until_ms: int
    packed: bytes

    def identities(self) -> Iterator[bytes]:
        """Each digest again."""
        return identities(self.packed)


class Repeats(Struct):
    """What has been heard: identity -> a check byte of its content, so that other content under it shows."""

    known: dict[bytes, int] = field(default_factory=dict)
    sealed: list[Generation] = field(default_factory=list)
    serial: int = 0
    open: list[bytes] = field(default_factory=list)
    open_until_ms: int = 0

    def remember(self, digest: bytes, check: int, arrival_ms: int) -> None:
        """Adds a new identity; the caller has looked that it is not known."""
        self.known[digest] = check
        self.open.append(digest)
        self.open_until_ms = arrival_ms
        if len(self.open) >= GENERATION_IDS:
            self.sealed.append(Generation(self.serial, arrival_ms, self.pack_open()))
            self.serial += 1
            self.open = []

    def forget(self, arrival_ms: int) -> int:
        """Drops generations beyond the horizon, and the oldest ones beyond REPEATS_MAX; returns how many of the latter ids."""
        early = 0
        while self.sealed and (self.sealed[0].until_ms < arrival_ms - HORIZON_MS or len(self.known) > REPEATS_MAX):
            oldest = self.sealed.pop(0)
            count = 0
            for digest in oldest.identities():
                self.known.pop(digest, None)
                count += 1
            early += count if oldest.until_ms >= arrival_ms - HORIZON_MS else 0
        return early

    def pack_open(self) -> bytes:
        """The generation that still grows, as bytes: its last arrival, then digest and check byte of each identity."""
        return self.open_until_ms.to_bytes(_HEAD, "big", signed=True) + b"".join(d + bytes((self.known[d],)) for d in self.open)

    def learn(self, packed: bytes) -> None:
        """Knows the identities of packed bytes again. Raises `struct.error` where one is cut off."""
        self.known.update(_rows(memoryview(packed)[_HEAD:]))
