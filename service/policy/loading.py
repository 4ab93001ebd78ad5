"""A policy from its text, or every mistake in it at once.

Three passes look for mistakes and none hides what another finds: the text (keys that stand twice), the entries (pydantic), and
what entries say of each other (`checks`), which reads the tree as it was written and so works beside broken entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from service.policy.checks import checked
from service.policy.mistakes import Mistake, PolicyError, path_of, problem_of
from service.policy.model import Policy
from service.policy.reading import read
from service.policy.times import zone


def load(text: str) -> Policy:
    """The policy of a YAML text; an empty text is a policy too. Raises PolicyError with every mistake by its path.

    >>> load("budgets: [{name: a, scope: total, period: day, limit_usd: 0.25}]").budgets[0].limit_nanos
    250000000
    >>> load("budgets: [{name: a, scope: total, perod: day, limit_usd: 0}]")
    Traceback (most recent call last):
    ...
    service.policy.mistakes.PolicyError: budgets[0].limit_usd: must be above 0
    budgets[0].period: missing
    budgets[0].perod: unknown key; did you mean `period`?
    """
    tree, mistakes = read(text)
    try:
        policy = Policy.model_validate(tree, context={"zone": _own_zone(tree)})
    except ValidationError as error:
        mistakes += _translated(error, tree)
        policy = None
    mistakes += checked(tree)
    if mistakes or policy is None:
        raise PolicyError(mistakes)
    return policy


def _own_zone(tree: dict[str, Any]) -> ZoneInfo:
    """The zone of dates that name none; UTC where the policy's own is itself a mistake."""
    try:
        return zone(tree.get("timezone", "UTC"))
    except (ValueError, TypeError):
        return zone("UTC")


def _translated(error: ValidationError, tree: dict[str, Any]) -> list[Mistake]:
    found = []
    for detail in error.errors(include_url=False):
        steps, keys = _walk(detail["loc"])
        if detail["type"] in ("union_tag_not_found", "union_tag_invalid"):
            steps = (*steps, "kind")
        found.append(Mistake(path_of(_as_written(steps, tree)), problem_of(detail, keys)))
    return found


def _as_written(steps: tuple[str | int, ...], tree: dict[str, Any]) -> tuple[str | int, ...]:
    """A period that was written as `rolling` is spoken of as that."""
    match steps:
        case (str(section), int(index), "period") if "rolling" in (entry := tree[section][index]) and "period" not in entry:
            return section, index, "rolling"
        case _:
            return steps


def _walk(loc: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], list[str]]:
    """The steps a person would write (without pydantic's own marks), and the keys that may stand at the last one."""
    models: list[type[BaseModel]] = [Policy]
    steps: list[str | int] = []
    for index, step in enumerate(loc):
        if isinstance(step, int):
            steps.append(step)
            continue
        fields = [field for model in models for name, field in model.model_fields.items() if step in (field.alias, name)]
        last = index == len(loc) - 1
        if not fields and models and not last:
            models = [model for model in models if step in _tags(model)] or models
        elif step != "[key]":
            steps.append(step)
            if not last:
                models = [model for field in fields for model in _models_in(field.annotation)]
    return tuple(steps), [field.alias or name for model in models for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    """Every entry that an annotation may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tags(model: type[BaseModel]) -> list[str]:
    """The words by which pydantic names a member of a union in a path."""
    kind = model.model_fields.get("kind")
    return [model.TAG] if hasattr(model, "TAG") else [str(word) for word in get_args(kind.annotation)] if kind else []
