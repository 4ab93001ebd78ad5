"""An incident's plot in its thread. A picture is welcome, never needed: whatever fails here is left out."""

from __future__ import annotations

from service.couriers.port import Picture
from service.couriers.slack.web import Failed, Web, text_of

FILE_NAME = "spend.png"


async def hang(web: Web, picture: Picture, channel: str, ts: str) -> bool:
    """Uploads it as Slack asks since 2024: an address for it, the bytes, and where it belongs. Whether it hangs there."""
    place = await web.call("files.getUploadURLExternal", filename=FILE_NAME, length=len(picture.png), alt_txt=picture.alt)
    if isinstance(place, Failed):
        return False
    if isinstance(await web.send(text_of(place.body, "upload_url"), picture.png, "image/png"), Failed):
        return False
    files = [{"id": text_of(place.body, "file_id"), "title": picture.alt[:200]}]
    return not isinstance(await web.call("files.completeUploadExternal", files=files, channel_id=channel, thread_ts=ts), Failed)
