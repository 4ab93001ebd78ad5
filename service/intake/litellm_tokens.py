"""Tokens as LiteLLM tells them, made disjoint: no token is in two kinds, and the kinds sum to what LiteLLM counted."""

from __future__ import annotations

from service.intake.shapes import Tree, count


def token_kinds(payload: Tree) -> tuple[dict[str, int], bool]:
    """Our token kinds, and whether they sum to the payload's `total_tokens` (True where it tells none).

    OpenAI's style counts cached tokens inside the prompt, Anthropic's own beside it. LiteLLM adds Anthropic's to
    `prompt_tokens`, older versions only partly: what does not fit into the prompt lies beside it.

    >>> openai = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    >>> details = {"usage_object": {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 80}}}
    >>> kinds, agrees = token_kinds(Tree(openai | {"metadata": details}))
    >>> kinds["input_tokens"], kinds["cache_read_tokens"], agrees
    (20, 80, True)
    """
    usage = ("metadata", "usage_object")
    prompt = count(payload.get("prompt_tokens")) or count(payload.get(*usage, "prompt_tokens"))
    output = count(payload.get("completion_tokens")) or count(payload.get(*usage, "completion_tokens")) or count(payload.get(*usage, "output_tokens"))
    read = _first(payload, ("cache_read_input_tokens",), ("prompt_tokens_details", "cached_tokens"), ("input_tokens_details", "cached_tokens"))
    write = _first(payload, ("cache_creation_input_tokens",), ("prompt_tokens_details", "cache_creation_tokens"))
    fresh = _fresh(payload, prompt, output, read, write)
    reasoning = _first(payload, ("completion_tokens_details", "reasoning_tokens"), ("output_tokens_details", "reasoning_tokens"))
    kinds = {"input_tokens": fresh, "cache_read_tokens": read, "cache_write_tokens": write, "output_tokens": output, "reasoning_tokens": min(reasoning, output)}
    total = count(payload.get("total_tokens"))
    return kinds, total in (0, fresh + read + write + output)


def _fresh(payload: Tree, prompt: int, output: int, read: int, write: int) -> int:
    """Input tokens that came from no cache and went into none."""
    told = count(payload.get("metadata", "usage_object", "input_tokens"))
    if not prompt and told:
        return max(0, told - read) if payload.get("metadata", "usage_object", "input_tokens_details") else told
    total = count(payload.get("total_tokens"))
    fitting = [inside for inside in (read + write, read, 0) if inside <= prompt]
    summing = [inside for inside in fitting if total == prompt + read + write - inside + output]
    return prompt - (summing or fitting)[0]


def _first(payload: Tree, *paths: tuple[str, ...]) -> int:
    """The first of these counts in the usage object that is above 0."""
    return next(filter(None, (count(payload.get("metadata", "usage_object", *path)) for path in paths)), 0)
