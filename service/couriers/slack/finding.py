"""Looks for messages in Slack by what they bear: only after an end that nobody knows, since a place that is remembered is never asked back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from service.couriers.slack.web import Failed, Web, text_of

LOOK_BACK_MS: Final = 300_000  # Slack's clock and ours may differ by so much
PAGE: Final = 100
PAGES_MAX: Final = 10


class Mark(NamedTuple):
    """By what a message is known again: an event of its metadata that says `value` under `key`."""

    event: str
    key: str
    value: str

    def is_on(self, message: Mapping[str, Any]) -> bool:
        """Whether a message bears it; one that came without metadata still names what it is about."""
        metadata = message.get("metadata")
        if isinstance(metadata, Mapping):
            payload = metadata.get("event_payload")
            return metadata.get("event_type") == self.event and isinstance(payload, Mapping) and payload.get(self.key) == self.value
        return message.get("thread_ts") in (None, message.get("ts")) and self.value in text_of(message, "text")


class Finder:
    """In one workspace; `ids` are the channels' ids by the names that the policy gives them."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self.ids: dict[str, str] = {}

    async def look(self, method: str, channel: str, since_ms: int, mark: Mark, **more: str) -> list[str] | Failed:
        """The places of the messages that bear the mark, the oldest first."""
        oldest, cursor, found = f"{(since_ms - LOOK_BACK_MS) / 1000:.6f}", None, []
        for _ in range(PAGES_MAX):
            answer = await self._web.call(method, channel=channel, oldest=oldest, limit=PAGE, include_all_metadata=True, cursor=cursor, **more)
            if isinstance(answer, Failed):
                return answer
            found += [text_of(each, "ts") for each in _objects(answer.body, "messages") if mark.is_on(each)]
            cursor = _next(answer.body)
            if not cursor:
                break
        return sorted(ts for ts in found if ts)

    async def channel(self, asked: str) -> str | Failed:
        """A channel's id; a name is looked up only here, because posting takes names too."""
        name, cursor = asked.removeprefix("#"), None
        if not asked.startswith("#") or asked in self.ids:
            return self.ids.get(asked, asked)
        for _ in range(PAGES_MAX):
            answer = await self._web.call("conversations.list", limit=1000, exclude_archived=True, types="public_channel,private_channel", cursor=cursor)
            if isinstance(answer, Failed):
                return answer
            self.ids |= {f"#{text_of(each, 'name')}": text_of(each, "id") for each in _objects(answer.body, "channels")}
            cursor = _next(answer.body)
            if f"#{name}" in self.ids or not cursor:
                break
        return self.ids.get(f"#{name}", asked)


def _objects(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = body.get(name)
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _next(body: Mapping[str, Any]) -> str | None:
    more = body.get("response_metadata")
    return text_of(more, "next_cursor") or None if isinstance(more, Mapping) else None
