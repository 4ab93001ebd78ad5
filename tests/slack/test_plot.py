"""The plot in the thread: hung once, and nothing else is missing where it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as but

from service.couriers.port import Delivered, Picture
from service.couriers.slack.picture import WAITING_MAX
from tests.core.episodes import LOOP
from tests.slack.desk import Desk, step
from tests.slack.faults import error


async def test_the_plot_hangs_in_the_thread_once() -> None:
    desk = Desk(picture=Picture(b"\x89PNG...", "Agent indexer repeats itself"))
    for revision in (1, 2, 3):
        await desk.tell(step(LOOP, "opened" if revision == 1 else "worse", revision=revision))
    await desk.courier._pictures.done()
    assert list(desk.slack.files.values()) == [b"\x89PNG..."]
    (hung,) = desk.slack.hung
    assert (hung["channel_id"], hung["thread_ts"]) == ("C1", desk.slack.roots()[0]["ts"])
    assert "authorization" not in str(desk.slack.files)


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_without_the_plot_nothing_else_is_missing(method: str) -> None:
    desk = Desk(picture=Picture(b"\x89PNG...", "Agent indexer repeats itself"))
    desk.slack.fail(method, error("missing_scope"))
    assert await desk.tell(step(LOOP, "opened")) == Delivered()
    await desk.courier._pictures.done()
    assert len(desk.slack.roots()) == 1
    assert desk.slack.hung == []


async def test_the_books_may_know_an_incident_a_little_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.couriers.slack.picture.PAUSES_S", (0.0, 0.0, 0.0))
    desk = Desk(picture=Picture(b"\x89PNG...", "Agent indexer repeats itself"), unknown=1)
    await desk.tell(step(LOOP, "opened"))
    await desk.courier._pictures.done()
    assert desk.asked == [LOOP.id] * 2
    assert len(desk.slack.hung) == 1


async def test_of_many_at_once_some_go_without_a_picture() -> None:
    desk = Desk(picture=Picture(b"\x89PNG...", "Agent indexer repeats itself"))
    for number in range(WAITING_MAX + 3):
        await desk.tell(step(but(LOOP, id=f"inc-{number}"), "opened"))
    await desk.courier.close()
    assert len(desk.slack.roots()) == WAITING_MAX + 3
    assert len(desk.slack.hung) <= WAITING_MAX
