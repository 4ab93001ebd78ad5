"""What is wrong with a policy, said to the person who wrote it: where, and what it must be instead.

Law of this file: pydantic's own words never reach a person, and the value that was refused never appears in a mistake, since
it may be a secret that somebody pasted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

MISTAKES_MAX: Final = 200  # a text that is no policy at all is not explained line by line


class Mistake(NamedTuple):
    """One thing to correct: `path` as in `budgets[2].limit_usd`, empty for the whole text.

    >>> str(Mistake("budgets[2].limit_usd", "must be above 0"))
    'budgets[2].limit_usd: must be above 0'
    """

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


class PolicyError(ValueError):
    """A policy cannot be used; `mistakes` holds every one of them, in the order of their paths."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        ordered = sorted(set(mistakes), key=lambda m: (_natural(m.path), m.problem))
        self.mistakes: list[Mistake] = ordered[:MISTAKES_MAX]
        if len(ordered) > MISTAKES_MAX:
            self.mistakes.append(Mistake("", f"and {len(ordered) - MISTAKES_MAX} more mistakes"))
        super().__init__("\n".join(map(str, self.mistakes)))


def path_of(steps: Iterable[str | int]) -> str:
    """Steps into a tree as a person writes them.

    >>> path_of(["budgets", 2, "scope", "agent"])
    'budgets[2].scope.agent'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def meant(word: str, known: Iterable[str]) -> str:
    """A suggestion to append to a problem, or nothing.

    >>> meant("limit_us", ["limit_usd", "period"])
    '; did you mean `limit_usd`?'
    """
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def problem_of(error: Mapping[str, Any], known_keys: Sequence[str]) -> str:
    """One of pydantic's errors in our words; `known_keys` are those that may stand beside an unknown one."""
    kind, ctx = str(error["type"]), error.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return f"unknown key{meant(str(error['loc'][-1]), known_keys)}"
        case "literal_error" | "enum" | "union_tag_invalid":
            allowed = re.findall(r"'([^']*)'", str(ctx.get("expected") or ctx.get("expected_tags"))) or [str(ctx.get("expected"))]
            word = ctx.get("tag", error.get("input"))
            return f"must be {'one of ' * (len(allowed) > 1)}{', '.join(allowed)}{meant(word, allowed) if isinstance(word, str) else ''}"
        case "value_error":
            return str(ctx["error"])
        case _ if kind in _LIMITS:
            return _LIMITS[kind](ctx)
        case _:
            return _PROBLEMS.get(kind, "has a form that is not understood")


def _plain(number: float) -> str:
    return f"{number:.15g}" if abs(number) < 1e15 else f"{number:g}"


_LIMITS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda ctx: f"must be above {_plain(ctx['gt'])}",
    "greater_than_equal": lambda ctx: f"must be at least {_plain(ctx['ge'])}",
    "less_than": lambda ctx: f"must be below {_plain(ctx['lt'])}",
    "less_than_equal": lambda ctx: f"must be at most {_plain(ctx['le'])}",
    "string_too_short": lambda _ctx: "must not be empty",
    "string_too_long": lambda ctx: f"must be at most {ctx['max_length']} characters long",
    "too_short": lambda ctx: "must not be empty" if ctx["min_length"] == 1 else f"must have at least {ctx['min_length']} entries",
    "too_long": lambda ctx: f"must have at most {ctx['max_length']} entries",
}
_PROBLEMS: Final[dict[str, str]] = {
    "missing": "missing",
    "union_tag_not_found": "missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}


def _natural(path: str) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"[\[\].]+", path) if part]
