"""The switch: a greater sequence and an order that still holds are obeyed, everything else changes nothing, for threads and tasks alike."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.couriers.events import event_of
from service.facts import Scope
from service.sdk import Switch
from service.sdk import switch as module
from tests.core.hooks import HOUR, NOTICE, NOW_MS, ORDER, Clock

ROOT = Path(__file__).parents[2]


def event(**changes: Any) -> dict[str, Any]:
    return event_of(but(ORDER, **changes), "https://spend.example")


def test_obeys_a_greater_sequence_only_and_answers_a_repeated_order_as_before(switch: Switch) -> None:
    assert switch.may_go_on(agent="indexer", execution="run-1")
    assert switch.obey(event()) == {"state": "accepted"}
    assert not switch.may_go_on(agent="indexer", execution="run-9")
    assert switch.obey(event(id="ord-2", action="resume", sequence=4)) == {"state": "accepted"}
    assert switch.may_go_on(agent="indexer")
    assert switch.obey(event(id="ord-0", sequence=2)) == {"state": "refused", "reason": "a newer order of this scope was obeyed (sequence 4)"}
    assert switch.obey(event()) == {"state": "accepted"}
    assert switch.may_go_on(agent="indexer")


def test_nothing_holds_after_its_end_and_what_has_ended_is_refused(switch: Switch, clock: Clock) -> None:
    switch.obey(event())
    clock.now_ms = ORDER.expires_ms - 1
    assert not switch.may_go_on(agent="indexer")
    clock.now_ms += 1
    assert switch.may_go_on(agent="indexer")
    assert switch.holding() == []
    assert switch.obey(event(id="ord-2", sequence=4)) == {"state": "refused", "reason": "the order has expired"}


def test_scopes_and_tenants_are_apart_and_the_total_is_everyones(switch: Switch) -> None:
    switch.obey(event())
    assert switch.may_go_on(agent="other")
    assert switch.may_go_on(agent="indexer", tenant="acme")
    switch.obey(event(id="ord-2", scope=Scope("total", "total")))
    assert not switch.may_go_on(agent="other")
    switch.obey(event(id="ord-3", scope=Scope("use_case", "kyc")))
    switch.obey(event(id="ord-4", scope=Scope("total", "total"), action="resume", sequence=4))
    assert switch.may_go_on(agent="other")
    assert not switch.may_go_on(agent="other", use_case="kyc")


def test_gentler_orders_hold_without_stopping(switch: Switch) -> None:
    switch.obey(event(action="degrade", tier="small"))
    assert switch.may_go_on(agent="indexer")
    assert [(held.action, held.tier, held.until_ms) for held in switch.held(agent="indexer")] == [("degrade", "small", ORDER.expires_ms)]


def test_a_test_stops_nothing_and_a_notice_is_thanked_for(switch: Switch) -> None:
    answer = switch.obey({"type": "spendwarden.test", "id": "t", "data": event()["data"]})
    assert answer["state"] == "accepted"
    assert switch.obey(event_of(NOTICE, "")) == {"state": "accepted"}
    assert switch.holding() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scope": None}, "cannot be read"),
        ({"sequence": "4"}, "sequence is no whole number"),
        ({"sequence": True}, "sequence is no whole number"),
        ({"expires_at": "tomorrow"}, "cannot be read"),
        ({"expires_at": "2026-01-01T00:00:00"}, "no offset"),
        ({"action": "explode"}, "unknown action explode"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused_with_the_reason(switch: Switch, change: dict[str, Any], why: str) -> None:
    wrong = event()
    wrong["data"] |= change
    answer = switch.obey(wrong)
    assert answer["state"] == "refused"
    assert why in answer["reason"]
    assert switch.may_go_on(agent="indexer")


def test_what_is_restored_is_overtaken_by_what_is_newer(switch: Switch) -> None:
    paused = {"scope": {"kind": "agent", "name": "indexer"}, "tenant": "default", "order": "ord-1", "sequence": 3, "expires_at": "2025-11-19T03:14:00Z"}
    switch.obey(event(id="ord-2", action="resume", sequence=4))
    assert switch.restore([paused]) == 0
    assert switch.may_go_on(agent="indexer")
    fresh = Switch(lambda: NOW_MS)
    assert fresh.restore([paused, {"scope": "nonsense"}]) == 1
    assert fresh.restore([paused]) == 0
    assert not fresh.may_go_on(agent="indexer")
    assert fresh.restore([], source="another") == 0
    assert not fresh.may_go_on(agent="indexer")


def test_what_only_a_list_told_of_is_lifted_by_a_later_list_and_an_order_is_not(switch: Switch) -> None:
    paused = {"scope": {"kind": "agent", "name": "indexer"}, "tenant": "default", "order": "ord-1", "sequence": 3, "expires_at": "2025-11-19T03:14:00Z"}
    assert switch.restore([paused]) == 1
    assert switch.restore([]) == 1
    assert switch.may_go_on(agent="indexer")
    assert switch.restore([{**paused, "order": "ord-2", "sequence": 4}]) == 1
    assert switch.obey(event(id="ord-2", sequence=4)) == {"state": "accepted"}  # what was restored first and comes as an order then
    assert switch.restore([]) == 0
    assert not switch.may_go_on(agent="indexer")


@given(st.integers(), st.integers(2, 30))
def test_in_whatever_order_they_come_the_greatest_decides(seed: int, count: int) -> None:
    draw = random.Random(seed)
    orders = [event(id=f"ord-{n}", sequence=n, action=draw.choice(["pause", "resume", "throttle"])) for n in range(1, count)]
    switch = Switch(lambda: NOW_MS)
    for each in draw.choices(orders, k=count) + draw.sample(orders, len(orders)):
        switch.obey(each)
    newest = orders[-1]["data"]["action"]
    assert switch.may_go_on(agent="indexer") == (newest != "pause")
    assert len(switch.holding()) == (newest != "resume")


def test_the_table_of_scopes_is_bounded_and_what_holds_is_never_forgotten(switch: Switch, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCOPES_MAX", 3)
    for n in range(3):
        switch.obey(event(id=f"ord-{n}", scope=Scope("agent", f"a-{n}")))
    late = but(ORDER, id="ord-9", scope=Scope("agent", "a-9"), expires_ms=ORDER.expires_ms + HOUR)
    assert switch.obey(event_of(late, "")) == {"state": "refused", "reason": "3 scopes are held already"}
    assert len(switch.holding()) == 3
    clock.now_ms = ORDER.expires_ms
    assert switch.obey(event_of(but(late, id="ord-10"), "")) == {"state": "accepted"}


def test_a_thread_waits_until_it_is_let_go(switch: Switch) -> None:
    switch.obey(event())
    assert not switch.wait(0, agent="indexer")
    waiting = threading.Thread(target=switch.wait, kwargs={"agent": "indexer"})
    waiting.start()
    switch.obey(event(id="ord-2", action="resume", sequence=4))
    waiting.join(20)
    assert not waiting.is_alive()
    assert switch.wait(0, agent="indexer")


async def test_a_task_waits_until_it_is_let_go_from_another_thread(switch: Switch) -> None:
    switch.obey(event())
    waiting = asyncio.create_task(switch.waited(agent="indexer"))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(switch.obey, event(id="ord-2", action="resume", sequence=4))
    await asyncio.wait_for(waiting, 20)


async def test_a_task_that_gives_up_leaves_nothing_behind(switch: Switch) -> None:
    switch.obey(event())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await switch.waited(agent="indexer")
    assert switch._listeners == []


def test_threads_that_obey_and_ask_at_once_agree_with_the_greatest(switch: Switch) -> None:
    def play(offset: int) -> None:
        for n in range(offset, 400, 4):
            switch.obey(event(id=f"ord-{n}", sequence=n, action="pause" if n % 2 else "resume"))
            switch.may_go_on(agent="indexer")

    threads = [threading.Thread(target=play, args=(offset,)) for offset in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [held.sequence for held in switch.holding()] == [399]


def test_needs_nothing_but_the_standard_library() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import service.sdk; print(service.sdk.Switch().may_go_on(agent='a'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
