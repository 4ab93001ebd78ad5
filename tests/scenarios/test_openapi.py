"""A client that sends whatever the document allows, or does not, never gets a 500, and every answer is as documented."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from service.api import create_app
from tests.scenarios.fake_service import FakeService

ADDRESS = "http://127.0.0.1:8484"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def app_of(service: FakeService) -> Any:
    """The app as a client on this machine meets it."""
    app = create_app(service, insecure_loopback=True)

    async def on_this_machine(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, b"127.0.0.1" if name == b"host" else value) for name, value in scope.get("headers", [])]
        await app(scope | {"client": ("127.0.0.1", 1), "headers": headers}, receive, send)

    return on_this_machine


schema = schemathesis.openapi.from_asgi("/openapi.json", app_of(FakeService()))


@schema.parametrize()
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_any_request_is_answered_as_documented(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(checks=CHECKS)


def test_every_call_of_the_contract_is_documented() -> None:
    assert schema.raw_schema["paths"].keys() >= {
        "/v1/records",
        "/v1/litellm",
        "/v1/spend",
        "/v1/incidents",
        "/v1/incidents/{id}",
    }


@pytest.mark.parametrize("name", ["Usage", "Outcome", "Change", "Problem", "ControlRequest", "ReceiptRequest"])
def test_the_document_has_the_schema(name: str) -> None:
    assert name in schema.raw_schema["components"]["schemas"]
