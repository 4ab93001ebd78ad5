"""What an issue's changes and comments say that people did about its incident. Pure.

Closed as not to be done is the verdict `not_useful`; done, in progress or taken by someone is an acknowledgement; a comment is a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from service.couriers.jira.reading import Issue, listed, mapping, serial
from service.couriers.jira.site import person_of
from service.facts import Control, ControlAction
from service.messages.adf import adf_text
from service.phrases import shown

NOTE_MAX: Final = 1_000
SOMEONE: Final = "someone in Jira"


class Deed(NamedTuple):
    """One thing one person did; `mark` is Jira's own id of it."""

    mark: str
    action: ControlAction
    by: str
    reason: str
    verdict: str = ""


def deeds_of(told: Mapping[str, Any], issue: Issue, me: str, wont_fix: frozenset[str], *, tenant: str, incident: str, receiver: str) -> list[Control]:
    """The controls that an issue with its changes and comments stands for; the same deed always has the same id."""
    deeds = [*_changes(told, issue, me, wont_fix), *_comments(told, issue, me)]
    return [
        Control(f"jira-{receiver}-{issue.id}-{deed.mark}", tenant, deed.action, deed.by, incident=incident, reason=deed.reason, verdict=deed.verdict)
        for deed in deeds
    ]


def _changes(told: Mapping[str, Any], issue: Issue, me: str, wont_fix: frozenset[str]) -> list[Deed]:
    """The last move and the last assignment, where a person made them: what came before is overtaken."""
    histories = listed(told.get("changelog"), "histories")
    last: dict[str, tuple[tuple[int, str], Mapping[str, Any], Mapping[str, Any]]] = {}
    for history in histories:
        for item in listed(history, "items"):
            name, order = str(item.get("field", "")), _order(history)
            if name in ("status", "assignee") and (name not in last or order > last[name][0]):
                last[name] = order, history, item
    found = []
    for name, (_, history, item) in sorted(last.items(), key=lambda each: each[1][0]):
        if person_of(history.get("author")) != me:
            deed = _move(history, issue, wont_fix) if name == "status" else _assignment(history, item, issue)
            found += [deed] if deed is not None else []
    return found


def _move(history: Mapping[str, Any], issue: Issue, wont_fix: frozenset[str]) -> Deed | None:
    mark, by = f"{history.get('id')}", _named(history.get("author"))
    if issue.closed_as(wont_fix):
        return Deed(mark, "verdict", by, f"closed as {shown(issue.resolution or issue.status)} in Jira {issue.key}", "not_useful")
    if issue.done:
        return Deed(mark, "acknowledge", by, f"done in Jira {issue.key}")
    return Deed(mark, "acknowledge", by, f"in progress in Jira {issue.key}") if issue.category == "indeterminate" else None


def _assignment(history: Mapping[str, Any], item: Mapping[str, Any], issue: Issue) -> Deed | None:
    """Who has it now acknowledges it, whoever gave it to them."""
    if not item.get("to") or not issue.assignee:
        return None
    return Deed(f"{history.get('id')}-assignee", "acknowledge", shown(issue.assignee), f"assigned in Jira {issue.key}")


def _comments(told: Mapping[str, Any], issue: Issue, me: str) -> list[Deed]:
    found = []
    for each in listed(mapping(told.get("fields")).get("comment"), "comments"):
        text = " ".join(adf_text(each.get("body")).split())
        if text and person_of(each.get("author")) != me:
            found.append(Deed(f"comment-{each.get('id')}", "note", _named(each.get("author")), shown(f"{text} (in Jira {issue.key})", NOTE_MAX)))
    return found


def _named(user: Any) -> str:
    name = mapping(user).get("displayName")
    return shown(name) if isinstance(name, str) and name else SOMEONE


def _order(history: Mapping[str, Any]) -> tuple[int, str]:
    """Changes made later have greater ids."""
    mark = str(history.get("id", ""))
    return serial(mark, -1), mark
