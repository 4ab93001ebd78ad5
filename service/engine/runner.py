"""One owner of one partition: restore, read, fold, append, sometimes save.

Law of this file, proved by `tests/simulation`: an owner may die at any single write, and an old owner may sleep through a
hand-over and write on; what is heard and decided stays the same. Facts are durably appended before the snapshot that covers
them, so a snapshot never knows more than the log was told. Whoever is hindered in the middle ends; the caller begins anew with
`Owner.restore`, and nothing is skipped or tried again here. The shells give the clock and the nonce.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from service.facts import PolicySet, Tick, encode
from service.log import snapshot
from service.log.ports import Log, Row, Snapshots

SAVE_EVERY_MS: Final = 10_000
SAVE_EVERY_ROWS: Final = 100_000

State = TypeVar("State")


class OwnerError(Exception):
    """The partition cannot go on by itself: a person must look. A LogError, in contrast, may be over when the owner is restored."""


class Fold(Protocol[State]):
    """A pure fold, as its owner needs it. It may change `state` in place: an owner that fails in the middle is never asked again."""

    @property
    def kind(self) -> str:
        """`meter` or `warden`; an owner's snapshots are kept under `kind-partition`."""
        ...

    @property
    def version(self) -> int:
        """Of what `dump` writes; `load` reads this and every earlier one. At least 1."""
        ...

    @property
    def source(self) -> str:
        """The topic it reads."""
        ...

    @property
    def sink(self) -> str:
        """The topic it speaks to."""
        ...

    def empty(self, partition: int) -> State:
        """The state before offset 0."""
        ...

    def decode(self, raw: bytes) -> Any:
        """A row of the source; raises ValueError or LookupError on what never was one."""
        ...

    def fold(self, state: State, items: Iterable[tuple[int, int, Any]]) -> Sequence[tuple[int, bytes]]:
        """Takes (offset, arrival_ms, item) in order, each once, and says (partition of the sink, row); how items are batched changes nothing."""
        ...

    def dump(self, state: State) -> Mapping[str, bytes]:
        """The state as named parts of at most 512 KiB; one that has not changed is best the very same object."""
        ...

    def load(self, parts: Mapping[str, bytes], partition: int) -> State:
        """The state that was dumped."""
        ...

    def policy_version(self, state: State) -> int:
        """The version of the newest policy the state has heard of; 0 when none."""
        ...


class Restored(NamedTuple, Generic[State]):
    """The newest snapshot as a state, the offset to read on from, and an epoch that is free for a writer."""

    epoch: int
    state: State
    offset: int


def name_of(fold: Fold[Any], partition: int) -> str:
    """Under which its snapshots are kept."""
    return f"{fold.kind}-{partition}"


async def restored(fold: Fold[State], partition: int, log: Log, snapshots: Snapshots) -> Restored[State]:
    """Only reads. Raises OwnerError where the partition cannot be carried on, LogError where it cannot be read now."""
    name = name_of(fold, partition)
    found = await snapshot.newest(name, snapshots)
    first, end = await log.span(fold.source, partition)
    if found.version > fold.version:
        raise OwnerError(f"{name}: its snapshot has version {found.version}, this program reads up to {fold.version}; start the newer program")
    if found.parts is None and first > 0:
        raise OwnerError(f"{name}: there is no snapshot, and {fold.source}-{partition} begins at offset {first}: what lies before is lost")
    if not first <= found.offset <= end:
        raise OwnerError(f"{name}: its snapshot reads on from offset {found.offset}, but {fold.source}-{partition} holds {first} up to {end}")
    return Restored(found.epoch, fold.empty(partition) if found.parts is None else fold.load(found.parts, partition), found.offset)


def decoded(fold: Fold[Any], partition: int, rows: Iterable[Row]) -> Iterator[tuple[int, int, Any]]:
    """Rows as the fold takes them. Intake lets nothing in that is no row, so one that cannot be read means that the log is damaged or not ours.

    Each only when the fold asks for it: a record that is folded while the processor's caches hold it, and forgotten then, costs a tenth less.
    """
    decode = fold.decode
    for offset, arrival_ms, raw in rows:
        try:
            item = decode(raw)
        except (ValueError, LookupError) as broken:
            raise OwnerError(f"{name_of(fold, partition)}: offset {offset} of {fold.source}-{partition} is not a row: {broken}") from broken
        yield offset, arrival_ms, item


@dataclass(slots=True)
class Owner(Generic[State]):
    """Made by `Owner.restore`; `offset` is the next row's. One task at a time may step or save it."""

    fold: Fold[State]
    partition: int
    log: Log
    snapshots: snapshot.Writer
    state: State
    offset: int
    saved_ms: int
    _rows_unsaved: int = 0
    _policy_version: int = 0
    _ended: bool = False

    @classmethod
    async def restore(cls, fold: Fold[State], partition: int, log: Log, snapshots: Snapshots, *, nonce: int, now_ms: int) -> Owner[State]:
        """Takes the newest snapshot and begins a new epoch; empty only where no snapshot was ever finished and no row is lost.

        Raises OwnerError where the partition cannot be carried on, LogError where it cannot be read now.
        """
        found = await restored(fold, partition, log, snapshots)
        writer = snapshot.Writer(name_of(fold, partition), snapshots, found.epoch, nonce)
        return cls(fold, partition, log, writer, found.state, found.offset, now_ms)

    async def step(self, limit: int, now_ms: int) -> int:
        """Folds up to `limit` rows and returns their number; saves when SAVE_EVERY_MS or SAVE_EVERY_ROWS have passed."""
        with self._or_end():
            rows = await self.log.read(self.fold.source, self.partition, self.offset, limit)
            if rows:
                await self._say(self.fold.fold(self.state, decoded(self.fold, self.partition, rows)))
                self.offset = rows[-1].offset + 1
                self._rows_unsaved += len(rows)
        if self._rows_unsaved >= SAVE_EVERY_ROWS or (self._rows_unsaved and now_ms - self.saved_ms >= SAVE_EVERY_MS):
            await self.save(now_ms)
        return len(rows)

    async def save(self, now_ms: int) -> None:
        """Writes a snapshot of all that has been folded; also to be called before a planned end."""
        with self._or_end():
            await self.snapshots.write(self.fold.version, self.offset, self.fold.dump(self.state))
            self._rows_unsaved, self.saved_ms = 0, now_ms

    async def tick(self) -> None:
        """Tells the own source that time has passed."""
        with self._or_end():
            await self.log.append(self.fold.source, self.partition, [encode(Tick())])

    async def adopt(self, policy: PolicySet) -> bool:
        """Copies a policy into the own source, unless one as new was heard or copied; says whether it did."""
        if policy.version <= max(self._policy_version, self.fold.policy_version(self.state)):
            return False
        with self._or_end():
            await self.log.append(self.fold.source, self.partition, [encode(policy)])
        self._policy_version = policy.version
        return True

    async def _say(self, facts: Sequence[tuple[int, bytes]]) -> None:
        batches = defaultdict[int, list[bytes]](list)
        for partition, fact in facts:
            batches[partition].append(fact)
        if batches:
            await self.log.append_many(self.fold.sink, batches)

    @contextmanager
    def _or_end(self) -> Iterator[None]:
        """Fail-stop: whatever goes wrong inside, this owner's memory may be ahead of the log, so it is not used again."""
        if self._ended:
            raise OwnerError(f"{self.snapshots.owner}: this owner has ended; restore another")
        try:
            yield
        except BaseException:
            self._ended = True
            raise
