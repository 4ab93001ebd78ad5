"""LiteLLM's `StandardLoggingPayload`, as its `generic_api` callback sends it, becomes a `Usage`.

Prompts and answers travel in that object by default: neither is kept, not even in a dead letter; of the last message only a
digest stays, as the signature by which loops are seen. What cannot be read at all is refused without its bytes.

What becomes what (the first that is there wins; `details` are `metadata.spend_logs_metadata`, then `metadata.requester_metadata`):
- agent, use_case, business_unit, workflow, customer: of that name in `details`, or a request tag `name:value`; then
  agent: the key's alias; use_case: the first tag without a colon; business_unit: team alias, organisation alias, team id;
  customer: the end user. Other tags `name:value` become labels.
- execution_id: `details.execution_id`, `details.session_id`, `trace_id`; root and parent only from `details`.
- model: what was served, without the provider's prefix; requested_model: the model group that was asked for.
- cost_usd: `response_cost`, or `cost`; absent where LiteLLM failed to price it, or says 0 for tokens it did not serve from its
  own cache: our table prices those.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import msgspec

from service.intake.careful import read_mapping
from service.intake.litellm_tokens import token_kinds
from service.intake.refusals import Reason, Refusal, Unknown, told_id
from service.intake.shapes import Tree, fitted, number, seconds, text
from service.records import ID_MAX, LABELS_MAX, Record

PAYLOAD_BYTES_MAX: Final = 8 * 1024 * 1024
SOURCE: Final = "litellm"
PRIVATE: Final = frozenset({"messages", "response", "prompt_variables"})
NAMED: Final = ("agent", "use_case", "business_unit", "workflow", "customer")
OPERATIONS: Final = {
    "completion": "chat",
    "text_completion": "chat",
    "responses": "chat",
    "anthropic_messages": "chat",
    "generate_content": "chat",
    "embedding": "embeddings",
    "call_mcp_tool": "tool",
}


def parse(raw: bytes, where: str = "", unknown: Unknown | None = None) -> Record | Refusal:
    """One payload as a usage, or why it is refused.

    >>> parse(b'{"id": "a", "endTime": 1.5, "prompt_tokens": 12, "response_cost": 0.25}').cost_usd
    '0.25'
    """
    if len(raw) > PAYLOAD_BYTES_MAX:
        detail = f"The payload is {len(raw)} bytes; turn off message logging in LiteLLM, at most {PAYLOAD_BYTES_MAX} bytes are read."
        return Refusal(reason=Reason.TOO_LARGE, detail=detail, where=where)
    try:
        payload = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return Refusal(reason=Reason.NOT_JSON, detail="A payload of LiteLLM is one complete JSON object in UTF-8.", where=where)
    if not isinstance(payload, dict):
        return Refusal(reason=Reason.NOT_AN_OBJECT, detail="A payload of LiteLLM is one JSON object.", where=where)
    fields = _usage_fields(Tree(payload), unknown)
    answer = read_mapping(fields, b"", where, unknown)
    return _without_prompts(answer, payload) if isinstance(answer, Refusal) else answer


def _usage_fields(payload: Tree, unknown: Unknown | None) -> dict[str, Any]:
    """All fields of our own record that the payload tells, unchecked."""
    provider = fitted(payload.text("custom_llm_provider"))
    kinds, agrees = token_kinds(payload)
    if not agrees and unknown is not None:
        unknown.add("litellm.total_tokens")
    ended, began = seconds(payload.get("endTime")), seconds(payload.get("startTime"))
    told = {
        "id": fitted(payload.text("id") or payload.text("litellm_call_id"), ID_MAX),
        "time": began if ended is None else ended,
        "source": SOURCE,
        "provider": provider,
        "model": _model(payload.text("hidden_params", "litellm_model_name") or payload.text("model"), provider),
        "requested_model": _model(payload.text("model_group") or payload.text("model"), provider),
        "api_key": fitted(payload.text("metadata", "user_api_key_hash")),
        "user": fitted(payload.text("metadata", "user_api_key_user_id")),
        "caller": fitted(payload.text("requester_ip_address") or payload.text("metadata", "requester_ip_address") or payload.text("metadata", "user_agent")),
        "prompt_id": fitted(payload.text("metadata", "prompt_management_metadata", "prompt_id")),
        "duration_ms": max(0.0, (ended - began) * 1000) if ended is not None and began is not None else None,
        "signature": _signature(payload.get("messages")),
        "cost_usd": _cost(payload, sum(kinds.values())),
        **kinds,
        **_operation(payload),
        **_attribution(payload),
        **_failure(payload),
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _cost(payload: Tree, tokens: int) -> str | None:
    cost = payload.get("response_cost")
    cost = payload.get("cost") if cost is None else cost
    if cost is None or payload.get("response_cost_failure_debug_info"):
        return None
    if number(cost) == 0 and tokens and payload.get("cache_hit") is not True:
        return None
    return cost if isinstance(cost, str) else repr(cost)


def _model(name: str, provider: str) -> str:
    return fitted(name.removeprefix(f"{provider}/") if provider else name)


def _operation(payload: Tree) -> dict[str, Any]:
    """LiteLLM's call type without its `a` for asynchronous; a call of an MCP server is a tool's."""
    call = payload.text("call_type")
    call = call[1:] if call.startswith("a") and call[1:] in OPERATIONS else call
    operation = OPERATIONS.get(call, call)
    if operation == "tool" or payload.get("metadata", "mcp_tool_call_metadata", "name"):
        return {"layer": "tool", "operation": fitted(payload.text("metadata", "mcp_tool_call_metadata", "name") or operation)}
    return {"layer": "retrieval" if "rerank" in call or "search" in call else "inference", "operation": fitted(operation), "batch": "batch" in call or None}


def _attribution(payload: Tree) -> dict[str, Any]:
    tags = _tags(payload.get("request_tags"))
    named = {name: _detail(payload, name) or tags.pop(name, "") for name in NAMED}
    first = tags.pop("", "")
    fallbacks = {
        "agent": payload.text("metadata", "user_api_key_alias"),
        "use_case": first,
        "business_unit": next(filter(None, (payload.text("metadata", f"user_api_key_{kind}") for kind in ("team_alias", "org_alias", "team_id"))), ""),
        "workflow": "",
        "customer": payload.text("end_user") or payload.text("metadata", "user_api_key_end_user_id"),
    }
    runs = {name: fitted(_detail(payload, name)) for name in ("parent_execution_id", "root_execution_id")}
    execution = _detail(payload, "execution_id") or _detail(payload, "session_id") or payload.text("trace_id")
    labels = {fitted(name): fitted(value) for name, value in list(tags.items())[:LABELS_MAX]}
    return {name: fitted(named[name] or fallbacks[name]) for name in NAMED} | runs | {"execution_id": fitted(execution), "labels": labels or None}


def _detail(payload: Tree, name: str) -> str:
    return payload.text("metadata", "spend_logs_metadata", name) or payload.text("metadata", "requester_metadata", name)


def _tags(told: Any) -> dict[str, str]:
    """Request tags as names and values; the first bare one under the empty name. LiteLLM adds the user agent by itself."""
    tags: dict[str, str] = {}
    for tag in told if isinstance(told, list) else []:
        name, colon, value = text(tag).partition(":")
        if name.lower() != "user-agent" and (colon or name):
            tags.setdefault(*((name.strip(), value.strip()) if colon else ("", name.strip())))
    return tags


def _failure(payload: Tree) -> dict[str, Any]:
    if payload.get("status") != "failure":
        return {}
    code, name = payload.text("error_information", "error_code"), payload.text("error_information", "error_class")
    if code == "429" or "RateLimit" in name:
        error = "rate_limited"
    elif code in ("408", "504") or "Timeout" in name:
        error = "timeout"
    else:
        error = name or code
    return {"status": "error", "error": fitted(error)}


def _signature(messages: Any) -> str:
    """A digest of the last message: what was asked, without its history; empty where messages are not logged."""
    last = messages[-1] if isinstance(messages, list) and messages else messages
    if not last or "redacted-by-litellm" in str(last):
        return ""
    return hashlib.blake2b(json.dumps(last, sort_keys=True).encode(), digest_size=16).hexdigest()


def _without_prompts(refusal: Refusal, payload: dict[str, Any]) -> Refusal:
    """The refusal with the payload as it came, prompts and answers left out."""
    return msgspec.structs.replace(refusal, raw=json.dumps(_scrubbed(payload)).encode(), id=told_id(payload.get("id")))


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _scrubbed(inner) for name, inner in value.items() if name not in PRIVATE}
    return [_scrubbed(inner) for inner in value] if isinstance(value, list) else value
