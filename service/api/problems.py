"""Every error of the door in one shape: problem details (RFC 9457), with the field that is wrong and what to do.

Problem
├── 400 unreadable, 413 too_large, 415 unsupported_encoding, 422 invalid
├── 401 no_token, 403 forbidden, 404 not_found, 405 not_allowed
└── 429 busy, 503 unavailable, 500 internal (ours, never a client's)
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from service.log.ports import LogError

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_MAX: Final = 50
FIXES: Final = {
    404: "Look at /openapi.json for the paths there are.",
    405: "Use one of the methods in the Allow header.",
    500: "This is a fault of the service; its log has the cause. Try again later.",
}


class Problem(Exception):  # noqa: N818 -- RFC 9457's own word
    """An answer that is not what was asked for; raised by an endpoint, written by `problem_response`."""

    def __init__(self, status: int, title: str, detail: str, fix: str, field: str | None = None, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.fix, self.field, self.headers, self.more = status, title, detail, fix, field, headers, more


class ProblemView(BaseModel):
    """Problem details, as the OpenAPI document shows them."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    fix: str


def problem_response(problem: Problem) -> JSONResponse:
    """The problem as it is sent."""
    body = {
        "type": f"urn:spendwarden:problem:{problem.title.lower().replace(' ', '-')}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "field": problem.field,
        "fix": problem.fix,
    } | problem.more
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


def invalid(mistakes: Sequence[Any]) -> Problem:
    """All of pydantic's mistakes as one problem; the first one gives the field."""
    told = [{"field": _path(mistake["loc"]), "detail": mistake["msg"].removeprefix("Value error, ")} for mistake in mistakes[:ERRORS_MAX]]
    first = told[0] if told else {"field": None, "detail": "is not valid"}
    return Problem(
        422, "Invalid request", f"{first['field']}: {first['detail']}", "Correct the fields that are listed in `errors`.", first["field"], errors=told
    )


def unavailable(detail: str) -> Problem:
    """While a log or the books cannot be written or asked."""
    return Problem(503, "Unavailable", detail, "Send the same again; a repetition is counted once.", headers={"Retry-After": "1"})


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem: its own, the logs', FastAPI's, Starlette's, and what nobody expected."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(LogError, _on_log_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems an endpoint may answer with, for the OpenAPI document."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}} for status in statuses}


def _path(place: Sequence[str | int]) -> str:
    parts = [str(part) for part in place if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"


def _on_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return problem_response(problem)


def _on_log_error(_: Request, error: Exception) -> JSONResponse:
    return problem_response(unavailable(str(error)))


def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem_response(invalid(error.errors()))


def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = f"{request.method} {request.url.path}: {error.detail}"
    fix = FIXES.get(error.status_code, "Look at /openapi.json for what is asked for.")
    return problem_response(Problem(error.status_code, title, detail, fix, headers=dict(error.headers or {})))


def _on_fault(_: Request, __: Exception) -> JSONResponse:
    return problem_response(Problem(500, "Internal error", "The service met something it did not expect.", FIXES[500]))
