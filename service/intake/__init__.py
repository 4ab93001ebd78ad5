"""Bytes of any supported format become a record or a refusal; nothing else in the product parses.

Law of this folder: pure functions of bytes. A format is a file with `parse`, named in `FORMATS` as the policy names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from service.intake import litellm, native
from service.intake.refusals import Reason, Refusal, Unknown
from service.records import Record

Parse: TypeAlias = Callable[[bytes, str, Unknown | None], Record | Refusal]

FORMATS: Final[dict[str, Parse]] = {"spendwarden": native.parse, "litellm": litellm.parse}

__all__ = ["FORMATS", "Parse", "Reason", "Refusal", "Unknown"]
