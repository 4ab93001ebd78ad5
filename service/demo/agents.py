"""The forty agents of the demo: eight use cases, five agents each, and the one of them that runs away."""

from __future__ import annotations

from typing import Final, NamedTuple

ROLES: Final = {"reader": 1.6, "checker": 1.2, "writer": 1.0, "planner": 0.7, "auditor": 0.5}  # how busy each of a use case's five agents is


class Work(NamedTuple):
    """What the agents of one use case do: by which model, how often a day each, in how many steps, with how many tokens."""

    use_case: str
    business_unit: str
    provider: str
    model: str
    runs_a_day: float
    steps: float
    opening: int
    output: int
    night: float  # how busy the small hours are, as a share of noon
    queries: bool = False  # whether a run begins by asking a vector store


WORKS: Final = (
    Work("claims-triage", "insurance", "anthropic", "claude-sonnet-4-5", 110, 4.0, 5_200, 420, 0.15, queries=True),
    Work("fraud-review", "insurance", "openai", "gpt-4.1", 70, 5.0, 6_400, 380, 0.60),
    Work("invoice-matching", "finance", "anthropic", "claude-opus-4-1", 30, 3.0, 3_100, 260, 0.10),
    Work("month-close", "finance", "openai", "gpt-4.1-mini", 90, 3.5, 7_800, 520, 0.90),
    Work("support-chat", "service", "openai", "gpt-4o-mini", 260, 3.0, 2_400, 210, 0.30, queries=True),
    Work("call-summaries", "service", "google", "gemini-2.5-flash", 180, 1.5, 9_000, 640, 0.05),
    Work("contract-search", "legal", "mistral", "mistral-medium-3", 60, 4.5, 8_200, 450, 0.05, queries=True),
    Work("policy-drafts", "legal", "anthropic", "claude-haiku-4-5", 80, 4.0, 4_600, 900, 0.05),
)


class Agent(NamedTuple):
    """One of the forty; `busy` is its share of its use case's work, 1.0 on the average."""

    name: str
    busy: float
    work: Work


AGENTS: Final = tuple(Agent(f"{work.use_case}-{role}", busy, work) for work in WORKS for role, busy in ROLES.items())
RUNAWAY: Final = next(agent for agent in AGENTS if agent.name == "invoice-matching-checker")
