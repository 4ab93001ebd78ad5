"""One receiver's orders, or its notices: what is waiting, what may be sent now, and what an outcome makes of it. No clock, no I/O.

Orders and notices of one receiver lie in lanes of their own, each with its own circuit, so that no order ever waits behind a notice
or for the sake of one. Inside a lane, items about one thing (a scope, an incident) keep their order; different things do not wait
for each other.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import asdict, dataclass, field
from heapq import heappop, heappush
from typing import Any, Final

from service.couriers.pacing import Circuit, LaneName, delay_ms
from service.couriers.parcel import Parcel
from service.couriers.port import Delivered, GaveUp, Outcome, RetryLater
from service.facts import DAY_MS, Scope

WAITING_MAX: Final = 10_000  # per lane; beyond it the oldest is given up, for the newest tells the most
NOTICE_AGE_MAX_MS: Final = DAY_MS


@dataclass(slots=True)
class Tallied:
    """What became of a lane's parcels since the start."""

    delivered: int = 0
    retried: int = 0
    gave_up: int = 0
    expired: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Lane:
    """The parcels of one receiver and one kind that have not ended."""

    receiver: str
    name: LaneName
    waiting_max: int = WAITING_MAX
    circuit: Circuit = field(default_factory=Circuit)
    held_until_ms: int = 0
    last_error: str = ""
    counts: Tallied = field(default_factory=Tallied)
    _queues: dict[tuple[str, str | Scope], deque[Parcel]] = field(default_factory=dict)
    _due: list[tuple[int, int, int, Parcel]] = field(default_factory=list)
    _ripe: list[tuple[int, int, int, int, Parcel]] = field(default_factory=list)
    _pushes: int = 0
    _all: OrderedDict[int, Parcel] = field(default_factory=OrderedDict)
    _in_flight: set[int] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many parcels have not ended, those in flight included."""
        return len(self._all)

    @property
    def in_flight(self) -> int:
        """How many are being sent at this moment."""
        return len(self._in_flight)

    def add(self, parcel: Parcel) -> Parcel | None:
        """Puts a parcel at the end; gives back the one that had to go because the lane was full.

        An order hastens the one that rests before it, which it overtakes: it must not wait for that one's next try.
        """
        gone = self._drop_oldest() if self.waiting >= self.waiting_max else None
        queue = self._queues.setdefault(parcel.about, deque())
        queue.append(parcel)
        self._all[parcel.place] = parcel
        if len(queue) == 1:
            self._push(parcel)
        elif self.name == "orders" and queue[0].next_ms > parcel.next_ms and queue[0].place not in self._in_flight:
            queue[0].next_ms = parcel.next_ms
            self._push(queue[0])
        return gone

    def pick(self, now_ms: int) -> Parcel | None:
        """The parcel to send now, which is then in flight until it is settled; None when there is none or the receiver is spared."""
        if self.wait_ms(now_ms) != 0:
            return None
        *_, parcel = heappop(self._ripe)
        self._in_flight.add(parcel.place)
        return parcel

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until there may be something to send; None while nothing can be without an event."""
        next_ms = self._next_ms(now_ms)
        spared_ms = self.spared_ms(now_ms)
        return None if next_ms is None or spared_ms is None else max(next_ms - now_ms, spared_ms)

    def spared_ms(self, now_ms: int) -> int | None:
        """How long the receiver is still spared; None while one try decides."""
        state = self.circuit.state(now_ms)
        if state == "half_open" and self.in_flight:
            return None
        return max(self.held_until_ms - now_ms, self.circuit.until_ms - now_ms if state == "open" else 0, 0)

    def ended(self, parcel: Parcel) -> None:
        """The parcel in flight has ended, one way or another."""
        self._in_flight.discard(parcel.place)
        self._take_out(parcel)

    def again(self, parcel: Parcel, delay: int, now_ms: int) -> None:
        """The parcel in flight is to be tried again after so many milliseconds."""
        self._in_flight.discard(parcel.place)
        self.counts.retried += 1
        parcel.attempts += 1
        parcel.next_ms = now_ms + delay
        self._push(parcel)

    def learn(self, outcome: Outcome, now_ms: int) -> None:
        """What an outcome says about the receiver: an answer closes the circuit, a wish to wait holds the whole lane, else it failed."""
        match outcome:
            case Delivered():
                self.circuit = self.circuit.answered()
            case GaveUp(reason):
                self.circuit, self.last_error = self.circuit.answered(), reason
            case RetryLater(_, reason, alone=True):
                self.circuit, self.last_error = self.circuit.answered(), reason
            case RetryLater(None, reason):
                self.circuit, self.last_error = self.circuit.failed(now_ms), reason
            case RetryLater(after_s, reason):
                self.held_until_ms, self.last_error = now_ms + int((after_s or 0.0) * 1000), reason

    def snapshot(self, now_ms: int) -> dict[str, Any]:
        """What can be seen of it from outside."""
        wait_ms = self.wait_ms(now_ms)
        return {
            "receiver": self.receiver,
            "lane": self.name,
            "pending": self.waiting,
            "in_flight": self.in_flight,
            "circuit": self.circuit.state(now_ms),
            "last_error": self.last_error,
            "next_attempt_ms": None if wait_ms is None else now_ms + wait_ms,
            **asdict(self.counts),
        }

    def delay_ms(self, parcel: Parcel, outcome: RetryLater, draw: float) -> int:
        """How long this parcel waits after this failure."""
        return delay_ms(self.name, parcel.attempts + 1, draw, outcome.after_s)

    def _next_ms(self, now_ms: int) -> int | None:
        """When the next parcel is due. Those that are due lie in a heap of their own, for among them the graver go first."""
        while self._due and (self._due[0][0] <= now_ms or not self._stands(self._due[0][0], self._due[0][3])):
            next_ms, place, push, parcel = heappop(self._due)
            if self._stands(next_ms, parcel):
                heappush(self._ripe, (parcel.rank, next_ms, place, push, parcel))
        while self._ripe and not self._stands(self._ripe[0][1], self._ripe[0][4]):
            heappop(self._ripe)
        if self._ripe:
            return now_ms
        return self._due[0][0] if self._due else None

    def _stands(self, next_ms: int, parcel: Parcel) -> bool:
        """Whether an entry of the heap still tells when its parcel is due; entries are not removed when that changes."""
        queue = self._queues.get(parcel.about)
        return queue is not None and queue[0] is parcel and parcel.next_ms == next_ms and parcel.place not in self._in_flight

    def _push(self, parcel: Parcel) -> None:
        self._pushes += 1
        heappush(self._due, (parcel.next_ms, parcel.place, self._pushes, parcel))

    def _take_out(self, parcel: Parcel) -> None:
        """Removes a parcel; what waited behind it may go now."""
        del self._all[parcel.place]
        queue = self._queues[parcel.about]
        was_first = queue[0] is parcel
        queue.remove(parcel)
        if not queue:
            del self._queues[parcel.about]
        elif was_first:
            self._push(queue[0])

    def _drop_oldest(self) -> Parcel | None:
        """Takes out the oldest parcel that is not in flight; None when all are in flight."""
        oldest = next((parcel for place, parcel in self._all.items() if place not in self._in_flight), None)
        if oldest is not None:
            self._take_out(oldest)
            self.counts.dropped += 1
        return oldest
