"""A Slack of its own to try the service with: `python -m tests.slack` shows what is posted, draws it, and presses what you type.

    .venv/bin/python -m tests.slack --draw slack.png
    > acknowledge            (or: expected, not_useful, ticket, snooze, approve, pause REASON, resume REASON, /spend SCOPE, draw, quit)

The policy's receiver names it by `base_url: http://127.0.0.1:9797/api`, with the token `xoxb-local` and the signing secret `local-secret`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from service.clock import now_ms
from tests.slack.page import Page
from tests.slack.picture import message
from tests.slack.pressing import LI, MARIA, Hand
from tests.slack.reading import read
from tests.slack.served import served
from tests.slack.server import Channel, FakeSlack

TOKEN: Final = "xoxb-local"
SECRET: Final = "local-secret"
LOOK_S: Final = 0.2


class Window:
    """Shows what is new since it looked last."""

    def __init__(self, slack: FakeSlack, draw: Path | None) -> None:
        self._slack, self._draw = slack, draw
        self._shown: dict[str, str] = {}
        self._whispers = self._files = 0

    def look(self) -> None:
        """What was posted, edited, uploaded or whispered."""
        news = False
        for channel in self._slack.channels.values():
            for ts, said in channel.messages.items():
                if self._shown.get(ts) != (text := read(said)):
                    where = f"#{channel.name}" + (", in the thread" if "thread_ts" in said else "")
                    print(f"\n======== {'edited' if ts in self._shown else 'posted'} in {where}\n{text}")
                    self._shown[ts], news = text, True
        for whisper in self._slack.whispers[self._whispers :]:
            print(f"\n-------- to the one who pressed: {whisper['text']}")
        for name in list(self._slack.files)[self._files :]:
            print(f"\n-------- a picture of {len(self._slack.files[name]):,} bytes, in the thread")
        self._whispers, self._files = len(self._slack.whispers), len(self._slack.files)
        if news and self._draw is not None:
            self.draw(self._draw)

    def draw(self, path: Path) -> None:
        """All that stands there, as a picture."""
        page = Page()
        for channel in self._slack.channels.values():
            for said in channel.messages.values():
                if "blocks" in said:
                    message(page, said, f"#{channel.name}", left=118 if "thread_ts" in said else 62)
        page.save(path)

    def newest(self, name: str) -> dict[str, Any] | None:
        """The newest message that offers such a button."""
        said = [each for channel in self._slack.channels.values() for each in channel.messages.values()]
        return next((each for each in reversed([*said, *self._slack.whispers]) if f"spendwarden.{name}'" in str(each)), None)


async def press(window: Window, slack: FakeSlack, hand: Hand, typed: str) -> None:
    """What a person would do there; `approve` is pressed by another one."""
    name, _, rest = typed.partition(" ")
    if name == "/spend":
        told = await hand.write(rest)
        print(told["text"], *(each["text"]["text"] for each in told.get("blocks", []) if each.get("text", {}).get("type") == "mrkdwn"), sep="\n")
        return
    said = window.newest(name)
    if said is None:
        print(f"nothing offers {name!r}")
        return
    opened = len(slack.views)
    answer = await hand.press(said, name, user=LI if name == "approve" else MARIA)
    if answer.status_code != 200:
        print(answer.text)
    if name in ("pause", "resume"):
        await asyncio.sleep(LOOK_S)
        if len(slack.views) > opened:
            await hand.submit(slack.views[-1], rest or "typed in", mark=f"V{len(slack.views)}")


async def main(asked: argparse.Namespace) -> None:
    """Until `quit`, or for ever where nobody types."""
    slack = FakeSlack(clock=now_ms, token=TOKEN, channels={f"C{n}": Channel(f"C{n}", name) for n, name in enumerate(asked.channels, 1)})
    window = Window(slack, asked.draw)
    async with served(slack, asked.port) as url, httpx.AsyncClient(base_url=asked.service, trust_env=False) as door:
        print(f"{url} with channels {', '.join('#' + name for name in asked.channels)}, token {TOKEN}, signing secret {SECRET}", flush=True)
        hand = Hand(door, now_ms, SECRET, response_url=f"{slack.place}/response/1")
        typing = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
        while True:
            window.look()
            await asyncio.sleep(LOOK_S)
            if typing.done() and (typed := typing.result().strip()):
                if typed == "quit":
                    break
                await press(window, slack, hand, typed)
                typing = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
    for wrong in slack.mistakes:
        print(f"Slack would refuse: {wrong}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.slack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9797)
    parser.add_argument("--service", default="http://127.0.0.1:8484", help="where presses go")
    parser.add_argument("--channels", nargs="+", default=["ai-spend", "kyc-spend"])
    parser.add_argument("--draw", type=Path, help="a PNG of all that stands there, drawn anew with each post")
    asyncio.run(main(parser.parse_args()))
