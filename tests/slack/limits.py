"""What Slack refuses in a message or a view: its limits, checked by slack-sdk's models and where those are silent by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

TEXT_MAX: Final = 40_000
METADATA_MAX: Final = 6_000
OPTION_VALUE_MAX: Final = 150


def mistakes(said: dict[str, Any]) -> list[str]:
    """What is wrong with a message."""
    return list(_message(said))


def view_mistakes(view: dict[str, Any]) -> list[str]:
    """What is wrong with a modal."""
    try:
        View(**view).validate_json()
    except SlackObjectFormationError as wrong:
        return [str(wrong)]
    return list(_blocks(view["blocks"]))


def _message(said: dict[str, Any]) -> Iterator[str]:
    if not said.get("text"):
        yield "no_text"
    if len(said.get("text", "")) > TEXT_MAX:
        yield "msg_too_long"
    if len(json.dumps(said.get("metadata", {}))) > METADATA_MAX:
        yield "metadata_too_large"
    yield from _blocks(said.get("blocks", []))


def _blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    if len(blocks) > 50:
        yield "too many blocks"
    for block in blocks:
        parsed = Block.parse(block)
        if parsed is None:
            yield f"unknown block {block['type']}"
            continue
        try:
            parsed.validate_json()
        except SlackObjectFormationError as wrong:
            yield str(wrong)
        yield from _by_hand(block)


def _by_hand(block: dict[str, Any]) -> Iterator[str]:
    if block["type"] == "context":
        yield from (f"context of {len(each['text'])}" for each in block["elements"] if len(each.get("text", "")) > 3_000)
    if block["type"] == "section" and not block.get("fields") and not block.get("text", {}).get("text"):
        yield "empty section"
    for element in block.get("elements", []) if block["type"] == "actions" else []:
        if len(element.get("value", "")) > 2_000 or len(element.get("url", "")) > 3_000:
            yield f"{element['action_id']} carries too much"
        if any(len(option["value"]) > OPTION_VALUE_MAX for option in element.get("options", [])):
            yield f"{element['action_id']}: an option carries too much"
