from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.intake.litellm import parse
from service.intake.litellm_tokens import token_kinds
from service.intake.refusals import Reason, Refusal, Unknown
from service.intake.shapes import Tree
from service.records import Usage

SECRET = "the whole secret prompt"
PAYLOAD: dict[str, Any] = {
    "id": "chatcmpl-1",
    "trace_id": "trace-1",
    "call_type": "acompletion",
    "status": "success",
    "custom_llm_provider": "openai",
    "model": "gpt-4o-mini",
    "model_group": "gpt-4o-mini",
    "hidden_params": {"litellm_model_name": "openai/gpt-4o-mini"},
    "startTime": 1_795_507_200.0,
    "endTime": "2026-11-24T08:00:01.500Z",
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "response_cost": 0.0000315,
    "messages": [{"role": "user", "content": SECRET}],
    "response": {"choices": [{"message": {"content": SECRET}}]},
    "request_tags": ["kyc", "agent:screener", "region:eu", "User-Agent: python"],
    "requester_ip_address": "10.0.0.1",
    "end_user": "customer-7",
    "cache_hit": None,
    "metadata": {
        "user_api_key_hash": "88dc28d0f030",
        "user_api_key_alias": "screening-key",
        "user_api_key_team_alias": "Onboarding",
        "user_api_key_user_id": "u-1",
        "usage_object": {"prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 8}},
        "spend_logs_metadata": {"workflow": "triage"},
        "requester_metadata": {"session_id": "session-1"},
    },
}


def read(**changes: Any) -> Usage:
    record = parse(json.dumps(PAYLOAD | changes).encode())
    assert isinstance(record, Usage), record
    return record


def metadata(**changes: Any) -> dict[str, Any]:
    return {"metadata": PAYLOAD["metadata"] | changes}


def test_a_payload_becomes_a_usage() -> None:
    usage = read()
    assert (usage.id, usage.source, usage.time, usage.duration_ms) == ("chatcmpl-1", "litellm", 1_795_507_201.5, 1500.0)
    assert (usage.agent, usage.use_case, usage.business_unit, usage.workflow) == ("screener", "kyc", "Onboarding", "triage")
    assert (usage.user, usage.customer, usage.api_key, usage.caller) == ("u-1", "customer-7", "88dc28d0f030", "10.0.0.1")
    assert (usage.execution_id, usage.operation, usage.layer) == ("session-1", "chat", "inference")
    assert (usage.provider, usage.model, usage.requested_model) == ("openai", "gpt-4o-mini", "gpt-4o-mini")
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens, usage.reasoning_tokens) == (36, 64, 20, 8)
    assert (usage.cost_usd, usage.status, usage.labels) == ("3.15e-05", "ok", {"region": "eu"})


def test_prompts_are_nowhere_but_a_repeated_question_has_the_same_signature() -> None:
    usage = read()
    assert SECRET not in repr(usage)
    assert usage.signature == read(id="other").signature != ""
    assert read(messages=[{"role": "system", "content": "long history"}, *PAYLOAD["messages"]]).signature == usage.signature
    assert read(messages=[{"role": "user", "content": "else"}]).signature != usage.signature
    assert read(messages="redacted-by-litellm").signature == ""
    refusal = parse(json.dumps(PAYLOAD | {"id": None, "metadata": {"prompt_variables": SECRET}}).encode())
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.MISSING, "id")
    assert SECRET.encode() not in refusal.raw
    assert b"trace-1" in refusal.raw
    broken = parse(json.dumps(PAYLOAD).encode()[:-1])
    assert isinstance(broken, Refusal)
    assert SECRET.encode() not in broken.raw


def test_a_failure_is_an_error_with_its_class() -> None:
    def error(**information: Any) -> tuple[str, str]:
        usage = read(
            status="failure",
            error_information=information,
            response_cost=0,
            prompt_tokens=0,
            completion_tokens=0,
            total_tokens=0,
            **metadata(usage_object=None),
        )
        assert usage.cost_usd == "0"
        return usage.status, usage.error

    assert error(error_code="429", error_class="RateLimitError") == ("error", "rate_limited")
    assert error(error_code="408", error_class="Timeout") == ("error", "timeout")
    assert error(error_code="500", error_class="InternalServerError") == ("error", "InternalServerError")
    assert error() == ("error", "")


def test_a_cost_that_litellm_does_not_know_is_left_to_our_prices() -> None:
    assert read(response_cost=0).cost_usd is None
    assert read(response_cost=0.0, cache_hit=True).cost_usd == "0.0"
    assert read(response_cost=None, cost=0.5).cost_usd == "0.5"
    assert read(response_cost=None).cost_usd is None
    assert read(response_cost_failure_debug_info={"error": "no price"}).cost_usd is None


def test_a_cost_that_is_no_number_is_refused_by_our_field() -> None:
    for cost in (float("nan"), "much", {"a": 1}, True):
        refusal = parse(json.dumps(PAYLOAD | {"response_cost": cost}).encode())
        assert isinstance(refusal, Refusal)
        assert refusal.field == "cost_usd"


def test_attribution_falls_back_by_the_documented_rules() -> None:
    usage = read(
        request_tags=[], trace_id="t", end_user=None, **metadata(spend_logs_metadata=None, requester_metadata={"agent": "inner", "business_unit": "BU"})
    )
    assert (usage.agent, usage.use_case, usage.business_unit, usage.execution_id, usage.customer) == ("inner", "", "BU", "t", "")
    assert read(request_tags=None).agent == "screening-key"


def test_other_calls_go_to_their_layer() -> None:
    assert read(call_type="aembedding").operation == "embeddings"
    assert (read(call_type="arerank").layer, read(call_type="arerank").operation) == ("retrieval", "arerank")
    tool = read(call_type="call_mcp_tool", **metadata(mcp_tool_call_metadata={"name": "search_flights"}))
    assert (tool.layer, tool.operation) == ("tool", "search_flights")


def test_times_may_be_numbers_or_text() -> None:
    assert read(endTime=1_795_507_201.5).time == 1_795_507_201.5
    assert read(endTime="2026-11-24 08:00:01.500").time == 1_795_507_201.5
    assert read(endTime=None).time == 1_795_507_200.0
    refusal = parse(json.dumps(PAYLOAD | {"endTime": "soon", "startTime": None}).encode())
    assert isinstance(refusal, Refusal)
    assert refusal.field == "time"


def test_long_names_are_cut_and_stay_different() -> None:
    one, two = read(model_group="m" * 300), read(model_group="m" * 301)
    assert len(one.requested_model) == 256
    assert one.requested_model != two.requested_model


def test_anthropics_own_style_counts_the_cache_beside_the_prompt() -> None:
    def kinds(total: int, usage: dict[str, int], prompt: int) -> tuple[int, int, int, bool]:
        told = {"prompt_tokens": prompt, "completion_tokens": 10, "total_tokens": total, "metadata": {"usage_object": usage}}
        found, agrees = token_kinds(Tree(told))
        return found["input_tokens"], found["cache_read_tokens"], found["cache_write_tokens"], agrees

    cache = {"cache_read_input_tokens": 400, "cache_creation_input_tokens": 50}
    assert kinds(510, cache, prompt=500) == (50, 400, 50, True)  # LiteLLM today: all inside the prompt
    assert kinds(560, cache, prompt=500) == (100, 400, 50, True)  # writes beside it
    assert kinds(960, cache, prompt=500) == (500, 400, 50, True)  # Anthropic's own: all beside it
    assert kinds(30, cache, prompt=20) == (20, 400, 50, False)  # a total that leaves the cache out is not believed


def test_a_total_that_does_not_add_up_is_counted() -> None:
    unknown = Unknown()
    parse(json.dumps(PAYLOAD | {"total_tokens": 999}).encode(), "", unknown)
    assert unknown.counts == {"litellm.total_tokens": 1}


counts = st.integers(0, 10**6)


@given(counts, counts, counts, counts, st.sampled_from(["openai", "anthropic in litellm", "anthropic"]))
def test_kinds_are_disjoint_and_sum_to_the_total(fresh: int, read_: int, write: int, output: int, style: str) -> None:
    inside = 0 if style == "anthropic" else read_ + write
    details = {"prompt_tokens_details": {"cached_tokens": read_, "cache_creation_tokens": write}}
    usage = details if style == "openai" else {"cache_read_input_tokens": read_, "cache_creation_input_tokens": write}
    told = {"prompt_tokens": fresh + inside, "completion_tokens": output, "total_tokens": fresh + read_ + write + output, "metadata": {"usage_object": usage}}
    kinds, agrees = token_kinds(Tree(told))
    assert agrees
    assert kinds == {"input_tokens": fresh, "cache_read_tokens": read_, "cache_write_tokens": write, "output_tokens": output, "reasoning_tokens": 0}


odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(), st.integers(), max_size=2)
)


@given(st.dictionaries(st.sampled_from([*PAYLOAD, "error_information"]), odd, max_size=6), st.dictionaries(st.sampled_from([*PAYLOAD["metadata"]]), odd))
def test_any_payload_is_a_usage_or_a_named_refusal(changes: dict[str, Any], inner: dict[str, Any]) -> None:
    record = parse(json.dumps(PAYLOAD | metadata(**inner) | changes).encode())
    assert isinstance(record, Usage | Refusal)
    if isinstance(record, Usage):
        assert min(record.input_tokens, record.cache_read_tokens, record.cache_write_tokens, record.output_tokens) >= 0
        assert record.reasoning_tokens <= record.output_tokens


def test_a_time_beyond_all_dates_is_refused_and_stops_nothing() -> None:
    for time in (-1.7976931348623155e308, 1.7976931348623155e308, 1e13, -1):
        refusal = parse(json.dumps(PAYLOAD | {"endTime": time}).encode())
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.field) == (Reason.UNREADABLE_TIME, "time")
