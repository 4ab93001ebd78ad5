"""A Slack of its own: channels and messages in memory, every request checked, every fault that Slack is known for on demand.

`FakeSlack` is a transport for httpx and, by `served.py`, a server on a port. What it refuses as wrong it keeps in `mistakes`, and a test
that ends with any has failed, whatever else it saw.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx

from tests.samples import NIGHT_MS
from tests.slack import limits, published
from tests.slack.faults import Fault

TOKEN: Final = "xoxb-correct-horse-battery-staple"
SIGNING_SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"
URL: Final = "http://slack.example/api"
BOT: Final = "U0BOT00000"


@dataclass
class Channel:
    """A channel and what was said there, by `ts`."""

    id: str
    name: str
    archived: bool = False
    joined: bool = True
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class FakeSlack(httpx.AsyncBaseTransport):
    """See the module. `faults` are taken in their order, by method; `shown_after_ms` is how long the history lags behind."""

    clock: Callable[[], int] = lambda: NIGHT_MS
    shown_after_ms: int = 0
    per_channel_s: float | None = None
    channels: dict[str, Channel] = field(default_factory=lambda: {each.id: each for each in (Channel("C1", "ai-spend"), Channel("C2", "kyc-spend"))})
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    hung: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    whispers: list[dict[str, Any]] = field(default_factory=list)
    token: str = TOKEN
    place: str = "http://slack.example"
    _last_ms: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    # ------------------------------------------------------------ what a person sees

    def roots(self, channel: str = "C1") -> list[dict[str, Any]]:
        return [each for each in self.channels[channel].messages.values() if "thread_ts" not in each]

    def replies(self, channel: str = "C1") -> list[dict[str, Any]]:
        return [each for each in self.channels[channel].messages.values() if "thread_ts" in each]

    def made(self, method: str) -> list[dict[str, Any]]:
        return [given for each, given in self.calls if each == method]

    def fail(self, method: str, *faults: Fault) -> None:
        self.faults[method].extend(faults)

    # ------------------------------------------------------------ the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request.url.path, dict(request.headers), await request.aread())

    def answer(self, path: str, headers: dict[str, str], content: bytes) -> httpx.Response:
        if path.startswith("/upload/"):
            self.files[path.removeprefix("/upload/")] = content
            return httpx.Response(200, content=b"OK")
        if path.startswith("/response/"):
            self.whispers.append(json.loads(content))
            return httpx.Response(200, content=b"ok")
        method, given = path.rpartition("/")[2], _given(headers, content)
        self.calls.append((method, given))
        fault = self.faults[method].popleft() if self.faults[method] else None
        if fault is not None and not fault.effect:
            return fault.answer()
        told = self._told(method, given, headers)
        retry_after = {"retry-after": str(told.pop("retry_after"))} if "retry_after" in told else {}
        return fault.answer() if fault is not None else httpx.Response(429 if retry_after else 200, json=told, headers=retry_after)

    def _told(self, method: str, given: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        self.mistakes += published.mistakes(method, given, authorized="authorization" in headers)
        if headers.get("authorization") != f"Bearer {self.token}":
            return _error("token_revoked")
        handler = getattr(self, f"_{method.replace('.', '_')}", None)
        return handler(given) if handler is not None else _error("unknown_method")

    # ------------------------------------------------------------ the methods

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 -- Slack's name
        channel = self._channel(given["channel"])
        refused = self._refused(channel, given)
        if channel is None or refused:
            return refused or _error("channel_not_found")
        now_ms = self.clock()
        if self.per_channel_s is not None:
            wait_ms = self._last_ms.get(channel.id, 0) + self.per_channel_s * 1000 - now_ms
            if wait_ms > 0:
                return {"ok": False, "error": "ratelimited", "retry_after": -(-int(wait_ms) // 1000)}
            self._last_ms[channel.id] = now_ms
        if "thread_ts" in given and given["thread_ts"] not in channel.messages:
            return _error("thread_not_found")
        self._count += 1
        ts = f"{now_ms // 1000}.{self._count:06d}"
        channel.messages[ts] = {"type": "message", "user": BOT, "ts": ts, **{key: given[key] for key in given.keys() & _KEPT}}
        return {"ok": True, "channel": channel.id, "ts": ts, "message": channel.messages[ts]}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given["channel"], ids_only=True)
        refused = self._refused(channel, given)
        if channel is None or refused:
            return refused or _error("channel_not_found")
        if given["ts"] not in channel.messages:
            return _error("message_not_found")
        channel.messages[given["ts"]] |= {key: given[key] for key in given.keys() & _KEPT} | {"edited": True}
        return {"ok": True, "channel": channel.id, "ts": given["ts"], "text": given["text"], "message": channel.messages[given["ts"]]}

    def _chat_delete(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given["channel"], ids_only=True)
        if channel is None or channel.messages.pop(given["ts"], None) is None:
            return _error("message_not_found")
        return {"ok": True, "channel": channel.id, "ts": given["ts"]}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._page(given, lambda each: "thread_ts" not in each)

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._page(given, lambda each: given["ts"] in (each["ts"], each.get("thread_ts")))

    def _conversations_list(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "channels": [{"id": each.id, "name": each.name} for each in self.channels.values()], "response_metadata": {"next_cursor": ""}}

    def _files_getUploadURLExternal(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 -- Slack's name
        self._count += 1
        return {"ok": True, "upload_url": f"{self.place}/upload/F{self._count}", "file_id": f"F{self._count}"}

    def _files_completeUploadExternal(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 -- Slack's name
        self.hung.append(given)
        return {"ok": True, "files": given["files"]}

    def _views_open(self, given: dict[str, Any]) -> dict[str, Any]:
        self.mistakes += limits.view_mistakes(given["view"])
        self.views.append(given["view"])
        return {"ok": True, "view": {"id": f"V{len(self.views)}"}}

    # ------------------------------------------------------------ and what they share

    def _channel(self, named: str, *, ids_only: bool = False) -> Channel | None:
        by_name = {f"#{each.name}": each for each in self.channels.values()}
        return self.channels.get(named) or (None if ids_only else by_name.get(named))

    def _refused(self, channel: Channel | None, given: dict[str, Any]) -> dict[str, Any] | None:
        wrong = limits.mistakes(given)
        self.mistakes += wrong
        if channel is None or wrong:
            return _error("invalid_blocks") if wrong else None
        return _error("is_archived") if channel.archived else None if channel.joined else _error("not_in_channel")

    def _page(self, given: dict[str, Any], keep: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        channel = self._channel(given["channel"], ids_only=True)
        if channel is None:
            return _error("channel_not_found")
        shown_s = (self.clock() - self.shown_after_ms) / 1000
        found = [each for each in channel.messages.values() if float(given["oldest"]) <= float(each["ts"]) <= shown_s + 1 and keep(each)]
        found = [each for each in found if int(each["ts"].partition(".")[0]) <= shown_s]
        found.reverse()
        start, size = int(given.get("cursor") or 0), int(given["limit"])
        more = str(start + size) if start + size < len(found) else ""
        told = [each if given.get("include_all_metadata") == "true" else {k: v for k, v in each.items() if k != "metadata"} for each in found]
        return {"ok": True, "messages": told[start : start + size], "response_metadata": {"next_cursor": more}}


_KEPT: Final = frozenset({"text", "blocks", "metadata", "thread_ts"})


def _error(code: str) -> dict[str, Any]:
    return {"ok": False, "error": code}


def _given(headers: dict[str, str], content: bytes) -> dict[str, Any]:
    if headers.get("content-type", "").startswith("application/json"):
        told: dict[str, Any] = json.loads(content)
        return told
    return dict(parse_qsl(content.decode()))
