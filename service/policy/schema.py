"""The JSON Schema of the policy, for editors that complete and check while a person writes."""

from __future__ import annotations

from typing import Any

from service.policy.model import Policy


def policy_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what may be written; dates are texts in it.

    >>> policy_schema()["properties"]["budgets"]["type"]
    'array'
    """
    schema = Policy.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Spendwarden policy"}
