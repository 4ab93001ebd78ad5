"""The courier's memory in a store of snapshots, for shells whose couriers move from process to process.

Each parcel, each scope's greatest sequence, what couriers keep, and the offsets read up to are a value of their own; the offsets are written last, as the
manifest, so whatever was to be remembered with them is. A crash in between takes the same rows again and knows their parcels.

The manifest lies under its courier's own nonce, and whoever takes over puts its own there and deletes the others: a courier that slept
through that sees a stranger's and ends, before it sends again what has been sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from service.couriers.deliveries import ENDED_KEPT_MS, TOLD_KEPT_MS, Sequences
from service.couriers.parcel import Parcel
from service.facts import Notice, Order, Scope, encode
from service.log.ports import MANIFEST, LogError, SnapshotKey, Snapshots

PARCEL: Final = "parcel"
SEQUENCE: Final = "sequence"
TOLD: Final = "told"
LOOK_EVERY_MS: Final = 500


class Kept(Struct, array_like=True):
    """A parcel as it is written; of one that has ended only the time stays."""

    id: str
    receiver: str
    place: int
    taken_ms: int
    attempts: int
    next_ms: int
    item: Order | Notice | None
    ended_ms: int = 0


class Seen(Struct, array_like=True):
    """The greatest sequence of a scope, and when its orders are over."""

    tenant: str
    scope: Scope
    sequence: int
    over_ms: int


class Told(Struct, array_like=True):
    """What a courier keeps about something it told."""

    receiver: str
    about: str
    kept_ms: int
    value: bytes


class KeptDeliveries:
    """See Deliveries. `owner` names the courier in the store, as `courier-0`; `nonce` is this one's own. Raises LogError where the store does.

    Any number of tasks may use it at once; the store is asked by one of them at a time.
    """

    def __init__(self, owner: str, snapshots: Snapshots, nonce: int) -> None:
        self._owner, self._snapshots = owner, snapshots
        self._own = SnapshotKey(0, nonce, MANIFEST, 0)
        self._lock = asyncio.Lock()
        self._looked_ms = 0
        self._parcels: dict[tuple[str, str], Kept] | None = None
        self._seen: Sequences = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._offsets: dict[int, int] = {}
        self._place = 0

    async def offset(self, partition: int) -> int | None:
        """See Deliveries."""
        async with self._lock:
            await self._all()
            return self._offsets.get(partition)

    async def confirm(self, now_ms: int) -> None:
        """See Deliveries. Looks every LOOK_EVERY_MS, so a courier whose lease went to another while it was awake may send for so long."""
        async with self._lock:
            await self._all()
            if not 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS:
                if any(key.name == MANIFEST and key != self._own for key in await self._snapshots.keys(self._owner)):
                    raise LogError(f"{self._owner}: another courier has taken over")
                self._looked_ms = now_ms

    async def take(self, partition: int, offset: int, parcels: Sequence[Parcel], sequences: Sequences) -> list[Parcel]:
        """See Deliveries. The parcels returned have their place."""
        async with self._lock:
            known = await self._all()
            new = [parcel for parcel in {(p.item.id, p.receiver): p for p in parcels}.values() if (parcel.item.id, parcel.receiver) not in known]
            for parcel in new:
                self._place += 1
                parcel.place = self._place
                await self._put(_kept(parcel))
            for (tenant, scope), (sequence, over_ms) in sequences.items():
                self._seen[tenant, scope] = sequence, over_ms
                await self._write(_key(SEQUENCE, tenant, *scope), encode(Seen(tenant, scope, sequence, over_ms)))
            self._offsets[partition] = offset
            await self._manifest()
            return new

    async def waiting(self) -> list[Parcel]:
        """See Deliveries."""
        async with self._lock:
            kept = sorted((await self._all()).values(), key=lambda each: each.place)
        return [
            Parcel(receiver=k.receiver, item=k.item, place=k.place, taken_ms=k.taken_ms, attempts=k.attempts, next_ms=k.next_ms)
            for k in kept
            if k.item is not None
        ]

    async def sequences(self) -> Sequences:
        """See Deliveries."""
        async with self._lock:
            await self._all()
            return dict(self._seen)

    async def retried(self, parcel: Parcel) -> None:
        """See Deliveries."""
        async with self._lock:
            await self._put(_kept(parcel))
            await self._manifest()

    async def ended(self, parcel: Parcel, state: str, now_ms: int) -> None:  # noqa: ARG002 -- the receipt in the journal says how
        """See Deliveries. Its content is forgotten at once, its id after ENDED_KEPT_MS."""
        async with self._lock:
            await self._put(Kept(parcel.item.id, parcel.receiver, parcel.place, parcel.taken_ms, parcel.attempts, parcel.next_ms, None, now_ms))
            await self._manifest()

    async def kept(self, receiver: str, about: str) -> bytes | None:
        """See Deliveries."""
        async with self._lock:
            await self._all()
            told = self._told.get((receiver, about))
            return None if told is None else told.value

    async def keep(self, receiver: str, about: str, value: bytes, now_ms: int) -> None:
        """See Deliveries."""
        async with self._lock:
            await self._all()
            told = self._told[receiver, about] = Told(receiver, about, now_ms, value)
            await self._write(_key(TOLD, receiver, about), encode(told))
            await self._manifest()

    async def forget(self, now_ms: int) -> None:
        """See Deliveries."""
        async with self._lock:
            parcels = await self._all()
            ended = [key for key, kept in parcels.items() if kept.item is None and kept.ended_ms < now_ms - ENDED_KEPT_MS]
            over = [key for key, (_, over_ms) in self._seen.items() if over_ms < now_ms]
            old = [key for key, told in self._told.items() if told.kept_ms < now_ms - TOLD_KEPT_MS]
            for parcel in ended:
                del parcels[parcel]
            for scope in over:
                del self._seen[scope]
            for about in old:
                del self._told[about]
            names = [_key(PARCEL, *parcel) for parcel in ended] + [_key(SEQUENCE, tenant, *scope) for tenant, scope in over]
            await self._snapshots.delete(self._owner, names + [_key(TOLD, *about) for about in old])

    async def _put(self, kept: Kept) -> None:
        (await self._all())[kept.id, kept.receiver] = kept
        await self._write(_key(PARCEL, kept.id, kept.receiver), encode(kept))

    async def _manifest(self) -> None:
        await self._write(self._own, encode(self._offsets))

    async def _write(self, key: SnapshotKey, value: bytes) -> None:
        await self._snapshots.put(self._owner, key, value)

    async def _all(self) -> dict[tuple[str, str], Kept]:
        """Everything that is remembered, read once; from then on it is ours."""
        if self._parcels is None:
            parcels: dict[tuple[str, str], Kept] = {}
            keys = await self._snapshots.keys(self._owner)
            for key in keys:
                value = await self._snapshots.get(self._owner, key)
                if value is None:
                    continue
                if key.name == MANIFEST:
                    for partition, offset in msgspec.msgpack.decode(value, type=dict[int, int]).items():
                        self._offsets[partition] = max(offset, self._offsets.get(partition, 0))
                elif key.name.startswith(f"{PARCEL}\0"):
                    kept = msgspec.msgpack.decode(value, type=Kept)
                    parcels[kept.id, kept.receiver] = kept
                    self._place = max(self._place, kept.place)
                elif key.name.startswith(f"{TOLD}\0"):
                    told = msgspec.msgpack.decode(value, type=Told)
                    self._told[told.receiver, told.about] = told
                else:
                    seen = msgspec.msgpack.decode(value, type=Seen)
                    self._seen[seen.tenant, seen.scope] = seen.sequence, seen.over_ms
            self._parcels = parcels
            await self._manifest()
            await self._snapshots.delete(self._owner, [key for key in keys if key.name == MANIFEST and key != self._own])
        return self._parcels


def _key(*parts: str) -> SnapshotKey:
    return SnapshotKey(0, 0, "\0".join(parts), 0)


def _kept(parcel: Parcel) -> Kept:
    return Kept(parcel.item.id, parcel.receiver, parcel.place, parcel.taken_ms, parcel.attempts, parcel.next_ms, parcel.item)
