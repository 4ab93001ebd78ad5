"""A small world to tell stories in: calls, people and receivers speak in the order it is written, and what came of it is read as text.

The folds are the product's own; time is moved by hand. Ids are written as `incident 1`, `order 2`, by their first appearance, so that
a golden transcript reads like a story. `GOLDEN=rewrite pytest tests/scenarios` writes them anew; read the difference as prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from service.facts import (
    Audited,
    Control,
    Decision,
    Incident,
    JournalRow,
    Notice,
    Order,
    OrderState,
    PolicySet,
    PricedLate,
    Receipt,
    Scope,
    Untold,
)
from service.money import usd
from service.policy import dump, load
from service.records import Change, Outcome, Usage, rfc3339
from service.replay.engine import Engine
from service.warden.fold import hear as warden_hear
from tests.golden import assert_golden

GOLDEN: Final = Path(__file__).parent / "golden"
UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Story:
    """`start` is RFC 3339; a time may be written so, or as what goes by: `+90s`, `+2h`."""

    def __init__(self, policy: str, start: str = "2026-11-03T09:00:00Z") -> None:
        chosen = load(policy)
        self.engine = Engine(PolicySet(1, chosen.digest, dump(chosen)), 3)
        self.now_ms = _ms(start)
        self.decisions: list[Decision] = []
        self._told = 0

    def wait(self, time: str) -> Story:
        """Time goes on; every minute that is over has had its last word."""
        self.now_ms = self._until(time)
        self._heard(self.engine.finish(self.now_ms - 60_000))
        return self

    def call(self, dollars: str = "0", after: str = "+0s", stamped: str = "", **fields: Any) -> Story:
        """A call of the agent `indexer`, if none is named; `stamped` is its own time where it is not now."""
        self.now_ms = self._until(after)
        self._told += 1
        given: dict[str, Any] = {
            "id": f"call-{self._told}",
            "agent": "indexer",
            "cost_usd": dollars,
            "time": (self._until(stamped) if stamped else self.now_ms) / 1000,
        }
        return self.record(Usage(**(given | fields)))

    def at(self, time: str) -> int:
        """Unix milliseconds of a time."""
        return self._until(time)

    def record(self, record: Usage | Outcome | Change) -> Story:
        self._heard(self.engine.hear(self.now_ms, record))
        return self

    def says(self, action: Any, after: str = "+0s", **fields: Any) -> Story:
        """A person asks for something."""
        self.now_ms = self._until(after)
        self._told += 1
        return self._journal(Control(f"control-{self._told}", "default", action, **({"by": "ann"} | fields)))

    def answers(self, order: Order, state: str, after: str = "+1s", reason: str = "", receiver: str = "orchestrator") -> Story:
        """The receiver of an order answers."""
        self.now_ms = self._until(after)
        return self._journal(Receipt(order.id, receiver, state, reason, "default"))

    def adopts(self, policy: str, version: int) -> Story:
        """A newer policy takes effect in the warden."""
        chosen = load(policy)
        return self._journal(PolicySet(version, chosen.digest, dump(chosen)))

    def _journal(self, row: JournalRow) -> Story:
        self._heard(list(warden_hear(self.engine.warden, self.now_ms, row)))
        self.engine.warden.out = []
        return self

    def _heard(self, decisions: list[Decision]) -> None:
        self.decisions += decisions

    def _until(self, time: str) -> int:
        found = re.fullmatch(r"([+-]\d+)(ms|s|m|h|d)", time)
        return self.now_ms + int(found[1]) * UNITS_MS[found[2]] if found else _ms(time)

    # ------------------------------------------------------------ what came of it

    def orders(self, action: str = "pause") -> list[Order]:
        return [d for d in self.decisions if isinstance(d, Order) and d.action == action]

    def states(self, order: Order) -> list[str]:
        """An order's life; `observe` never leaves its first state."""
        return [d.state for d in self.decisions if isinstance(d, OrderState) and d.id == order.id]

    def untold(self) -> list[str]:
        return [d.reason for d in self.decisions if isinstance(d, Untold)]

    def incidents(self) -> list[Incident]:
        return [d for d in self.decisions if isinstance(d, Incident)]

    def lines(self) -> list[tuple[str, float]]:
        """Budget lines (member, percentage) in the order in which they were said."""
        return [(d.scope.name, line) for d in self.incidents() if d.reason == "line_crossed" for line in d.thresholds]

    def notices(self) -> list[Notice]:
        return [d for d in self.decisions if isinstance(d, Notice)]

    def audit(self) -> list[Audited]:
        return [d for d in self.decisions if isinstance(d, Audited)]

    def text(self) -> str:
        """The story so far, a line each."""
        lines = "".join(f"{line}\n" for line in map(_line, self.decisions) if line)
        for kind, word in (("inc", "incident"), ("ord", "order")):
            for number, name in enumerate(dict.fromkeys(re.findall(rf"{kind}-[0-9a-f]{{20}}", lines)), 1):
                lines = lines.replace(name, f"{word} {number}")
        return lines


def golden(name: str, story: Story) -> None:
    """The story must read as its golden text does."""
    assert_golden(GOLDEN / f"{name}.txt", story.text())


def _ms(time: str) -> int:
    return int(datetime.fromisoformat(time).astimezone(UTC).timestamp() * 1000)


def _line(d: Decision) -> str:
    rest: list[str]
    match d:
        case Incident():
            what, rest = f"{d.id} {d.action}: {'+'.join(d.kinds)}", list(_steps(d))
        case Order():
            until = f"until {rfc3339(d.expires_ms)}"
            what, rest = f"{d.id} {d.action} ({d.mode})", [f"because {d.reason}", until, f"sequence {d.sequence}", *_named("tier", d.tier), *_named("by", d.by)]
        case OrderState():
            what, rest = f"{d.id} is {d.state}", [f"overshoot {usd(d.overshoot_nanos)}", *_named("because", d.reason)]
        case Notice():
            what, rest = f"told {d.receiver}: {d.title}", [d.reason, *_named("lines", d.thresholds)]
        case Untold():
            return f"{rfc3339(d.time_ms)[:-1]}  -  untold: {d.reason}"
        case Audited():
            return ""
        case PricedLate():
            return f"{rfc3339(d.time_ms)[:-1]}  -  priced late: {usd(d.nanos)} of {d.cell.model}"
    scope: Scope = d.about.scope if isinstance(d, Notice) else d.scope
    return f"{rfc3339(d.time_ms)[:-1]}  {'/'.join(scope)}  {what} | {' | '.join(rest)}"


def _steps(d: Incident) -> Iterator[str]:
    yield d.severity
    yield d.reason
    yield f"spend {usd(d.spend_nanos)}"
    yield from _named("excess", usd(d.excess_nanos) if d.excess_nanos else "")
    yield from _named("limit", usd(d.limit_nanos) if d.limit_nanos is not None else "")
    yield from _named("lines", d.thresholds)
    if d.cause is not None:
        yield "cause " + ", ".join(f"{part.driver} {usd(part.nanos)}" for part in d.cause.drivers)
    yield from _named("detail", d.detail)


def _named(name: str, value: object) -> list[str]:
    return [f"{name} {value}"] if value not in ("", [], None) else []
