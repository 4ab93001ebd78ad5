"""Repeats are known by a digest of their identity, for 48 hours of arrival and up to a named number.

Identities lie in generations, in the order they came: a full one is sealed, saved once and dropped whole when it is old.
Exactness is promised inside the horizon; a record whose own time is beyond it counts and is marked `unchecked`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from msgspec import Struct, field

HORIZON_MS: Final = 48 * 3600 * 1000
GENERATION_IDS: Final = 16_384  # 17 bytes each: a sealed part stays under 512 KiB
REPEATS_MAX: Final = 1_000_000  # per partition
DIGEST_BYTES: Final = 16
_ROW: Final = DIGEST_BYTES + 1
_PERSON: Final = b"spendwarden.id.1"


def identity(tenant: str, kind: str, source: str, id: str) -> bytes:  # noqa: A002 -- the contract's word
    """128 bits that stand for a record's identity.

    >>> identity("a", "usage", "", "1") == identity("a", "usage", "", "1") != identity("a", "outcome", "", "1")
    True
    """
    return blake2b(f"{tenant}\0{kind}\0{source}\0{id}".encode(), digest_size=DIGEST_BYTES, person=_PERSON).digest()


class Generation(Struct):
    """Some thousand identities that arrived one after the other, the last of them at `until_ms`."""

    serial: int
    until_ms: int = 0
    ids: list[bytes] = field(default_factory=list)


class Repeats(Struct):
    """What has been heard: identity -> a check byte of its content, so that other content under it shows."""

    known: dict[bytes, int] = field(default_factory=dict)
    sealed: list[Generation] = field(default_factory=list)
    open: Generation = field(default_factory=lambda: Generation(0))

    def remember(self, digest: bytes, check: int, arrival_ms: int) -> None:
        """Adds a new identity; the caller has looked that it is not known."""
        self.known[digest] = check
        newest = self.open
        newest.ids.append(digest)
        newest.until_ms = arrival_ms
        if len(newest.ids) >= GENERATION_IDS:
            self.sealed.append(newest)
            self.open = Generation(newest.serial + 1)

    def forget(self, arrival_ms: int) -> int:
        """Drops generations beyond the horizon, and the oldest ones beyond REPEATS_MAX; returns how many of the latter ids."""
        early = 0
        while self.sealed and (self.sealed[0].until_ms < arrival_ms - HORIZON_MS or len(self.known) > REPEATS_MAX):
            oldest = self.sealed.pop(0)
            early += len(oldest.ids) if oldest.until_ms >= arrival_ms - HORIZON_MS else 0
            for digest in oldest.ids:
                self.known.pop(digest, None)
        return early

    def pack(self, generation: Generation) -> bytes:
        """A generation as bytes: until_ms, then digest and check byte of each identity."""
        rows = b"".join(digest + bytes((self.known[digest],)) for digest in generation.ids)
        return generation.until_ms.to_bytes(8, "big", signed=True) + rows

    def unpack(self, serial: int, raw: bytes) -> Generation:
        """The reverse of `pack`, into this state's memory."""
        generation = Generation(serial, int.from_bytes(raw[:8], "big", signed=True))
        for at in range(8, len(raw), _ROW):
            digest = raw[at : at + DIGEST_BYTES]
            generation.ids.append(digest)
            self.known[digest] = raw[at + DIGEST_BYTES]
        return generation
