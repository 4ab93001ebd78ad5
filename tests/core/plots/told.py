"""Books as a picture asks them, made by hand: a steady agent that costs a dollar each ten minutes, more by day, until it runs away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from msgspec.structs import replace as but

from service.books import Cells, CellsQuestion, IncidentStory, ListQuestion, OrderStory, Page, Spend, SpendQuestion, Step, Tokens
from service.facts import MINUTE_MS, Audited, Cause, DimensionShare, DriverShare, Incident, Kind, Notice, OrderState, Scope
from service.plots import drawn
from service.plots.chart import Chart
from tests.samples import INCIDENT, NIGHT_MS, ORDER

NANO = 10**9
NIGHT = NIGHT_MS // MINUTE_MS // 10 * 10  # the ten minutes in which it begins
CAUSE = Cause(
    "cache",
    0.75,
    [DriverShare("cache", 30 * NANO), DriverShare("executions", 11_004_999_999), DriverShare("price", -1_005_000_000)],
    [DimensionShare("model", "gpt-5", 0.91)],
    ["deploy release 42"],
)
RUNAWAY = but(
    INCIDENT, kinds=[Kind.CACHE_BREAK], spend_nanos=44 * NANO, excess_nanos=39_999_999_999, cause=CAUSE, order=ORDER.id, time_ms=NIGHT_MS + 40 * MINUTE_MS
)
PROOF = OrderState(NIGHT_MS + 25 * MINUTE_MS, ORDER.id, "default", ORDER.scope, "effective", 360_000_000)
PAUSED = OrderStory(but(ORDER, time_ms=NIGHT_MS + 21 * MINUTE_MS), "effective", [PROOF])


def week(runaway: int = 20 * NANO) -> dict[int, int]:
    """Nanos by ten minutes: seven days, then half an hour that costs `runaway` each."""
    first = NIGHT - 7 * 1440
    calm = {at: (1 + (at % 1440 > 480)) * NANO + at % 7 * NANO // 10 for at in range(first, NIGHT, 10)}
    return calm | {NIGHT + 10 * k: runaway for k in range(3)}


class Told:
    """Answers as the books would."""

    def __init__(self, spent: Mapping[int, int], incidents: Sequence[Incident] = (), orders: Sequence[OrderStory] = (), by_hour_before: int = 0) -> None:
        self._spent, self._incidents, self._orders, self._by_hour_before = spent, list(incidents), list(orders), by_hour_before

    def spend(self, asked: SpendQuestion) -> Spend:
        first, end = asked.span
        sums: dict[int, int] = {}
        for minute, nanos in sorted(self._spent.items()):
            if (first is None or minute >= first) and (end is None or minute < end):
                width = 60 if minute < self._by_hour_before and asked.step_minutes < 60 else asked.step_minutes
                sums[minute // width * width] = sums.get(minute // width * width, 0) + nanos
        series = [Step(minute, nanos, 1) for minute, nanos in sums.items()]
        return Spend(len(series), sum(sums.values()), Tokens(), {}, series, asked.span, self._by_hour_before if asked.step_minutes < 60 else 0)

    def began(self, tenant: str, scope: Scope) -> int | None:
        raise NotImplementedError

    def cells(self, asked: CellsQuestion) -> Cells:
        raise NotImplementedError

    def incidents(self, asked: ListQuestion) -> Page[Incident]:
        found = [it for it in self._incidents if asked.scope in (None, it.scope)]
        return Page(sorted(found, key=lambda it: -it.opened_ms), "")

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        raise NotImplementedError

    def orders(self, asked: ListQuestion) -> Page[OrderStory]:
        return Page([it for it in self._orders if asked.scope in (None, it.order.scope)], "")

    def order(self, order_id: str, tenant: str | None) -> OrderStory | None:
        return next((it for it in self._orders if it.order.id == order_id), None)

    def report(self, report_id: str) -> Notice | None:
        return None

    def audit(self, asked: ListQuestion) -> Page[Audited]:
        raise NotImplementedError

    def paused(self, asked: ListQuestion, now_ms: int) -> Page[OrderStory]:
        raise NotImplementedError


def structure(chart: Chart) -> str:
    """What an SVG of it holds, whatever version drew it: its sentence, its texts, and the names of what is drawn."""
    root = ET.fromstring(drawn(chart, "svg"))
    said = [f"{element.tag.rpartition('}')[2]}: {element.text}" for element in root.iter() if element.tag.endswith(("}text", "}title")) and element.text]
    named = [element.get("id", "") for element in root.iter() if element.tag.endswith("}g")]
    return "\n".join([*said, *(f"drawn: {name}" for name in named if name.startswith(NAMES))]) + "\n"


NAMES = ("spent", "above", "usual", "alert-", "stopped-", "driver-")
