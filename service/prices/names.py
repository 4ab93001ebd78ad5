"""Model names as callers write them, and the one name that a price list knows.

Only two things are taken off: who sells the model (a prefix) and when it was made (a date at the end). A name that is then not
in the list stays unknown, since a guess would be a wrong price.
"""

from __future__ import annotations

import re
from typing import Final

_SELLERS: Final = {
    "amazon": "bedrock",
    "anthropic": "anthropic",
    "aws": "bedrock",
    "aws.bedrock": "bedrock",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "amazon_bedrock": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google": "google",
    "google_genai": "google",
    "google_vertex": "google",
    "vertex": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "groq": "groq",
    "meta": "meta",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
    "together_ai": "together",
    "togetherai": "together",
    "x_ai": "xai",
    "xai": "xai",
}
_WAYS: Final = frozenset({"accounts", "converse", "invoke", "meta_llama", "deepseek_ai", "moonshotai", "models", "publishers", "qwen", "cohere_ai"})
_BEDROCK: Final = re.compile(r"(?:(?:us|eu|apac|global|jp|au|ca|us-gov)\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|writer)\.(?=\D)")
_DATE: Final = re.compile(r"(?:[-@]20\d\d(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])))?(?:-v\d+:\d+)?$")


def seller(provider: str) -> str:
    """One name for a provider, however it is written; empty for none.

    >>> seller("Vertex-AI"), seller("aws.bedrock"), seller("Our Gateway")
    ('google', 'bedrock', 'our_gateway')
    """
    word = provider.strip().lower().replace("-", "_").replace(" ", "_")
    return _SELLERS.get(word, word)


def unprefixed(model: str) -> tuple[str, str]:
    """A model's name without who sells it, and that seller where the prefix says it.

    >>> unprefixed("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    ('claude-sonnet-4-5-20250929-v1:0', 'bedrock')
    >>> unprefixed("groq/meta-llama/llama-4-scout-17b-16e-instruct")
    ('llama-4-scout-17b-16e-instruct', 'groq')
    """
    found = ""
    while "/" in model:
        first, rest = model.split("/", 1)
        word = first.lower().replace("-", "_")
        if not rest or not (word in _SELLERS or word in _WAYS or first.startswith("arn:aws:bedrock:")):
            break
        found = found or ("bedrock" if first.startswith("arn:") else _SELLERS.get(word, ""))
        model = rest
    maker = _BEDROCK.match(model)
    if maker and maker.end() < len(model):
        return model[maker.end() :], found or "bedrock"
    return model, found


def bare(provider: str, model: str) -> tuple[str, str]:
    """A model's name without any prefix, its date kept, and its seller: the provider, else what the prefix says, else empty.

    >>> bare("acme", "acme/llama-7b"), bare("", "azure/gpt-4o-2024-08-06")
    (('llama-7b', 'acme'), ('gpt-4o-2024-08-06', 'azure'))
    """
    own = f"{provider}/"
    if provider and model.startswith(own) and len(model) > len(own):
        model = model[len(own) :]
    name, told = unprefixed(model)
    return name, seller(provider) or told


def normalise(provider: str, model: str) -> str:
    """The name without a provider's prefix and without a date; whatever else it holds stays.

    >>> normalise("", "anthropic/claude-sonnet-4-5-20250929"), normalise("openai", "gpt-4o-2024-08-06")
    ('claude-sonnet-4-5', 'gpt-4o')
    >>> normalise("openai", "gpt-4o-preview-042"), normalise("google", "models/gemini-2.0-flash")
    ('gpt-4o-preview-042', 'gemini-2.0-flash')
    """
    name, _ = bare(provider, model)
    return _DATE.sub("", name, count=1) or name
