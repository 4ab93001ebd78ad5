"""Records come in: 202 only once they are safe on disk, and each refused one is told by its place in the body."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request

from service.api.access import needs
from service.api.bodies import read_body
from service.api.door import Busy, Door, Safe, Unavailable
from service.api.ports import Service
from service.api.problems import Problem, responses, unavailable
from service.api.reading import Behind
from service.api.schema import LITELLM_BODY, RECORDS_BODY
from service.api.tokens import Grant
from service.api.views import TakenView
from service.intake import FORMATS, Reason, Refusal, Unknown
from service.intake.batches import BODY_BYTES_MAX, BatchRefusal, Unreadable, split
from service.intake.native import tenanted, too_early
from service.records import Record

router: Final = APIRouter(prefix="/v1", tags=["records"], responses=responses(400, 401, 403, 413, 415, 429, 500, 503))

Producer = Annotated[Grant, Depends(needs("ingest"))]
YIELD_EVERY: Final = 256  # records parsed before other requests get their turn
STATUS: Final = {Unreadable.TOO_LARGE: 413, Unreadable.TOO_MANY: 413, Unreadable.UNKNOWN_ENCODING: 415}
UNREADABLE: Final = frozenset({Reason.NOT_JSON, Reason.NOT_AN_OBJECT, Reason.TOO_LARGE})
TITLES: Final = {413: "Body too large", 415: "Unsupported encoding"}
FIXES: Final = {413: "Send less at a time.", 415: "Send the body packed with gzip, or plain and without Content-Encoding."}


@router.post("/records", status_code=202, response_model=TakenView, openapi_extra=RECORDS_BODY)
async def records(request: Request, service: Behind, grant: Producer) -> dict[str, Any]:
    """Takes one record, an array, or a record a line; gzip is welcome. Sent twice, counted once."""
    return await _take(request, service, grant, "spendwarden")


@router.post("/litellm", status_code=202, response_model=TakenView, openapi_extra=LITELLM_BODY)
async def litellm(request: Request, service: Behind, grant: Producer) -> dict[str, Any]:
    """Takes what LiteLLM's `generic_api` callback sends; prompts and answers are not kept."""
    return await _take(request, service, grant, "litellm")


async def _take(request: Request, service: Service, grant: Grant, form: str) -> dict[str, Any]:
    body = await read_body(request, BODY_BYTES_MAX)
    items = split(body, request.headers.get("content-type", ""), request.headers.get("content-encoding", ""))
    if isinstance(items, BatchRefusal):
        status = STATUS.get(items.reason, 400)
        fix = FIXES.get(status, "Nothing of it was taken: correct the body and send all of it again.")
        raise Problem(status, TITLES.get(status, "Unreadable body"), items.detail, fix, reason=items.reason, accepted=0, refused=[])
    unknown = Unknown()
    taken, refused = await _parse_all(items, form, grant, service.now_ms(), unknown)
    await _hand_in(request.app.state.door, taken, [refusal for _, refusal in refused])
    told = [{"index": index, "id": refusal.id, "reason": refusal.reason, "field": refusal.field, "detail": refusal.detail} for index, refusal in refused]
    if refused and not taken and all(refusal.reason in UNREADABLE for _, refusal in refused):
        first = refused[0][1]
        detail = f"No record in the body could be read. {first.detail}"
        fix = "Nothing was taken: correct what `refused` lists and send the body again."
        raise Problem(400, "Unreadable body", detail, fix, reason=first.reason, accepted=0, refused=told)
    request.app.state.unknown.take(unknown)
    return {"accepted": len(taken), "refused": told, "unknown_fields": unknown.counts}


async def _parse_all(items: list[bytes], form: str, grant: Grant, now_ms: int, unknown: Unknown) -> tuple[list[Record], list[tuple[int, Refusal]]]:
    parse = FORMATS[form]
    where = f"http:{form}:{grant.id}"
    taken: list[Record] = []
    refused: list[tuple[int, Refusal]] = []
    for index, item in enumerate(items):
        if index % YIELD_EVERY == YIELD_EVERY - 1:
            await asyncio.sleep(0)
        record = parse(item, where, unknown)
        if not isinstance(record, Refusal):
            record = too_early(record, now_ms, where, item) or record
        if isinstance(record, Refusal):
            refused.append((index, record))
        else:
            taken.append(record if grant.tenant is None else tenanted(record, grant.tenant))
    return taken, refused


async def _hand_in(door: Door, taken: list[Record], refused: list[Refusal]) -> None:
    """Returns once everything is durable; raises the Problem to answer with where it is not."""
    if not taken and not refused:
        return
    match await door.take(taken, refused):
        case Busy(retry_after_s):
            headers = {"Retry-After": str(retry_after_s)}
            raise Problem(
                429,
                "Too many requests",
                "More is waiting to be written or worked on than may wait.",
                f"Send the same again after {retry_after_s} s.",
                headers=headers,
            )
        case Unavailable(detail):
            raise unavailable(f"Nothing was taken: {detail}")
        case Safe():
            return
