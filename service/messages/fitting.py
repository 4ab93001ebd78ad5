"""A message that is longer than a medium takes: the parts read first stay, the foot stays, and what was left out is counted and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_Part = TypeVar("_Part")


def fitted(parts: Sequence[_Part], foot: Sequence[_Part], size: Callable[[Sequence[_Part]], int], limit: int, cut: Callable[[str], _Part]) -> list[_Part]:
    """As many of the parts as fit, then the foot; `cut` makes a part of the sentence that says what is missing.

    >>> fitted(["spent", "cause"], ["ids"], lambda parts: len(" ".join(parts)), 40, str)
    ['spent', 'cause', 'ids']
    >>> fitted(["spent", "c" * 99], ["ids"], lambda parts: len(" ".join(parts)), 40, str)
    ['spent', '1 part left out: too long', 'ids']
    """
    for kept in range(len(parts), 0, -1):
        whole = _said(parts, kept, foot, cut)
        if size(whole) <= limit:
            return whole
    return _said(parts, 0, foot, cut)


def _said(parts: Sequence[_Part], kept: int, foot: Sequence[_Part], cut: Callable[[str], _Part]) -> list[_Part]:
    missing = len(parts) - kept
    told = [cut(f"{missing} part{'s' * (missing != 1)} left out: too long")] if missing else []
    return [*parts[:kept], *told, *foot]
