"""What the sequential tests are fed: a closed window, by agent and by workflow, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct, field

from detectors.base import Features
from service.facts import Measures, Scope, parts_of_call
from service.records import UNATTRIBUTED
from service.warden.state import Look, Window

STEP_WEIGHTS: Final = (1.0, 0.25, 0.13, 0.06)  # later calls of a run repeat what the first one carries
LISTED_LEAST_NANOS: Final = 20_000  # below it rounding moves the ratio
INFERENCE: Final = "inference"


class Agent(Struct):
    """One agent's window. `of`: use case and business unit; `swaps` and `calls` by provider; `models`: runs begun by model; `served`: swaps by the model that served; `charged`: nanos, list nanos and calls by model."""

    of: dict[str, str] = field(default_factory=dict)
    swaps: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    charged: dict[str, list[int]] = field(default_factory=dict)
    nanos: int = 0
    planned: int = 0
    looks: dict[str, Look] = field(default_factory=dict)


class Asked(NamedTuple):
    """A test by name and what it is to hear."""

    name: str
    features: Features
    about: str = ""  # the workflow or model that it is about, where there is a test for each
    leader: str = ""  # who or what stands out in the window, where the test itself cannot say it


def by_agent(window: Window) -> dict[str, Agent]:
    """Every agent that did something in the window."""
    found: dict[str, Agent] = {}
    for cell, sums in window.cells.items():
        agent = found.setdefault(cell.agent, Agent({"use_case": cell.use_case, "business_unit": cell.business_unit}))
        agent.nanos += sums.nanos
        agent.planned += sums.planned_nanos
        if cell.layer == INFERENCE and cell.model:
            _join(agent, cell.provider, cell.model, sums)
    for (name, workflow), look in window.looks.items():
        found.setdefault(name, Agent()).looks[workflow] = look
    return found


def _join(agent: Agent, provider: str, model: str, sums: Measures) -> None:
    swaps = max(sums.swapped, sums.fallbacks)
    agent.swaps[provider] = agent.swaps.get(provider, 0) + swaps
    agent.served[model] = agent.served.get(model, 0) + swaps
    agent.calls[provider] = agent.calls.get(provider, 0) + sums.calls
    if sums.began:
        agent.models[model] = agent.models.get(model, 0) + sums.began
    listed = sums.input_pico + sums.cache_read_pico + sums.cache_write_pico + sums.output_pico
    if listed and not sums.retries and not sums.unpriced:
        charged = agent.charged.setdefault(model, [0, 0, 0])
        charged[0] += sums.nanos
        charged[1] += listed // 1000
        charged[2] += sums.calls


def by_provider(agents: Iterable[Agent]) -> dict[str, tuple[int, int]]:
    """Swaps and calls of all of them."""
    found: dict[str, tuple[int, int]] = {}
    for agent in agents:
        for provider, calls in agent.calls.items():
            hits, of = found.get(provider, (0, 0))
            found[provider] = hits + agent.swaps[provider], of + calls
    return found


def asked(agent: Agent, together: dict[str, tuple[int, int]]) -> Iterator[Asked]:
    """Every test of an agent that has something to hear, but for its pace. `together`: swaps and calls of all agents by provider."""
    calls = sum(agent.calls.values())
    if calls:
        swaps = sum(agent.swaps.values())
        server = max(agent.served, key=lambda model: (agent.served[model], model))
        yield Asked("fallback", {"hits": float(swaps), "of": float(calls), "floor": _floor(agent, together)}, leader=server if swaps else "")
    if agent.models:
        yield Asked("models", {model: float(n) for model, n in agent.models.items()})
    for model, (told, listed, n) in agent.charged.items():
        if listed >= LISTED_LEAST_NANOS:
            yield Asked("price", {"told": float(told), "listed": float(listed), "n": float(n)}, model)
    yield from _shapes(agent)


def _floor(agent: Agent, together: dict[str, tuple[int, int]]) -> float:
    """The share of swaps among other agents' calls of the same providers: theirs is no fault of this one."""
    hits = sum(together[provider][0] - agent.swaps[provider] for provider in agent.calls)
    of = sum(together[provider][1] - n for provider, n in agent.calls.items())
    return 0.012 + hits / (of + 8.0)


def _shapes(agent: Agent) -> Iterator[Asked]:
    sizes: Features = {}
    cached: Features = {}
    lengths: Features = {}
    users: Features = {}
    for workflow, look in agent.looks.items():
        openings = 0
        for shape, n in look.calls.items():
            size, eighths, step = parts_of_call(shape)
            sizes[str(size)] = sizes.get(str(size), 0.0) + n * STEP_WEIGHTS[step]
            cached[f"{step}:{eighths}"] = cached.get(f"{step}:{eighths}", 0.0) + n
            openings += n * (step == 0)
        for length, n in look.ended.items():
            lengths[str(length // 2)] = lengths.get(str(length // 2), 0.0) + n
        for user, n in look.begun.items():
            if user:
                users[user] = users.get(user, 0.0) + n
        if look.lowest:
            yield Asked("floor", _lows(openings, look.lowest), workflow)
    for name, features in (("size", sizes), ("cache", cached), ("length", lengths), ("user", users)):
        if features:
            yield Asked(name, features)


def _lows(openings: int, lowest: list[int]) -> Features:
    return {"n": float(openings), "low": float(lowest[0]), "second": float(lowest[1] if len(lowest) > 1 else 1e9)}


def begun(agent: Agent | None) -> float:
    """Runs that the agent began."""
    return float(sum(n for look in agent.looks.values() for n in look.begun.values())) if agent is not None else 0.0


def alive(agent: Agent | None) -> float:
    """The same, or one where an earlier run goes on: an agent that calls is not silent."""
    return max(begun(agent), 1.0 if agent is not None and any(agent.calls.values()) else 0.0)


def unlabelled(window: Window) -> dict[Scope, tuple[int, int]]:
    """Records without an agent, and all, by workflow."""
    found: dict[Scope, tuple[int, int]] = {}
    for cell, sums in window.cells.items():
        if cell.workflow and cell.layer == INFERENCE:
            hits, of = found.get(Scope("workflow", cell.workflow), (0, 0))
            found[Scope("workflow", cell.workflow)] = hits + sums.records * (cell.agent == UNATTRIBUTED), of + sums.records
    return found
