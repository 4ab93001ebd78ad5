"""Atlassian's published description of Jira Cloud's interface: does a request keep to it? Where it is absent nothing is checked, and that is said."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

DESCRIPTION = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "jira-cloud-v3.openapi.json"
UNDESCRIBED = re.compile(r"/rest/api/2/(serverInfo|search|priority)")  # Data Center's own, and how a site is asked what it is


@cache
def _description() -> dict[str, Any] | None:
    return json.loads(DESCRIPTION.read_text()) if DESCRIPTION.exists() else None


def needs_description() -> None:
    if _description() is None:
        pytest.skip("the published description of Jira is not here (../shared/contracts), so no request is checked against it")


def mistakes(request: httpx.Request) -> list[str]:
    """What of a request is not as described; Data Center's version 2 is held to version 3 where both have the call."""
    description, path = _description(), request.url.path[request.url.path.find("/rest/api/") :]
    if description is None or UNDESCRIBED.fullmatch(path):
        return []
    path = path.replace("/rest/api/2/", "/rest/api/3/")
    for template, calls in description["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and (call := calls.get(request.method.lower())):
            return [*_unknown_parameters(request, call), *_wrong_body(request, call, description)]
    return [f"{request.method} {path}: not described"]


def _unknown_parameters(request: httpx.Request, call: dict[str, Any]) -> list[str]:
    known = {each["name"]: each["schema"] for each in call.get("parameters", ()) if each["in"] == "query"}
    wrong = [f"{name}: no such parameter" for name in request.url.params if name not in known]
    for name, schema in known.items():
        value = request.url.params.get(name)
        if value is not None and "enum" in schema and value not in schema["enum"]:
            wrong.append(f"{name}: {value} is none of {schema['enum']}")
        if value is not None and schema.get("type") == "boolean" and value not in ("true", "false"):
            wrong.append(f"{name}: {value} is no boolean")
    return wrong


def _wrong_body(request: httpx.Request, call: dict[str, Any], description: dict[str, Any]) -> list[str]:
    wanted = call.get("requestBody")
    if wanted is None:
        return ["a body where none is described"] if request.content else []
    schema = wanted["content"]["application/json"]["schema"] | {"components": description["components"]}
    return [f"{wrong.json_path}: {wrong.message[:200]}" for wrong in Draft202012Validator(schema).iter_errors(json.loads(request.content))]
