"""Messages that can be edited are brought up to date, seldom and last; what couriers keep outlives a kill; what people do there comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as but

from service.couriers.deliveries import TOLD_KEPT_MS, Remembered
from service.couriers.edits import EDIT_AFTER_MS, EDITS_MAX, Edits
from service.couriers.port import Delivered, Receiver, RetryLater
from service.facts import Act, Control, Incident
from service.log.ports import LogError
from tests.core.dispatcher.world import HOUR, Script, World, notice, order
from tests.samples import INCIDENT


def step(revision: int, incident: str = "inc-1") -> Incident:
    return but(INCIDENT, id=incident, revision=revision, spend_nanos=revision)


@pytest.fixture
def edited(world: World) -> World:
    world.couriers["orchestrator"].follows = True
    world.dispatcher = world._made()
    return world


async def test_only_the_newest_step_is_edited_and_not_at_once(edited: World) -> None:
    await edited.take(step(2))
    await edited.take(step(3), step(1, "inc-2"))
    assert await edited.due() == EDIT_AFTER_MS
    await edited.pass_time(EDIT_AFTER_MS)
    assert await edited.due() is None
    assert [(item.id, item.revision) for item in edited.courier.items if isinstance(item, Incident)] == [("inc-1", 3), ("inc-2", 1)]
    assert edited.receipts == []


async def test_what_a_person_just_did_is_shown_at_once(edited: World) -> None:
    await edited.take(step(1, "inc-2"), step(2))
    await edited.take(but(step(3), acts=[Act(step(3).time_ms, "snooze", "maria")]))
    await edited.due()
    assert [(item.id, item.revision) for item in edited.courier.items if isinstance(item, Incident)] == [("inc-1", 3)]
    await edited.pass_time(EDIT_AFTER_MS)
    assert edited.courier.items[-1].id == "inc-2"


async def test_a_notice_says_what_an_edit_would(edited: World) -> None:
    await edited.take(step(2))
    await edited.take(notice(1))
    await edited.pass_time(EDIT_AFTER_MS)
    await edited.due()
    assert edited.courier.given == ["ntc-1"]


@pytest.mark.parametrize("newer", [{"time_ms": INCIDENT.time_ms + 1}, {"acts": [Act(INCIDENT.time_ms, "note", "maria")]}])
async def test_what_was_done_right_after_a_notice_is_edited_still(edited: World, newer: dict[str, Any]) -> None:
    await edited.take(notice(1), but(INCIDENT, **newer))
    await edited.due()
    await edited.pass_time(EDIT_AFTER_MS)
    await edited.due()
    assert edited.courier.given == ["ntc-1", "inc-1"]


async def test_who_cannot_edit_gets_none(world: World) -> None:
    await world.take(step(2))
    await world.pass_time(EDIT_AFTER_MS)
    assert await world.due() is None
    assert world.courier.given == []


async def test_an_edit_waits_while_the_receiver_is_spared_and_a_newer_one_takes_its_place(edited: World) -> None:
    edited.courier.answers["inc-1"] = [RetryLater(60.0, "429 Too Many Requests")]
    await edited.take(step(2))
    await edited.pass_time(EDIT_AFTER_MS)
    await edited.due()
    await edited.take(step(3))
    await edited.pass_time(EDIT_AFTER_MS)
    assert await edited.due() == 60_000 - EDIT_AFTER_MS
    await edited.pass_time(60_000)
    await edited.due()
    assert [item.revision for item in edited.courier.items if isinstance(item, Incident)] == [2, 3]


async def test_a_wish_to_wait_of_one_alone_holds_no_other(world: World) -> None:
    world.courier.answers["ntc-1"] = [RetryLater(60.0, "channel is full", alone=True)]
    await world.take(notice(1, "inc-1"), notice(2, "inc-2"))
    await world.due()
    assert world.courier.given == ["ntc-1", "ntc-2"]
    assert world.lane("notices")["circuit"] == "closed"


async def test_the_graver_goes_first_among_those_that_wait(world: World) -> None:
    world.courier.answers["ntc-1"] = [RetryLater(60.0, "429 Too Many Requests")]
    await world.take(notice(1, "inc-1"))
    await world.due()
    await world.take(notice(2, "inc-2"), but(notice(3, "inc-3"), reason="pause_ignored"))
    await world.pass_time(60_000)
    await world.due()
    assert world.courier.given == ["ntc-1", "ntc-3", "ntc-2", "ntc-1"]


def test_the_edits_that_wait_are_bounded_and_counted() -> None:
    edits = Edits()
    for number in range(EDITS_MAX + 2):
        edits.add(step(1, f"inc-{number}"), now_ms=number)
    assert edits.dropped == 2
    oldest = edits.pick(EDITS_MAX + EDIT_AFTER_MS)
    assert oldest is not None
    assert oldest.id == "inc-2"


async def test_what_a_courier_keeps_outlives_a_kill_for_a_while(world: World) -> None:
    def memory() -> Remembered:
        return Remembered(world.memory, "orchestrator", lambda: world.now_ms)

    await memory().keep("inc-1", b"first")
    await memory().keep("inc-1", b"thread")
    await memory().keep("inc\0with\0zeros", b"another")
    assert await Remembered(world.memory, "other", lambda: 0).kept("inc-1") is None
    await world.restart()
    assert await memory().kept("inc-1") == b"thread"
    assert await memory().kept("inc\0with\0zeros") == b"another"
    await world.pass_time(TOLD_KEPT_MS + HOUR)
    await world.memory.forget(world.now_ms)
    await world.restart()
    assert await memory().kept("inc-1") is None


@dataclass
class Attentive(Script):
    """Hears one control, once a fault, and then the control again."""

    asked: int = 0

    async def heard(self) -> Sequence[Control]:
        self.asked += 1
        if self.asked == 2:
            raise RuntimeError("my secret is xyzzy")
        return [Control("ctl-1", "default", "acknowledge", "maria", "inc-1")]


async def test_what_people_do_there_comes_back(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    attentive = Attentive("orchestrator")
    world.couriers["orchestrator"] = attentive
    world.dispatcher = world._made()
    running = asyncio.ensure_future(world.dispatcher.run())
    while attentive.asked < 3:
        for _, nap in world.naps:
            if not nap.done():
                nap.set_result(None)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [control.id for control in world.controls] == ["ctl-1", "ctl-1"]
    assert "xyzzy" not in capsys.readouterr().out


async def test_a_courier_whose_memory_is_another_s_ends_the_dispatcher(world: World) -> None:
    class Late(Script):
        async def deliver(self, item: object) -> Delivered:
            raise LogError("courier-0: another courier has taken over")

    world.couriers["orchestrator"] = Late("orchestrator")
    world.dispatcher = world._made()
    await world.take(notice(1))
    with pytest.raises(LogError):
        await world.due()


async def test_an_order_goes_the_second_way_only_where_it_is_told_to_and_ends_on_both(tmp_path: Path) -> None:
    takers = [Receiver(name=name, kind="webhook", takes="orders", second=name == "gateway") for name in ("orchestrator", "gateway")]
    world = World(tmp_path, receivers=takers)
    given = [(order(1), ["orchestrator"]), (but(order(2), to=["gateway"]), ["gateway"]), (but(order(3), action="resume"), ["orchestrator", "gateway"])]
    for item, receivers in given:
        await world.take(item)
        await world.due()
        assert [name for name, courier in world.couriers.items() if item.id in courier.given] == receivers
    world.close()


async def test_edits_that_had_to_go_are_counted_where_metrics_see_it(edited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.couriers.edits.EDITS_MAX", 1)
    await edited.take(step(1, "inc-1"), step(1, "inc-2"), step(1, "inc-3"))
    assert [(lane["lane"], lane["edits_dropped"]) for lane in edited.dispatcher.snapshot()] == [("orders", 0), ("notices", 2)]
