"""The OpenAPI document's parts that FastAPI cannot see: bodies we read ourselves, with examples that work as they stand."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.api.problems import ProblemView
from service.records import Change, Outcome, Usage

_REF: Final = "#/components/schemas/{name}"
_PYDANTIC_REF: Final = "#/components/schemas/{model}"
_forms: Final[dict[str, type[BaseModel]]] = {"Problem": ProblemView}

USAGE_EXAMPLE: Final = {
    "id": "call-1",
    "time": "2026-11-24T08:00:00Z",
    "agent": "indexer",
    "use_case": "kyc",
    "execution_id": "run-1",
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "input_tokens": 1200,
    "output_tokens": 300,
}
_record: Final = {"anyOf": [{"$ref": _REF.format(name=kind.__name__)} for kind in (Usage, Outcome, Change)]}
RECORDS_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [_record, {"type": "array", "items": _record, "maxItems": 10_000}]},
                "examples": {"one": {"value": USAGE_EXAMPLE}, "several": {"value": [USAGE_EXAMPLE, USAGE_EXAMPLE | {"id": "call-2"}]}},
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}
_payload: Final = {"type": "object", "properties": {"id": {"type": "string"}, "endTime": {"type": "number"}}, "required": ["id", "endTime"]}
LITELLM_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [_payload, {"type": "array", "items": _payload, "maxItems": 10_000}]},
                "examples": {
                    "batch": {"value": [{"id": "chatcmpl-1", "endTime": 1795507200.5, "model": "gpt-4o-mini", "prompt_tokens": 100, "completion_tokens": 20}]}
                },
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


def body_of(name: str, form: type[BaseModel]) -> dict[str, Any]:
    """The description of a JSON body that the endpoint reads by itself."""
    _forms[name] = form
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}}}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole OpenAPI document, built once."""
    if app.openapi_schema is None:
        told = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = told.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(_records())
        for name, form in _forms.items():
            schemas[name] = form.model_json_schema(ref_template=_PYDANTIC_REF)
        app.openapi_schema = told
    return app.openapi_schema


def _records() -> dict[str, Any]:
    """The schemas of our records; `type` may be left out of a usage, which is the default."""
    _, schemas = msgspec.json.schema_components([Usage, Outcome, Change], ref_template=_REF)
    schemas["Usage"]["required"] = [name for name in schemas["Usage"]["required"] if name != "type"]
    return schemas
