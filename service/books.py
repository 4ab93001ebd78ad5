"""What may be asked of the books, and how they answer: the port between `service.ledger`, which keeps them, and who asks.

Answers are facts and whole numbers; whoever shows them writes money and times as text. Money is nano-dollars, times are Unix
milliseconds, spans are whole minutes: from `from_minute` on, before `to_minute`.
"""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from service.facts import TOTAL, Audited, Cell, Control, Incident, Notice, Order, OrderState, Scope

PAGE_MAX: Final = 1000
SERIES_MAX: Final = 20_000
BY_MAX: Final = 10_000
CELLS_MAX: Final = 50_000
STEP_MINUTES: Final = {"minute": 1, "10m": 10, "hour": 60, "day": 1440}
CELL_KINDS: Final = ("agent", "use_case", "business_unit", "workflow", "provider", "model", "layer", "operation")
MEMBER_KINDS: Final = ("user", "customer", "api_key", "execution")

Item = TypeVar("Item")


class Span(NamedTuple):
    """Minutes of event time; None is open."""

    from_minute: int | None = None
    to_minute: int | None = None


class Tokens(NamedTuple):
    """Tokens by kind, `reasoning` a part of `output`. Of members (users, keys, labels) only the total is kept."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    total: int = 0


class Step(NamedTuple):
    """One window of a series that has records."""

    minute: int
    nanos: int
    records: int


class SpendQuestion(NamedTuple):
    """Whose spend: a tenant's, in a scope; `by` splits it by a kind, `step_minutes` by time."""

    tenant: str
    scope: Scope = TOTAL
    span: Span = Span()
    by: str = ""
    step_minutes: int = 0


class Spend(NamedTuple):
    """What was spent. `by` holds the BY_MAX dearest, `series` the SERIES_MAX latest windows, oldest first.

    `span` is what was counted: where minutes are no longer kept, whole hours around what was asked for. Windows of a finer series that lie
    before `by_hour_before` are hours, told by their beginning; 0 where none is.
    """

    records: int
    nanos: int
    tokens: Tokens
    by: dict[str, int]
    series: list[Step]
    span: Span = Span()
    by_hour_before: int = 0


class CellsQuestion(NamedTuple):
    """Whose cells: a tenant's in a scope, from an hour on before a minute; and the same time `times` earlier, `every_hours` apart."""

    tenant: str
    scope: Scope
    from_hour: int
    to_minute: int
    every_hours: int
    times: int


class CellSpend(NamedTuple):
    """What a cell spent in the time that was asked for, and in all of the earlier ones together."""

    cell: Cell
    nanos: int
    before_nanos: int


class Cells(NamedTuple):
    """Of each cell, in no order, and before which minute: the end of the hour that was asked for where its minutes are no longer kept."""

    to_minute: int
    found: list[CellSpend]


class ListQuestion(NamedTuple):
    """Which items: of one tenant (None: of all), in a state, about a scope; `cursor` is the `next_cursor` of the page before."""

    tenant: str | None = None
    state: str = ""
    scope: Scope | None = None
    limit: int = 100
    cursor: str = ""


class BadCursorError(ValueError):
    """The cursor is none that a page gave out."""


class Page(NamedTuple, Generic[Item]):
    """Some items, newest first, and the cursor of the next page; empty at the end."""

    items: list[Item]
    next_cursor: str


class OrderStory(NamedTuple):
    """An order and how far it has come."""

    order: Order
    state: str
    states: list[OrderState]


class Delivery(NamedTuple):
    """A notice and how its delivery ended; `state` is empty until it has."""

    notice: Notice
    state: str
    reason: str


class IncidentStory(NamedTuple):
    """An incident: its steps, oldest first, whom it was told to, what was ordered, and what people asked for."""

    steps: list[Incident]
    deliveries: list[Delivery]
    orders: list[OrderStory]
    controls: list[Control]


class BudgetStanding(NamedTuple):
    """How a budget's member stands in its present period; `pace` is times faster than planned, None while nothing can be said."""

    tenant: str
    name: str
    scope: Scope
    period: str
    limit_nanos: int
    spent_nanos: int
    pace: float | None
    runs_out_ms: tuple[int, int, int] | None
    start_ms: int
    end_ms: int


class Books(Protocol):
    """The questions."""

    def spend(self, asked: SpendQuestion) -> Spend:
        """Exact sums, as far as the journal has been heard."""
        ...

    def began(self, tenant: str, scope: Scope) -> int | None:
        """The first hour in which the scope, all or one of CELL_KINDS, spent anything; None where it never did."""
        ...

    def cells(self, asked: CellsQuestion) -> Cells:
        """Every cell that spent anything then; of more than CELLS_MAX one more than that."""
        ...

    def incidents(self, asked: ListQuestion) -> Page[Incident]:
        """The latest step of each incident, by opening; raises BadCursorError."""
        ...

    def incident(self, incident_id: str, tenant: str | None) -> IncidentStory | None:
        """One incident's whole story, or None where the tenant has no such."""
        ...

    def orders(self, asked: ListQuestion) -> Page[OrderStory]:
        """Orders with their states, by time; raises BadCursorError."""
        ...

    def order(self, order_id: str, tenant: str | None) -> OrderStory | None:
        """One order, or None where the tenant has no such."""
        ...

    def paused(self, asked: ListQuestion, now_ms: int) -> Page[OrderStory]:
        """The pauses that hold now: sent, not refused or failed, not expired, not followed by another order; raises BadCursorError."""
        ...

    def report(self, report_id: str) -> Notice | None:
        """How a report was told, or None where no such was."""
        ...

    def audit(self, asked: ListQuestion) -> Page[Audited]:
        """Entries of the audit, of one tenant with the policies' or of all; `state` is an order's. Raises BadCursorError."""
        ...
