"""Slack's payloads become presses; what is none of ours is none. Nothing of a payload is believed to be there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from service.messages.slack.presses import PREFIX, Pressed, pressed_of
from service.messages.slack.text import SLACK
from service.messages.slack.views import APPROVE, REASON, REASON_MAX, Asked, unpacked

ACTIONS_MAX: Final = 10


class Press(NamedTuple):
    """One press of a person. `mark` is the press's own, so the same press again is the same; `asked` is what a modal or an approval is about.

    `trigger` opens a modal within three seconds, `url` takes answers for half an hour, `thread` is where the message stands.
    """

    name: str
    about: Pressed
    by: str
    mark: str
    trigger: str = ""
    url: str = ""
    thread: str = ""
    asked: Asked | None = None
    again: bool = False


def presses_of(payload: Any, *, again: bool) -> list[Press]:
    """What was pressed; `again`: Slack says the same once more."""
    told = mapping(payload)
    user = text(mapping(told.get("user")), "id")
    if not user:
        return []
    match told.get("type"):
        case "block_actions":
            found = _actions(told, f"{SLACK}{user}")
        case "view_submission":
            found = _submission(told, f"{SLACK}{user}")
        case _:
            found = iter(())
    return [press._replace(again=again) for press in found][:ACTIONS_MAX]


def payload_of(form: Mapping[str, str]) -> Any:
    """The JSON in the form's one field; None where there is none."""
    try:
        return json.loads(form.get("payload", ""))
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(told: Mapping[str, Any], name: str) -> str:
    """A text under that name, else an empty one."""
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _actions(told: Mapping[str, Any], by: str) -> Iterator[Press]:
    message, container = mapping(told.get("message")), mapping(told.get("container"))
    thread = text(message, "thread_ts") or text(message, "ts") or text(container, "message_ts")
    actions = told.get("actions")
    for each in map(mapping, actions if isinstance(actions, list) else []):
        name = text(each, "action_id").removeprefix(PREFIX)
        value = text(mapping(each.get("selected_option")), "value") or text(each, "value")
        asked = unpacked(value) if name == APPROVE else None
        about = asked.about if asked is not None else pressed_of(value)
        if about is not None:
            yield Press(name, about, by, text(each, "action_ts"), text(told, "trigger_id"), text(told, "response_url"), thread, asked)


def _submission(told: Mapping[str, Any], by: str) -> Iterator[Press]:
    view = mapping(told.get("view"))
    asked = unpacked(text(view, "private_metadata"))
    if asked is None or text(view, "callback_id") != f"{PREFIX}order":
        return
    values = mapping(mapping(view.get("state")).get("values"))
    reason = text(mapping(mapping(values.get(REASON)).get(REASON)), "value").strip()[:REASON_MAX]
    yield Press(asked.press, asked.about, by, text(view, "id"), url=asked.url, thread=asked.thread, asked=asked._replace(by=by, reason=reason))
