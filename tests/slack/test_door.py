"""Who comes in by Slack's door: whoever Slack signs for, and nothing that is none of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.fake_service import FakeService
from tests.slack.pressing import MARIA, Room
from tests.slack.server import SIGNING_SECRET


@pytest.mark.parametrize("path", ["/slack/actions", "/slack/commands"])
async def test_nobody_without_the_signature_comes_in(room: Room, path: str) -> None:
    form = {"payload": "{}", "text": "total"}
    room.hand.secret = "another"
    refused = [await room.hand.send(path, form)]
    room.hand.secret = SIGNING_SECRET
    refused += [await room.hand.send(path, form, age_s=301), await room.hand.send(path, form, age_s=-301), await room.door.post(path, data=form)]
    refused += [
        await room.hand.send(path, form, {"x-slack-request-timestamp": "soon"}),
        await room.hand.send(path, form, {"x-slack-signature": "v0=ü".encode()}),
    ]
    assert [answer.status_code for answer in refused] == [401] * 6
    assert {answer.json()["field"] for answer in refused} == {"X-Slack-Signature"}
    assert (await room.hand.send(path, form, age_s=299)).status_code == 200


async def test_a_body_that_was_changed_is_refused(room: Room) -> None:
    answer = await room.hand.send("/slack/actions", {"payload": "{}"})
    assert answer.status_code == 200
    sent = answer.request
    changed = await room.door.post(
        "/slack/actions", content=sent.content + b"&payload=%7B%7D", headers=dict(sent.headers) | {"content-length": str(len(sent.content) + 15)}
    )
    assert changed.status_code == 401


RUBBISH: dict[str, Any] = {
    "nothing": "",
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "no user": {"type": "block_actions", "actions": []},
    "another type": {"type": "shortcut", "user": {"id": MARIA}},
    "no actions": {"type": "block_actions", "user": {"id": MARIA}, "actions": "none"},
    "someone else's action": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "approve_leave", "value": "a|1||"}, 7]},
    "a torn value": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "spendwarden.acknowledge", "value": "inc-1|x"}]},
    "a torn question": {"type": "block_actions", "user": {"id": MARIA}, "actions": [{"action_id": "spendwarden.approve", "value": '{"press": "fly"}'}]},
    "someone else's modal": {"type": "view_submission", "user": {"id": MARIA}, "view": {"callback_id": "leave", "private_metadata": "{}"}},
    "a torn modal": {"type": "view_submission", "user": {"id": MARIA}, "view": {"callback_id": "spendwarden.order", "private_metadata": "[]", "state": 1}},
}


@pytest.mark.parametrize("payload", RUBBISH.values(), ids=RUBBISH)
async def test_what_is_none_of_ours_changes_nothing(room: Room, payload: Any) -> None:
    answer = await room.hand.send("/slack/actions", {"payload": payload if isinstance(payload, str) else json.dumps(payload)})
    assert answer.status_code == 200
    assert room.service.said == []


async def test_without_a_slack_receiver_there_is_nothing_here(room: Room) -> None:
    from tests.scenarios.door.client import client_of  # noqa: PLC0415 -- the door without chats

    async with client_of(FakeService()) as door:
        answer = await door.post("/slack/actions", data={"payload": "{}"})
    assert answer.status_code == 404
    assert "signing_secret" in answer.json()["detail"]
