"""What Slack asks a person before a pause or a resume: the reason, and where two must agree, the second person."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from service.facts import Incident
from service.messages.slack.presses import PREFIX, Pressed, button, pressed_of, value_of
from service.messages.slack.text import SECTION_MAX, fitted, person, plain_text, section
from service.money import spoken
from service.phrases import called, capital, moment

REASON_MAX: Final = 500  # it travels inside a button, which carries 2,000 characters
REASON: Final = f"{PREFIX}reason"
APPROVE: Final = "approve"
_SAYS: Final = {
    "pause": "Ask whoever runs the agents to stop {who} now. The spend is watched until it has really stopped. Spent so far: {spent}.",
    "resume": "Let {who} go on. Nothing is stopped there by itself until the period, or the run, is over. Spent so far: {spent}.",
}


class Asked(NamedTuple):
    """An order that a person asks for: `press` is `pause` or `resume`; `id` the control's, so that two approvals are one."""

    press: str
    about: Pressed
    by: str = ""
    reason: str = ""
    id: str = ""
    url: str = ""
    thread: str = ""


def packed(asked: Asked) -> str:
    """As a modal or a button carries it.

    >>> unpacked(packed(Asked("pause", Pressed("inc-1", 2), "slack:U1"))) == Asked("pause", Pressed("inc-1", 2), "slack:U1")
    True
    >>> unpacked("[]") is unpacked('{"press": "fly"}') is None
    True
    """
    return json.dumps({**asked._asdict(), "about": value_of(asked.about)}, separators=(",", ":"), ensure_ascii=False)


def unpacked(text: str) -> Asked | None:
    """What was packed, or None where it is none of ours."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    given = {name: told.get(name, "") for name in Asked._fields} if isinstance(told, dict) else {"press": ""}
    if not all(isinstance(value, str) for value in given.values()) or given["press"] not in _SAYS:
        return None
    about = pressed_of(given["about"])
    return None if about is None else Asked(**{**given, "about": about})


def question(asked: Asked, incident: Incident) -> dict[str, Any]:
    """The modal that asks for the reason, and so for a second look."""
    verb = capital(asked.press)
    text = _SAYS[asked.press].format(who=_whom(incident), spent=spoken(incident.spend_nanos))
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}order",
        "private_metadata": packed(asked),
        "title": plain_text(f"{verb} it?"),
        "submit": plain_text(verb),
        "close": plain_text("Cancel"),
        "blocks": [
            section(fitted(text, SECTION_MAX)),
            {
                "type": "input",
                "block_id": REASON,
                "label": plain_text("Why?"),
                "hint": plain_text("Everyone who is told of it reads this."),
                "element": {"type": "plain_text_input", "action_id": REASON, "multiline": True, "min_length": 3, "max_length": REASON_MAX},
            },
        ],
    }


def approval(asked: Asked, incident: Incident) -> dict[str, Any]:
    """The message in the thread that asks for a second person."""
    text = f"{person(asked.by)} asks to {asked.press} {fitted(_whom(incident), 300)} ({spoken(incident.spend_nanos)} spent): {fitted(asked.reason, 800)}"
    approve = button(APPROVE, f"Approve: {asked.press}", packed(asked._replace(url="", thread="")), style="primary")
    return {
        "text": text,
        "blocks": [
            section(f"{text}\nIt takes a second person, and one of the two must be an approver where the policy names any."),
            {"type": "actions", "block_id": f"{PREFIX}{APPROVE}", "elements": [approve]},
        ],
    }


def approved(asked: Asked, by: str, now_ms: int) -> dict[str, Any]:
    """What the question for a second person becomes."""
    text = f"{capital(asked.press)} asked for by {person(asked.by)}, approved by {person(by)} on {moment(now_ms)}: {fitted(asked.reason, 800)}"
    return {"text": text, "blocks": [section(text)]}


def _whom(incident: Incident) -> str:
    return called(incident.ordered.scope if incident.ordered is not None and incident.ordered.scope is not None else incident.scope)
