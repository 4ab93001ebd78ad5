"""What Jira answers, read once and believed as little as possible: issues, ways to move them, priorities. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

FIELDS: Final = ("summary", "status", "resolution", "resolutiondate", "priority", "assignee", "creator", "labels")
SERIAL_DIGITS_MAX: Final = 18
WONT_FIX: Final = ("Won't Do", "Won't Fix", "Won\u2019t Do", "Won\u2019t Fix", "Declined", "Rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue as it stands. `category` is `new`, `indeterminate` or `done`, which no site can rename; all other names are the site's."""

    id: str
    key: str
    summary: str = ""
    category: str = ""
    status: str = ""
    resolution: str = ""
    resolved_ms: int | None = None
    priority: str = ""
    assignee: str = ""
    creator: Mapping[str, Any] | None = None
    labels: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it is in a status of the category done."""
        return self.category == "done"

    def closed_as(self, names: frozenset[str]) -> bool:
        """Whether its resolution, or where there are none its status, is one of these (case-folded)."""
        return self.done and bool({self.resolution.casefold(), self.status.casefold()} & names)

    @property
    def order(self) -> tuple[int, str]:
        """Issues made earlier come first: their ids rise."""
        return serial(self.id, 1 << 62), self.key


@dataclass(frozen=True, slots=True)
class Move:
    """A transition: where it leads, and the value of the resolution its screen asks for, if any; `asks` names other fields it wants."""

    id: str
    name: str
    to: str
    category: str
    resolutions: tuple[tuple[str, str], ...] = ()
    asks: tuple[str, ...] = ()


def issue_of(told: Any) -> Issue | None:
    """An issue, or None where it has no key."""
    if not isinstance(told, Mapping) or not isinstance(key := told.get("key"), str):
        return None
    fields = mapping(told.get("fields"))
    status = mapping(fields.get("status"))
    labels = fields.get("labels")
    return Issue(
        id=str(told.get("id", "")),
        key=key,
        summary=_text(fields.get("summary")),
        category=_text(mapping(status.get("statusCategory")).get("key")),
        status=_text(status.get("name")),
        resolution=_text(mapping(fields.get("resolution")).get("name")),
        resolved_ms=instant_ms(fields.get("resolutiondate")),
        priority=_text(mapping(fields.get("priority")).get("id")),
        assignee=_text(mapping(fields.get("assignee")).get("displayName")),
        creator=mapping(fields.get("creator")),
        labels=tuple(each for each in labels if isinstance(each, str)) if isinstance(labels, list) else (),
    )


def issues_of(told: Any) -> list[Issue]:
    """The issues of a page of a search."""
    return [issue for each in listed(told, "issues") if (issue := issue_of(each)) is not None]


def moves_of(told: Any) -> list[Move]:
    """The transitions that can be made now."""
    return [_move(each) for each in listed(told, "transitions") if isinstance(each.get("id"), str) and each.get("isAvailable") is not False]


def way_to(moves: Iterable[Move], *, done: bool, wont_fix: frozenset[str]) -> Move | None:
    """The move that leads to a status of the category done, or out of it; never one that says that nothing was done about it.

    Of several the one that asks for nothing is taken first; to reopen, the one that leads back to the start.
    """
    fitting = [move for move in moves if (move.category == "done") is done and not move.asks and not ({move.name.casefold(), move.to.casefold()} & wont_fix)]
    return min(fitting, key=lambda move: (bool(move.resolutions), move.category != "new"), default=None)


def resolution_of(move: Move, wont_fix: frozenset[str]) -> str:
    """The id of the resolution to give where its screen asks for one; empty where it does not."""
    return next((id_ for id_, name in move.resolutions if name.casefold() not in wont_fix), "")


def priority_for(ids: list[str], risk_nanos: int, severity: str) -> str:
    """Of the site's priorities (the highest first) the one for so much money at risk; what is critical is never low. Empty without any.

    >>> five = ["1", "2", "3", "4", "5"]
    >>> [priority_for(five, usd * 10**9, "warning") for usd in (0, 2, 50, 400, 5_000)]
    ['4', '4', '3', '2', '1']
    >>> priority_for(five, 0, "critical"), priority_for(["high", "low"], 0, "info"), priority_for([], 0, "critical")
    ('2', 'low', '')
    """
    if not ids:
        return ""
    level = sum(risk_nanos < line for line in _LINES_NANOS)
    level = min(level, {"critical": 1, "warning": 3}.get(severity, 4))
    return ids[round(level * (len(ids) - 1) / len(_LINES_NANOS))]


_LINES_NANOS: Final = tuple(usd * 10**9 for usd in (1_000, 100, 10, 1))


def folded(names: Iterable[str]) -> frozenset[str]:
    """Names as they are compared."""
    return frozenset(name.casefold() for name in names)


def mapping(value: Any) -> Mapping[str, Any]:
    """The object that a value is; empty where it is none."""
    return value if isinstance(value, Mapping) else {}


def listed(told: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects under this name, or of the list itself."""
    values = told.get(name) if isinstance(told, Mapping) else told
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def serial(text: str, otherwise: int) -> int:
    """The number that an id of Jira's is, which rises with time; nobody reads one of thousands of digits.

    >>> serial("10042", -1), serial("x", -1), serial("9" * 5000, -1)
    (10042, -1, -1)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= SERIAL_DIGITS_MAX else otherwise


def instant_ms(text: Any) -> int | None:
    """Unix milliseconds of an instant as Jira writes it.

    >>> instant_ms("2026-11-29T09:00:00.000+0000"), instant_ms("soon")
    (1795942800000, None)
    """
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def _move(told: Mapping[str, Any]) -> Move:
    to, fields = mapping(told.get("to")), mapping(told.get("fields"))
    resolution = mapping(fields.get("resolution"))
    needed = {name for name, field in fields.items() if isinstance(field, Mapping) and field.get("required") and not field.get("hasDefaultValue")}
    return Move(
        id=told["id"],
        name=_text(told.get("name")),
        to=_text(to.get("name")),
        category=_text(mapping(to.get("statusCategory")).get("key")),
        resolutions=tuple((_text(each.get("id")), _text(each.get("name"))) for each in listed(resolution, "allowedValues")),
        asks=tuple(sorted(needed - {"resolution"})),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
