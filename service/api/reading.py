"""The questions: spend, incidents, orders, pauses, budgets, and which limits apply to a scope."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.dependencies.models import Dependant
from starlette.concurrency import run_in_threadpool

from service.api.access import needs, tenant_of
from service.api.ports import Service
from service.api.problems import Problem, responses
from service.api.queries import fit, kind_of, only_known, scope_of, span_of, state_of, step_of
from service.api.tokens import Grant
from service.api.views import Items, SpendView, WhereView, applies_view, budget_view, incident_view, order_view, paused_view, spend_view, story_view
from service.audit.verify import line_of
from service.books import CELL_KINDS, PAGE_MAX, BadCursorError, ListQuestion, Page, Span, SpendQuestion
from service.facts import TOTAL, Scope
from service.records import DEFAULT_TENANT, ID_MAX, TEXT_MAX


async def _only_known(request: Request) -> None:
    """Each question refuses the parameters it does not take."""
    only_known(request.query_params, _taken(request.scope["route"].dependant))


def _taken(dependant: Dependant) -> set[str]:
    """The query parameters of an endpoint and of what it depends on."""
    return {parameter.alias for parameter in dependant.query_params}.union(*map(_taken, dependant.dependencies))


router: Final = APIRouter(prefix="/v1", tags=["questions"], responses=responses(401, 403, 422, 500, 503), dependencies=[Depends(_only_known)])

Reader = Annotated[Grant, Depends(needs("read"))]
Restarted = Annotated[Grant, Depends(needs("paused"))]
Tenant = Annotated[str, Query(max_length=TEXT_MAX, pattern=r"^[^\x00]*$", description="Only where the token is not bound to one.")]
ScopeText = Annotated[str, Query(description="kind:name", openapi_examples={"use case": {"value": "use_case:kyc"}, "all": {"value": ""}})]
TimeText = Annotated[str, Query(description="RFC 3339 with an offset, or Unix seconds; the minute it lies in counts whole.")]


async def service_of(request: Request) -> Service:
    """The service behind this door."""
    service: Service = request.app.state.service
    return service


Behind = Annotated[Any, Depends(service_of)]


async def list_question(
    scope: ScopeText = "",
    state: Annotated[str, Query(max_length=32)] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> ListQuestion:
    """What every list takes, but the tenant, which only the token's bearer decides."""
    return ListQuestion(None, state_of(state), scope_of(scope) if scope else None, limit, cursor)


Asked = Annotated[ListQuestion, Depends(list_question)]


@router.get("/spend", response_model=SpendView, response_model_exclude_unset=True)
async def spend(
    *,
    service: Behind,
    grant: Reader,
    tenant: Tenant = "",
    scope: ScopeText = "",
    since: Annotated[TimeText, Query(alias="from")] = "",
    until: Annotated[TimeText, Query(alias="to")] = "",
    by: Annotated[str, Query(description="A kind of scope to split by.", openapi_examples={"agent": {"value": "agent"}})] = "",
    step: Annotated[str, Query(description="minute, 10m, hour or day: the windowed spend.", openapi_examples={"hour": {"value": "hour"}})] = "",
) -> dict[str, Any]:
    """What was spent: in a scope (without one, by the whole tenant), in a time (without one, ever).

    Minutes are kept for a while; before that `from` and `to` are told as the whole hours that were counted.
    """
    books = tenant_of(grant, tenant) or DEFAULT_TENANT
    asked = spend_question(books, scope_of(scope) if scope else TOTAL, span_of(since, until), kind_of(by, "by") if by else "", step_of(step))
    return spend_view(asked, await run_in_threadpool(service.books.spend, asked))


@router.get("/incidents", response_model=Items)
async def incidents(service: Behind, grant: Reader, asked: Asked, tenant: Tenant = "") -> dict[str, Any]:
    """Incidents as they are now, the newest first."""
    page = await _page(service.books.incidents, asked._replace(tenant=tenant_of(grant, tenant)))
    return {"items": [incident_view(incident) for incident in page.items], "next_cursor": page.next_cursor or None}


@router.get("/incidents/{id}", responses=responses(404))
async def incident(service: Behind, grant: Reader, id: str, tenant: Tenant = "") -> dict[str, Any]:  # noqa: A002 -- the contract's name
    """One incident with its history, whom it was told to, what was ordered and what people asked for."""
    story = await run_in_threadpool(service.books.incident, _known_id(id), tenant_of(grant, tenant))
    if story is None:
        raise not_found("incident", id)
    return story_view(story)


@router.get("/incidents/{id}/where", response_model=WhereView, response_model_exclude_unset=True, responses=responses(404))
async def where(service: Behind, grant: Reader, id: str, tenant: Tenant = "") -> dict[str, Any]:  # noqa: A002 -- the contract's name
    """Where an incident's money lies: the fewest values of agent, model, workflow and so on that carry the difference to the same hours before.

    It is worked out from the books as they are now, and decides nothing.
    """
    from service.localise import of_incident, where_line  # noqa: PLC0415 -- numpy is large, and nothing else of the door needs it

    story = await run_in_threadpool(service.books.incident, _known_id(id), tenant_of(grant, tenant))
    if story is None:
        raise not_found("incident", id)
    return where_line(await run_in_threadpool(of_incident, service.books, story.steps))


@router.get("/orders", response_model=Items)
async def orders(service: Behind, grant: Reader, asked: Asked, tenant: Tenant = "") -> dict[str, Any]:
    """Orders with their states, the newest first."""
    page = await _page(service.books.orders, asked._replace(tenant=tenant_of(grant, tenant)))
    return {"items": [order_view(order) for order in page.items], "next_cursor": page.next_cursor or None}


@router.get("/paused", response_model=Items)
async def paused(service: Behind, grant: Restarted, asked: Asked, tenant: Tenant = "") -> dict[str, Any]:
    """What is paused now, for an orchestrator that restarts."""
    page = await _page(service.books.paused, asked._replace(tenant=tenant_of(grant, tenant)), service.now_ms())
    return {"items": [paused_view(order) for order in page.items], "next_cursor": page.next_cursor or None}


@router.get("/audit", response_model=Items)
async def audit(service: Behind, grant: Reader, asked: Asked, tenant: Tenant = "") -> dict[str, Any]:
    """Who asked, approved, ordered and stopped what, the newest first: of a tenant, with the policies, which hold for all.

    `digest` is the SHA-256 of the rest of the entry, as JSON with sorted keys and no spaces; `before` is that of the entry before.
    """
    page = await _page(service.books.audit, asked._replace(tenant=tenant_of(grant, tenant)))
    return {"items": [line_of(entry) for entry in page.items], "next_cursor": page.next_cursor or None}


@router.get("/budgets", response_model=Items)
async def budgets(service: Behind, grant: Reader, asked: Asked, tenant: Tenant = "") -> dict[str, Any]:
    """How each budget's members stand in their present period. `cursor` is the place in the list."""
    place = int(asked.cursor) if asked.cursor.isascii() and asked.cursor.isdigit() and len(asked.cursor) < 10 else 0 if not asked.cursor else None
    if place is None:
        raise bad_cursor()
    standings = await service.budgets(tenant_of(grant, tenant), asked.scope)
    end = place + asked.limit
    return {"items": [budget_view(standing) for standing in standings[place:end]], "next_cursor": str(end) if end < len(standings) else None}


@router.get("/policy/effective", response_model=Items)
async def effective(service: Behind, grant: Reader, scope: ScopeText, tenant: Tenant = "") -> dict[str, Any]:
    """Every budget, cap, quota, owner and route that applies to a scope, and why."""
    entries = await service.effective(tenant_of(grant, tenant) or DEFAULT_TENANT, scope_of(scope))
    return {"items": [applies_view(entry) for entry in entries], "next_cursor": None}


def spend_question(tenant: str, scope: Scope, span: Span, by: str, step_minutes: int) -> SpendQuestion:
    """The question, if the books can answer it: members (users, keys, ...) are kept as totals of the tenant, not crossed with anything."""
    asks_members = by and by not in CELL_KINDS
    if by and scope != TOTAL and (asks_members or scope.kind not in CELL_KINDS):
        fix = f"Ask for the total by {by}, or for {scope.kind}:{scope.name} without `by`."
        raise Problem(422, "Invalid request", f"Spend of {scope.kind} is not split by {by}.", fix, "by")
    return SpendQuestion(tenant, scope, span, by, step_minutes)


def not_found(what: str, id: str) -> Problem:  # noqa: A002 -- the contract's name
    """The answer where the caller's tenant has no such thing."""
    return Problem(
        404, "Not found", f"There is no {what} {id[:ID_MAX]!r} in these books.", f"Look it up in /v1/{what}s; a new one takes a moment to appear.", "id"
    )


def bad_cursor() -> Problem:
    """The answer to a cursor that was never given out."""
    return Problem(422, "Invalid request", "The cursor is none that a page gave out.", "Start again without `cursor`.", "cursor")


async def _page(question: Any, *asked: Any) -> Page[Any]:
    try:
        page: Page[Any] = await run_in_threadpool(question, *asked)
    except BadCursorError:
        raise bad_cursor() from None
    return page


def _known_id(id: str) -> str:  # noqa: A002 -- the contract's name
    """An id that could be one of ours; no database is asked for what it cannot even compare."""
    return id if len(id) <= ID_MAX and fit(id) else ""
