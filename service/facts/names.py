"""Names and identities: what spend is counted for, what a finding can be, and how ids are made."""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

MARK_MS: Final = 200
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def ident(prefix: str, *parts: object) -> str:
    """The same facts, the same id, for ever: a prefix and 80 bits of a digest.

    >>> ident("inc", "default", "agent", "indexer", 7) == ident("inc", "default", "agent", "indexer", 7)
    True
    """
    text = "\0".join(map(str, parts))
    return f"{prefix}-{blake2b(text.encode(), digest_size=10).hexdigest()}"


class Scope(NamedTuple):
    """What spend is counted for and limits apply to; the total is `("total", "total")`."""

    kind: str
    name: str


TOTAL: Final = Scope("total", "total")


LONG_RUN: Final = "long_run"  # of the kind loop: not what the run repeats, but how long it goes on


class Kind(StrEnum):
    """Every kind of finding, by its published name."""

    BUDGET_THRESHOLD = "budget_threshold"
    BUDGET_FORECAST = "budget_forecast"
    EXECUTION_CAP = "execution_cap"
    TOKEN_QUOTA = "token_quota"  # noqa: S105 -- tokens of text
    LOOP = "loop"
    RETRY_STORM = "retry_storm"
    CONTEXT_GROWTH = "context_growth"
    PROMPT_BLOAT = "prompt_bloat"
    CACHE_BREAK = "cache_break"
    MODEL_SWAP = "model_swap"
    PRICE_CHANGE = "price_change"
    VOLUME_SURGE = "volume_surge"
    SPEND_ANOMALY = "spend_anomaly"
    SLOW_DRIFT = "slow_drift"
    FAN_OUT = "fan_out"
    LEAKED_KEY = "leaked_key"
    FLAT_LINE = "flat_line"
    UNPRICED = "unpriced"
    UNATTRIBUTED = "unattributed"
    TIER_VIOLATION = "tier_violation"
    BATCH_VIOLATION = "batch_violation"
    PAUSE_IGNORED = "pause_ignored"


DRIVERS: Final = ("executions", "calls_per_execution", "retries", "input_tokens", "output_tokens", "cache", "model_mix", "price", "other_layers")


class Cell(NamedTuple):
    """The grain of a tally."""

    tenant: str
    agent: str
    use_case: str
    business_unit: str
    workflow: str
    provider: str
    model: str
    layer: str
    operation: str
    batch: bool


CELL_KINDS: Final = frozenset({"agent", "use_case", "business_unit", "workflow", "provider", "model", "tenant"})  # kinds of scopes that a cell itself decides


class Member(NamedTuple):
    """A scope that no cell names (a user, a key, a label, a run) and that some limit of the policy asks for."""

    tenant: str
    kind: str
    name: str
