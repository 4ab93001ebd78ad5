"""What is refused, and why: a closed list of reasons, each told with the field and the fix."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from service.records import ID_MAX


class Reason(StrEnum):
    """Why a record is not taken; the dead letter, the metric, the answer of the door and the tests show the same word."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LARGE = "too_large"
    MISSING = "missing"
    UNREADABLE_TIME = "unreadable_time"
    TOO_EARLY = "too_early"
    NEGATIVE = "negative"
    NOT_FINITE = "not_finite"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VALUE = "unknown_value"
    BROKEN_GZIP = "broken_gzip"


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="refused"):
    """A record that is not taken, whole, with what is wrong about it; `detail` is a sentence that says the fix.

    `field` is the contract's name of the field, empty where the record cannot be read at all; `where` says where it came from.
    """

    reason: Reason
    field: str = ""
    id: str = ""
    detail: str = ""
    where: str = ""
    raw: bytes = b""


def told_id(value: object) -> str:
    """The id of a refused record as far as it can be told: text, cut to the length of an identity, nothing that cannot be encoded.

    >>> told_id("a" * 500) == "a" * 128, told_id(5), told_id("x" + chr(0xD800))
    (True, '', 'x?')
    """
    return value[:ID_MAX].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


UNKNOWN_NAMES_MAX: Final = 256
UNKNOWN_OTHER: Final = "(other)"


class Unknown:
    """Counts the fields that were kept out, by name; beyond UNKNOWN_NAMES_MAX names they count as `(other)`.

    >>> unknown = Unknown(); unknown.add("colour"); unknown.add("colour"); unknown.counts
    {'colour': 2}
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, name: str, times: int = 1) -> None:
        """One more field of that name was kept out; names are cut to what can be shown."""
        name = told_id(name)
        if name not in self.counts and len(self.counts) >= UNKNOWN_NAMES_MAX:
            name = UNKNOWN_OTHER
        self.counts[name] = self.counts.get(name, 0) + times

    def take(self, other: Unknown) -> None:
        """All that another one counted."""
        for name, times in other.counts.items():
            self.add(name, times)
