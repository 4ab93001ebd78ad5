"""One incident's story as lines of the transcript, whether the books tell it or a transcript does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from service.books import IncidentStory
from service.facts import Control
from service.messages.transcript import incident_line, known, notice_line, order_line, scope_of, state_line

Line = dict[str, Any]


class Story(NamedTuple):
    """Steps oldest first; an order holds its `states`, a notice how its `delivery` ended where that is known."""

    steps: list[Line]
    orders: list[Line]
    notices: list[Line]
    controls: list[Line]

    @property
    def now(self) -> Line:
        """The incident as it is."""
        return self.steps[-1]


def of_books(story: IncidentStory) -> Story:
    """As the books have it."""
    return Story(
        [incident_line(step) for step in story.steps],
        [order_line(told.order) | {"state": told.state, "states": [state_line(state) for state in told.states]} for told in story.orders],
        [notice_line(told.notice) | {"delivery": told.state or "under way"} | known(("delivery_reason", told.reason)) for told in story.deliveries],
        [_control(control) for control in story.controls],
    )


def of_transcript(lines: Iterable[Line], incident: str) -> Story | None:
    """As a transcript has it, or None where it says nothing of this incident. It holds no deliveries, and of people only what they changed."""
    steps: list[Line] = []
    orders: dict[str, Line] = {}
    notices: list[Line] = []
    for line in lines:
        match line:
            case {"type": "incident", "id": found} if found == incident:
                steps.append(line)
            case {"type": "order", "incident": found, "id": order} if found == incident:
                orders[order] = {**line, "state": "requested", "states": []}
            case {"type": "order_state", "id": order, "state": state} if order in orders:
                orders[order]["state"] = state
                orders[order]["states"].append(line)
            case {"type": "notice", "incident": found} if found == incident:
                notices.append(line)
            case _:
                pass
    return Story(steps, list(orders.values()), notices, []) if steps else None


def _control(control: Control) -> Line:
    return {"action": control.action, "by": control.by} | known(
        ("reason", control.reason),
        ("approved_by", control.approved_by),
        ("verdict", control.verdict),
        ("scope", control.scope and scope_of(control.scope)),
    )
