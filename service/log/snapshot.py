"""One consistent snapshot out of puts that are atomic only one by one.

A snapshot is its parts, each under its writer's own epoch (a number above all that were seen, and a nonce, so two writers never
share a key), then a manifest that names them; the first of an epoch is whole and refers to no older one. Only behind its
manifest does a writer delete: its own parts that are named no more and, once, the epochs before its own. So a crash in the
middle, or a writer that wakes up late, leaves rubbish or an older snapshot that is whole. Parts of two offsets never mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from service.log.ports import MANIFEST, LogError, SnapshotKey, Snapshots

PART_BYTES_MAX: Final = 512 * 1024
SCANS_MAX: Final = 8


class Manifest(Struct, array_like=True):
    """What one snapshot consists of: the offset to read on from and, by name, the offset under which each part was put."""

    version: int
    offset: int
    parts: dict[str, int]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Manifest).decode


class Newest(NamedTuple):
    """The newest snapshot that was ever finished, with its parts, or `parts` None; `epoch` is free for the next writer."""

    epoch: int
    version: int
    offset: int
    parts: dict[str, bytes] | None


async def newest(owner: str, snapshots: Snapshots) -> Newest:
    """Reads the snapshot of the highest epoch and, in it, of the greatest offset; again from the start when a part has gone meanwhile.

    Raises LogError when that happens SCANS_MAX times: the parts are not being replaced, they are lost.
    """
    missing: list[str] = []
    for _ in range(SCANS_MAX):
        keys = await snapshots.keys(owner)
        epoch = 1 + max((key.epoch for key in keys), default=0)
        manifests = [(key, await snapshots.get(owner, key)) for key in keys if key.name == MANIFEST]
        if not manifests:
            return Newest(epoch, 0, 0, None)
        read = [(key, _decode(value)) for key, value in manifests if value is not None]
        if not read:
            continue
        key, manifest = max(read, key=lambda each: (each[0].epoch, each[1].offset))
        found = {part: await snapshots.get(owner, SnapshotKey(key.epoch, key.nonce, part, at)) for part, at in manifest.parts.items()}
        parts = {part: value for part, value in found.items() if value is not None}
        if len(parts) == len(found):
            return Newest(epoch, manifest.version, manifest.offset, parts)
        missing = sorted(found.keys() - parts.keys())
    raise LogError(f"{owner}: the newest snapshot misses {', '.join(missing[:3]) or 'its manifest'} in each of {SCANS_MAX} scans")


@dataclass(slots=True)
class Writer:
    """Writes the snapshots of one epoch of `owner`."""

    owner: str
    snapshots: Snapshots
    epoch: int
    nonce: int
    _named: dict[str, tuple[SnapshotKey, tuple[int, int]]] = field(default_factory=dict)
    _cleared: bool = False

    async def write(self, version: int, offset: int, parts: Mapping[str, bytes]) -> None:
        """Puts the parts that changed, then the manifest, then deletes what that replaced; raises LogError."""
        replaced = [self._named.pop(part)[0] for part in self._named.keys() - parts.keys()]
        for part, value in parts.items():
            replaced += await self._put(SnapshotKey(self.epoch, self.nonce, part, offset), value)
        manifest = Manifest(version, offset, {part: key.offset for part, (key, _) in self._named.items()})
        await self.snapshots.put(self.owner, SnapshotKey(self.epoch, self.nonce, MANIFEST, 0), _encode(manifest))
        if not self._cleared:
            replaced += [key for key in await self.snapshots.keys(self.owner) if key.epoch < self.epoch]
        await self.snapshots.delete(self.owner, replaced)
        self._cleared = True

    async def _put(self, key: SnapshotKey, value: bytes) -> list[SnapshotKey]:
        """Puts a part unless it is what was put last; returns the key that it replaces, if any.

        Values are told apart by length and `hash`: 64 bits under a key of this process, which a bytes object remembers, so that
        a part handed over again costs nothing.
        """
        assert key.name != MANIFEST, "that name is taken"
        assert len(value) <= PART_BYTES_MAX, f"{self.owner}: part {key.name} has {len(value)} bytes, the most is {PART_BYTES_MAX}"
        before, fingerprint = self._named.get(key.name), (len(value), hash(value))
        if before and before[1] == fingerprint:
            return []
        await self.snapshots.put(self.owner, key, value)
        self._named[key.name] = (key, fingerprint)
        return [before[0]] if before and before[0] != key else []
