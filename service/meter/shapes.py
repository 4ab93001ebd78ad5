"""What an agent's calls look like, in the open arrival minute: how large, how much from caches, how runs begin and end."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from service.facts import Reached, Shape, shape_of_call, size_bin
from service.meter.runs import CAP, Run
from service.records import Usage

ShapeKey = tuple[str, str, str]

SHAPES_PER_MINUTE_MAX: Final = 20_000  # agents' workflows per partition; one beyond it is judged by its spend alone
BEGUN_MAX: Final = 1_000  # users by name in one of them; the runs of more count under no name


class OpenShape(Struct, array_like=True, gc=False):
    """One agent's calls in one workflow; as in `Shape`."""

    calls: dict[int, int] = field(default_factory=dict)
    lowest: list[int] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    reached: Reached = field(default_factory=Reached)


def of(shapes: dict[ShapeKey, OpenShape], key: ShapeKey) -> OpenShape | None:
    """The one of (tenant, agent, workflow), begun if there is room."""
    shape = shapes.get(key)
    if shape is None and len(shapes) < SHAPES_PER_MINUTE_MAX:
        shape = shapes[key] = OpenShape()
    return shape


def count(shape: OpenShape, u: Usage, step: int) -> None:
    """A first try of a call that is the run's `step`th, counted from 1."""
    prompt = u.input_tokens + u.cache_read_tokens + u.cache_write_tokens
    if not prompt:
        return
    number, calls = shape_of_call(prompt, u.cache_read_tokens, step), shape.calls
    calls[number] = calls.get(number, 0) + 1
    if step == 1:
        lowest = shape.lowest
        if len(lowest) < 2:
            lowest.append(prompt)
            lowest.sort()
        elif prompt < lowest[1]:
            lowest[:] = sorted((lowest[0], prompt))


def begun(shape: OpenShape, user: str) -> bool:
    """A run began; says whether there was room for its user's name."""
    name = user if user in shape.begun or len(shape.begun) < BEGUN_MAX else ""
    shape.begun[name] = shape.begun.get(name, 0) + 1
    return name == user


def ended(shape: OpenShape, run: Run) -> None:
    """A run ended; one that a finding named teaches neither its cost nor its growth."""
    number = size_bin(run.calls << 3)
    shape.ended[number] = shape.ended.get(number, 0) + 1
    reached = shape.reached
    reached.runs += 1
    reached.calls = max(reached.calls, run.calls)
    reached.children = max(reached.children, len(run.children or ()))
    reached.repeats = max(reached.repeats, run.repeats)
    if not run.told & ~CAP:
        reached.growth_percent = max(reached.growth_percent, run.growth_percent)
        reached.nanos = max(reached.nanos, run.nanos)


def said(shapes: dict[ShapeKey, OpenShape], arrival_minute: int) -> list[Shape]:
    """All of the minute, as facts."""
    return [Shape(*key, arrival_minute, s.calls, s.lowest, s.ended, s.begun, s.reached) for key, s in shapes.items()]
