"""Posts a message once, though Slack keeps no ids: `sending` is remembered first, and after an end that nobody knows the message is looked for.

Slack may show a message a while after it took it, so before it is posted again it is waited for; what doubled nevertheless is deleted when
it is found, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from service.couriers.notebook import Notebook
from service.couriers.port import RetryLater
from service.couriers.slack.errors import Means, reason_of_error
from service.couriers.slack.finding import Finder, Mark
from service.couriers.slack.pace import Pace
from service.couriers.slack.thread import Thread
from service.couriers.slack.web import UNREADABLE, Failed, Said, Web, text_of

SETTLE_MS: Final = 10_000  # so long Slack may take to show what it took

Body = dict[str, Any]


class Poster:
    """`told_twice` counts what doubled and was deleted."""

    def __init__(self, web: Web, threads: Notebook[Thread], clock: Callable[[], int]) -> None:
        self._web, self._threads, self._clock = web, threads, clock
        self._finder = Finder(web)
        self._pace = Pace()
        self.told_twice = 0

    async def root(self, about: str, thread: Thread, item: str, places: Sequence[str], made: Callable[[str], Body], mark: Mark) -> Failed | None:
        """A message of its own, in the first of the places that takes it; `made` is given a word on why it stands there. None: it stands."""
        if thread.sending:
            failed = await self._found_again(about, thread, mark)
            if failed is not None or thread.stands:
                return failed
        note, failed = "", None
        for place in places:
            if (wait := self._pace.turn(self._known(place), self._clock())) is not None:
                return wait
            thread.asked, thread.sending, thread.sending_ms = place, item, self._clock()
            await self._threads.keep(about, thread)
            answer = await self._post(place, made(note))
            if isinstance(answer, Said):
                thread.channel, thread.ts, thread.note = text_of(answer.body, "channel") or place, text_of(answer.body, "ts"), note
                self._finder.ids[place] = thread.channel
                await self._stands(about, thread)
                return None
            failed = answer
            if failed.unclear:
                return failed
            if failed.means is not Means.CHANNEL:
                break
            note = f"This is told here because {reason_of_error(failed.code, place)}."
        thread.sending = ""
        await self._threads.keep(about, thread)
        return failed

    async def reply(self, about: str, thread: Thread, item: str, said: Body, mark: Mark) -> Failed | None:
        """Into the thread, once. None: it stands."""
        if thread.sending == item:
            found = await self._finder.look("conversations.replies", thread.channel, thread.sending_ms, mark, ts=thread.ts)
            if isinstance(found, Failed) and isinstance(found.outcome, RetryLater):
                return found
            if isinstance(found, list) and found:
                await self._delete(thread.channel, found[1:])
                await self._stands(about, thread)
                return None
            if (wait := self._unsettled(thread)) is not None:
                return wait
        if (wait := self._pace.turn(thread.channel, self._clock())) is not None:
            return wait
        thread.sending, thread.sending_ms = item, self._clock()
        await self._threads.keep(about, thread)
        answer = await self._post(thread.channel, said, thread_ts=thread.ts)
        if isinstance(answer, Failed):
            if not answer.unclear:
                thread.sending = ""
                await self._threads.keep(about, thread)
            return answer
        await self._stands(about, thread)
        return None

    async def update(self, thread: Thread, said: Body) -> Said | Failed:
        """Edits the root; doing it twice changes nothing."""
        if (wait := self._pace.turn(thread.channel, self._clock())) is not None:
            return wait
        return await self._sent("chat.update", thread.channel, {**said, "ts": thread.ts})

    async def merge(self, about: str, thread: Thread, mark: Mark) -> None:
        """Deletes whatever turned up beside the root after an unclear end; looked for once Slack must be showing it."""
        if not thread.unsure_ms or self._clock() - thread.sending_ms < SETTLE_MS:
            return
        found = await self._finder.look("conversations.history", thread.channel, thread.unsure_ms, mark)
        if isinstance(found, list) and await self._delete(thread.channel, [ts for ts in found if ts != thread.ts]):
            thread.unsure_ms = 0
            await self._threads.keep(about, thread)

    async def _stands(self, about: str, thread: Thread) -> None:
        thread.tells()
        await self._threads.keep(about, thread)

    async def _found_again(self, about: str, thread: Thread, mark: Mark) -> Failed | None:
        """Takes up the root whose posting had no known end, if it is there; waits while it may yet appear."""
        since_ms = thread.unsure_ms or thread.sending_ms
        channel = await self._finder.channel(thread.asked)
        found = channel if isinstance(channel, Failed) else await self._finder.look("conversations.history", channel, since_ms, mark)
        if isinstance(found, Failed) and isinstance(found.outcome, RetryLater):
            return found
        if isinstance(found, list) and found:
            assert isinstance(channel, str)
            thread.channel, thread.ts = channel, found[0]
            thread.unsure_ms = 0 if await self._delete(channel, found[1:]) else since_ms
            await self._stands(about, thread)
            return None
        thread.unsure_ms = since_ms
        return self._unsettled(thread)

    def _unsettled(self, thread: Thread) -> Failed | None:
        wait_ms = SETTLE_MS - max(self._clock() - thread.sending_ms, 0)
        return Failed(RetryLater(wait_ms / 1000, "waits to see whether the last post arrived", alone=True)) if wait_ms > 0 else None

    async def _post(self, channel: str, said: Body, thread_ts: str | None = None) -> Said | Failed:
        answer = await self._sent("chat.postMessage", channel, {**said, "thread_ts": thread_ts, "unfurl_links": False, "unfurl_media": False})
        return UNREADABLE if isinstance(answer, Said) and not text_of(answer.body, "ts") else answer

    async def _sent(self, method: str, channel: str, said: Body) -> Said | Failed:
        """What Slack refuses in this form is sent as text alone; where it asks to slow down, the channel is spared from now on."""
        answer = await self._web.call(method, channel=channel, **said)
        if isinstance(answer, Failed) and answer.means is Means.CONTENT and "blocks" in said:
            bare = {name: value for name, value in said.items() if name not in ("blocks", "metadata")}
            answer = await self._web.call(method, channel=channel, **bare, **({"blocks": []} if method == "chat.update" else {}))
        if isinstance(answer, Failed) and isinstance(answer.outcome, RetryLater) and answer.outcome.alone:
            self._pace.slow_down(self._known(channel), self._clock(), answer.outcome.after_s or 0.0)
        return answer

    def _known(self, channel: str) -> str:
        return self._finder.ids.get(channel, channel)

    async def _delete(self, channel: str, places: Sequence[str]) -> bool:
        """Whether none of them is left."""
        left = False
        for ts in places:
            answer = await self._web.call("chat.delete", channel=channel, ts=ts)
            gone = isinstance(answer, Said) or answer.means is Means.GONE
            self.told_twice += isinstance(answer, Said)
            left = left or not gone
        return not left
