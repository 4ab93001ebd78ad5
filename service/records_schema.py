"""The JSON Schema of the three records, for producers who check what they send before they send it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from service.records import Change, Outcome, Usage

_WORDS: Final = {
    "id": "with tenant and source the record's identity: heard twice, counted once",
    "time": "when it ended: RFC 3339 with an offset, or Unix seconds",
    "source": "the producer",
    "tenant": "whose books; scopes of two tenants never mix",
    "layer": "the cost layer",
    "operation": "chat, embeddings, query, storage, compute, log, or a tool's name",
    "agent": "who spent; missing counts as `unattributed`",
    "use_case": "what for; missing counts as `unattributed`",
    "business_unit": "who pays; missing counts as `unattributed`",
    "workflow": "the kind of run",
    "api_key": "an identifier or hash of the key, never the secret",
    "execution_id": "one run of a workflow",
    "parent_execution_id": "the run that started it",
    "root_execution_id": "the run that began it all; needed more than one level down",
    "signature": "a hash of what was asked: the same again and again is a loop",
    "provider": "who served it",
    "model": "what was served",
    "requested_model": "what was asked for",
    "input_tokens": "fresh input only; the four kinds of tokens are disjoint",
    "cache_read_tokens": "input that was read from a cache",
    "cache_write_tokens": "input that was written to a cache",
    "output_tokens": "everything that was produced, reasoning included",
    "reasoning_tokens": "a part of output_tokens, not added to it",
    "batch": "served by a batch interface",
    "quantity": "how much, for what is not billed by token",
    "unit": "of what: query, s, GB.h, GB, call",
    "cost_usd": "what the producer says it cost; negative is a credit; absent is priced by us",
    "cost": "the same in another currency",
    "currency": "ISO 4217, for cost; small letters count as capitals",
    "duration_ms": "how long it took",
    "error": "class of the failure: rate_limited, timeout, ...",
    "attempt": "the how-manieth try, from 1; 0 counts as not told",
    "fallback_from": "the model that was given up",
    "caller": "network or client fingerprint of whoever used the key",
    "labels": "anything else to group by",
    "outcome": "resolved, escalated, failed, ...",
    "value_usd": "what the run was worth",
    "what": "what was done on purpose",
    "scope": 'whom it touches, such as {"agent": "indexer"}',
    "ref": "where to read of it",
    "by": "who did it",
}
_REQUIRED: Final = ("what", "execution_id")  # at the door; the log holds records without, so the types do not ask for them


def records_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a record; one without `type` is a usage.

    >>> sorted(records_schema()["$defs"])
    ['Change', 'Outcome', 'Usage']
    """
    _, definitions = msgspec.json.schema_components((Usage, Outcome, Change), ref_template="#/$defs/{name}")
    for name, definition in definitions.items():
        definition["additionalProperties"] = True  # unknown fields are kept out and counted, never an error
        properties = definition["properties"]
        for field, words in _WORDS.items():
            if field in properties:
                properties[field]["description"] = words
        definition["required"] += [field for field in _REQUIRED if field in properties and name != "Usage"]
        if name == "Usage":
            properties["currency"]["pattern"] = "^([A-Za-z]{3})?$"
            properties["type"]["default"] = "usage"
            definition["required"].remove("type")
    known = [{"$ref": f"#/$defs/{name}"} for name in ("Outcome", "Change")]
    is_typed = {"required": ["type"], "properties": {"type": {"enum": ["outcome", "change"]}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spendwarden record",
        "description": "One JSON object of the stream; without a type it is a usage.",
        "if": is_typed,
        "then": {"oneOf": known},
        "else": {"$ref": "#/$defs/Usage"},
        "$defs": definitions,
    }
