"""An incident's plot in its thread. A picture is welcome, never needed: nothing waits for it, and whatever fails here is left out."""

from __future__ import annotations

import asyncio
from typing import Final

from service.couriers.port import Draws, Picture
from service.couriers.slack.web import Failed, Web, text_of

FILE_NAME: Final = "spend.png"
WAITING_MAX: Final = 5  # more at once are left out: drawing takes the machine's time from those who watch
PAUSES_S: Final = (0.0, 2.0, 10.0)  # the books may learn of an incident a little after its message stands


class Pictures:
    """Draws and hangs them one by one, beside everything else."""

    def __init__(self, web: Web, draws: Draws | None) -> None:
        self._web, self._draws = web, draws
        self._tasks: set[asyncio.Task[None]] = set()
        self._one = asyncio.Lock()

    @property
    def room(self) -> bool:
        """Whether one more would be drawn."""
        return self._draws is not None and len(self._tasks) < WAITING_MAX

    def begin(self, incident: str, channel: str, ts: str) -> None:
        """Draws an incident and hangs it into the thread, soon."""
        assert self._draws is not None
        task = asyncio.create_task(self._hang(self._draws, incident, channel, ts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def done(self) -> None:
        """Once all that were begun have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Leaves out what is not drawn yet."""
        for task in self._tasks:
            task.cancel()
        await self.done()

    async def _hang(self, draws: Draws, incident: str, channel: str, ts: str) -> None:
        async with self._one:
            for pause_s in PAUSES_S:
                await asyncio.sleep(pause_s)
                picture = await draws(incident)
                if picture is not None:
                    await hang(self._web, picture, channel, ts)
                    return


async def hang(web: Web, picture: Picture, channel: str, ts: str) -> bool:
    """Uploads it as Slack asks since 2024: an address for it, the bytes, and where it belongs. Whether it hangs there."""
    place = await web.call("files.getUploadURLExternal", filename=FILE_NAME, length=len(picture.png), alt_txt=picture.alt)
    if isinstance(place, Failed):
        return False
    if isinstance(await web.send(text_of(place.body, "upload_url"), picture.png, "image/png"), Failed):
        return False
    files = [{"id": text_of(place.body, "file_id"), "title": picture.alt[:200]}]
    return not isinstance(await web.call("files.completeUploadExternal", files=files, channel_id=channel, thread_ts=ts), Failed)
