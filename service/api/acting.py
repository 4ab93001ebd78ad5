"""What people and orchestrators say: controls and receipts. 202 once it is durable; the warden decides what follows."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool

from service.api.access import needs, tenant_of
from service.api.bodies import read_body
from service.api.controls import ControlRequest, Plain, Words, control_of, mistakes
from service.api.ports import Service
from service.api.problems import Problem, invalid, responses
from service.api.queries import fit
from service.api.reading import Behind, not_found
from service.api.schema import body_of
from service.api.tokens import Grant
from service.api.views import ControlledView, ReceivedView
from service.facts import Receipt, ident
from service.records import DEFAULT_TENANT, ID_MAX, RECORD_BYTES_MAX

router: Final = APIRouter(prefix="/v1", tags=["controls"], responses=responses(400, 401, 403, 404, 413, 422, 500, 503))

Operator = Annotated[Grant, Depends(needs("operate"))]
Orchestrator = Annotated[Grant, Depends(needs("receipt"))]
Form = TypeVar("Form", bound=BaseModel)


class ReceiptRequest(BaseModel):
    """How an orchestrator answers an order that it was sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "accepted"}, {"state": "refused", "reason": "no such agent"}]})

    state: Literal["accepted", "refused"]
    reason: Annotated[str, StringConstraints(max_length=2000), Plain] = ""
    receiver: Words = ""
    tenant: Words = ""


@router.post("/controls", status_code=202, response_model=ControlledView, openapi_extra=body_of("ControlRequest", ControlRequest))
async def control(
    request: Request,
    service: Behind,
    grant: Operator,
    idempotency_key: Annotated[str, Header(max_length=ID_MAX, description="The same key again is the same control.")] = "",
) -> dict[str, Any]:
    """Acknowledges, snoozes, pauses, resumes, plans, notes or judges; the answer's id shows in the incident's story."""
    asked = await _read(request, ControlRequest)
    lacking = [{"loc": (field,), "msg": text} for field, text in mistakes(asked)]
    if lacking:
        raise invalid(lacking)
    tenant = await _tenant(service, grant, asked)
    id_ = ident("ctl", tenant, "key", idempotency_key) if idempotency_key else ident("ctl", tenant, "nonce", service.nonce())
    await service.tell(control_of(asked, id_, tenant))
    return {"id": id_}


@router.post("/orders/{id}/receipts", status_code=202, response_model=ReceivedView, openapi_extra=body_of("ReceiptRequest", ReceiptRequest))
async def receipt(request: Request, service: Behind, grant: Orchestrator, id: str) -> dict[str, Any]:  # noqa: A002 -- the contract's name
    """Says that an order was accepted or refused. It may come before the books know the order, so it is taken in any case."""
    asked = await _read(request, ReceiptRequest)
    if not 0 < len(id) <= ID_MAX or not fit(id):
        raise not_found("order", id)
    known = await run_in_threadpool(service.books.order, id, None)
    if known is not None and grant.tenant not in (None, known.order.tenant):
        raise not_found("order", id)
    tenant = known.order.tenant if known else tenant_of(grant, asked.tenant) or DEFAULT_TENANT
    await service.tell(Receipt(id, asked.receiver or f"token:{grant.id}", asked.state, asked.reason, tenant))
    return {"order": id, "state": asked.state, "known": known is not None}


async def _tenant(service: Service, grant: Grant, asked: ControlRequest) -> str:
    """Whose journal the control belongs to: that of what it is about, as far as the caller may know of it."""
    tenant = tenant_of(grant, asked.tenant)
    if asked.incident:
        story = await run_in_threadpool(service.books.incident, asked.incident, tenant)
        if story is None:
            raise not_found("incident", asked.incident)
        return story.steps[-1].tenant
    if asked.order:
        order = await run_in_threadpool(service.books.order, asked.order, tenant)
        if order is None:
            raise not_found("order", asked.order)
        return order.order.tenant
    return tenant or DEFAULT_TENANT


async def _read(request: Request, form: type[Form]) -> Form:
    raw = await read_body(request, RECORD_BYTES_MAX)
    try:
        return form.model_validate_json(raw)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(400, "Unreadable body", error.errors()[0]["msg"], "Send one complete JSON object.", "body") from None
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from None
