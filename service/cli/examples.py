"""How a command's help ends: examples, a line each, left as they are written."""

from __future__ import annotations

from typing import Final

_AS_WRITTEN: Final = "\b"  # click's mark of a paragraph that is not wrapped anew


def examples(*lines: str) -> str:
    r"""The epilog of a command.

    >>> examples("spendwarden check policy.yaml")
    '\x08\nExamples:\n  spendwarden check policy.yaml'
    """
    return "\n".join([_AS_WRITTEN, "Examples:", *(f"  {line}" for line in lines)])
