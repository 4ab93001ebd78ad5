"""How answers look: facts as JSON. Money is exact decimal text, times are RFC 3339, scopes `{"kind", "name"}`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.api.ports import Applies, Check
from service.books import BudgetStanding, IncidentStory, OrderStory, Span, Spend, SpendQuestion
from service.facts import MINUTE_MS, Control, Incident
from service.messages.transcript import finite, incident_line, notice_line, order_line, scope_of, state_line
from service.money import usd
from service.records import rfc3339


class ScopeView(BaseModel):
    """What spend is counted for."""

    kind: str
    name: str


class Items(BaseModel):
    """A page of a list."""

    items: list[dict[str, Any]]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")


class StepView(BaseModel):
    """One window with records; `time` is its beginning."""

    time: str
    spend_usd: str
    records: int


class SpendView(BaseModel):
    """What was spent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scope": {"kind": "use_case", "name": "kyc"},
                    "tenant": "default",
                    "from": "2026-11-01T00:00:00.000Z",
                    "to": None,
                    "records": 2,
                    "spend_usd": "1.2301",
                    "tokens": {"input": 900, "cache_read": 100, "cache_write": 0, "output": 50, "reasoning": 0, "total": 1050},
                    "by": {"indexer": "1.23", "screener": "0.0001"},
                }
            ]
        }
    )

    scope: ScopeView
    tenant: str
    from_: str | None = Field(alias="from")
    to: str | None
    records: int
    spend_usd: str
    tokens: dict[str, int] = Field(
        description="By kind; `reasoning` is a part of `output`. Of users, customers, keys, executions and labels only `total` is kept."
    )
    by: dict[str, str]
    series: list[StepView] | None = None
    by_hour_before: str | None = Field(default=None, description="Windows before this are hours, because minutes are kept for a while only.")


class PlaceView(BaseModel):
    """A combination of values and its part of the difference."""

    values: dict[str, str]
    difference_usd: str


class WhereView(BaseModel):
    """Where an incident's money lies; without `unknown` the places and the rest add up to the difference."""

    from_: str = Field(alias="from")
    to: str
    unknown: str = Field(default="", description="Why it is not known; then the rest is left out.")
    every_hours: int = Field(default=0, description="How far apart the earlier spans lie.")
    averaged: int = Field(default=0, description="How many of them the difference is to the mean of.")
    combinations: int = Field(default=0, description="That spent anything in any of these spans.")
    difference_usd: str = ""
    places: list[PlaceView] = Field(default=[], description="The one that tells most first; none where it is spread as ever.")
    rest_usd: str = ""


class TakenView(BaseModel):
    """What became of a batch: the records that are safe on disk, and those that were refused and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"accepted": 1, "refused": [{"index": 1, "id": "b", "reason": "negative", "field": "input_tokens", "detail": "..."}]}]}
    )

    accepted: int
    refused: list[dict[str, Any]]
    unknown_fields: dict[str, int] = Field(default_factory=dict, description="Fields that were kept out, with how often.")


class ControlledView(BaseModel):
    """A control that is safe on disk; what it does shows in /v1/incidents and /v1/orders."""

    id: str


class ReceivedView(BaseModel):
    """A receipt that is safe on disk; `known` is false while the books have not heard of the order yet."""

    order: str
    state: str
    known: bool


class HealthView(BaseModel):
    """The process is there."""

    status: str = "ok"


class ReadyView(BaseModel):
    """Every condition of being ready is met."""

    ready: bool
    checks: list[dict[str, Any]]


def spend_view(asked: SpendQuestion, spend: Spend) -> dict[str, Any]:
    """The answer to a question of spend."""
    view: dict[str, Any] = {
        "scope": scope_of(asked.scope),
        "tenant": asked.tenant,
        **_span(spend.span),
        "records": spend.records,
        "spend_usd": usd(spend.nanos),
        "tokens": spend.tokens._asdict(),
        "by": {name: usd(nanos) for name, nanos in spend.by.items()},
    }
    if asked.step_minutes:
        view["series"] = [{"time": rfc3339(step.minute * MINUTE_MS), "spend_usd": usd(step.nanos), "records": step.records} for step in spend.series]
    if spend.by_hour_before:
        view["by_hour_before"] = rfc3339(spend.by_hour_before * MINUTE_MS)
    return view


def incident_view(incident: Incident) -> dict[str, Any]:
    """An incident as it is now: the transcript's fields."""
    return incident_line(incident)


def story_view(story: IncidentStory) -> dict[str, Any]:
    """An incident as it is now, with everything that led there."""
    return incident_line(story.steps[-1]) | {
        "history": [incident_line(step) for step in story.steps],
        "notices": [notice_line(told.notice) | {"delivery": told.state or "open", "delivery_reason": told.reason} for told in story.deliveries],
        "orders": [order_view(order) for order in story.orders],
        "controls": [control_view(control) for control in story.controls],
    }


def order_view(story: OrderStory) -> dict[str, Any]:
    """An order with its state and how it got there."""
    overshoot = story.states[-1].overshoot_nanos if story.states else 0
    return order_line(story.order) | {"state": story.state, "overshoot_usd": usd(overshoot), "states": [state_line(state) for state in story.states]}


def paused_view(story: OrderStory) -> dict[str, Any]:
    """What an orchestrator that restarts must know of a pause."""
    order = story.order
    return {
        "scope": scope_of(order.scope),
        "tenant": order.tenant,
        "order": order.id,
        "sequence": order.sequence,
        "expires_at": rfc3339(order.expires_ms),
        "state": story.state,
        "incident": order.incident,
        "executions": list(order.executions or ()),
    }


def control_view(control: Control) -> dict[str, Any]:
    """What a person asked for."""
    return {
        "id": control.id,
        "action": control.action,
        "by": control.by,
        "reason": control.reason,
        "approved_by": control.approved_by,
        "verdict": control.verdict,
    }


def budget_view(standing: BudgetStanding) -> dict[str, Any]:
    """How a budget stands."""
    runs_out = standing.runs_out_ms and dict(zip(("early", "likely", "late"), map(rfc3339, standing.runs_out_ms), strict=True))
    return {
        "name": standing.name,
        "tenant": standing.tenant,
        "scope": scope_of(standing.scope),
        "period": standing.period,
        "from": rfc3339(standing.start_ms),
        "to": rfc3339(standing.end_ms),
        "limit_usd": usd(standing.limit_nanos),
        "spent_usd": usd(standing.spent_nanos),
        "pace": finite(standing.pace),
        "runs_out": runs_out,
    }


def applies_view(entry: Applies) -> dict[str, Any]:
    """An entry of the policy and why it applies."""
    return entry._asdict()


def check_view(check: Check) -> dict[str, Any]:
    """One condition of being ready."""
    return check._asdict()


def _span(span: Span) -> dict[str, str | None]:
    first, end = (None if minute is None else rfc3339(minute * MINUTE_MS) for minute in span)
    return {"from": first, "to": end}
