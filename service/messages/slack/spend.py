"""The answer to `/spend SCOPE`: today, this month, how its budgets stand, and what is open about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from service.books import BudgetStanding, Spend
from service.facts import Incident, Scope
from service.messages.build import of_incident
from service.messages.message import BASIS
from service.messages.slack.text import SECTION_MAX, columns, context, escaped, fitted, header, section, whispered
from service.money import spoken
from service.phrases import called, moment, named, percent, times

BUDGETS_MAX: Final = 8
OPEN_MAX: Final = 5
HELP: Final = "Write `/spend`, `/spend agent:indexer`, `/spend use_case:kyc`: a kind of scope, a colon, its name; or `/spend plan agent:indexer 200 for 6h`."


class Stands(NamedTuple):
    """How a scope stands."""

    scope: Scope
    today: Spend
    month: Spend
    budgets: Sequence[BudgetStanding]
    incidents: Sequence[Incident]


def answer(stands: Stands) -> dict[str, Any]:
    """For the one who asks, and nobody else."""
    who = called(stands.scope)
    budgets = [_budget(each) for each in stands.budgets[:BUDGETS_MAX]] or ["No budget holds for it."]
    told = [_incident(each) for each in stands.incidents[:OPEN_MAX]] or ["Nothing is open about it."]
    more = _more(len(stands.budgets) - BUDGETS_MAX, "budgets"), _more(len(stands.incidents) - OPEN_MAX, "incidents")
    return {
        **whispered(fitted(f"Spend of {who}: {_spent(stands.today)} today, {_spent(stands.month)} this month.", SECTION_MAX)),
        "blocks": [
            header(f"Spend of {who}"),
            columns((f"*Today*\n{_spent(stands.today)}", f"*This month*\n{_spent(stands.month)}")),
            section("\n".join(["*Budgets*", *budgets, *more[0]])),
            section("\n".join(["*Open*", *told, *more[1]])),
            context(BASIS),
        ],
    }


def help_text(problem: str) -> dict[str, Any]:
    """What to write instead."""
    return whispered(f"{fitted(problem, 500)} {HELP}")


def _spent(spend: Spend) -> str:
    return f"{spoken(spend.nanos)} in {spend.records:,} record{'s' * (spend.records != 1)}"


def _budget(standing: BudgetStanding) -> str:
    used = f"{spoken(standing.spent_nanos)} of {spoken(standing.limit_nanos)} ({percent(round(standing.spent_nanos / standing.limit_nanos, 3))})"
    pace = f", {times(standing.pace)} the planned pace" if standing.pace is not None else ""
    ends = f", runs out about {moment(standing.runs_out_ms[1])}" if standing.runs_out_ms is not None and standing.runs_out_ms[1] < standing.end_ms else ""
    return f"• {fitted(named(standing.name), 120)}: {used}{pace}{ends}"


def _incident(incident: Incident) -> str:
    message = of_incident(incident, "")
    return f"• {fitted(message.headline, 250)} ({incident.state}, {escaped(incident.id)})"


def _more(left: int, what: str) -> list[str]:
    return [f"… and {left:,} more {what}"] if left > 0 else []
