"""Every order and every notice ends in a receipt: delivered, tried again, given up with its reason, or not sent at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from service.couriers.addressing import UNDO_MAX_MS
from service.couriers.deliveries import ENDED_KEPT_MS
from service.couriers.port import Delivered, GaveUp, Item, Outcome, Receiver, RetryLater
from service.facts import Notice, Order, Receipt, Scope, Untold
from tests.core.dispatcher.world import DOWN, HOUR, START, Actor, Script, World, notice, order
from tests.samples import INCIDENT


async def test_orders_and_notices_are_delivered_and_receipted(world: World) -> None:
    world.courier.answers["ord-1"] = [Delivered("accepted")]
    await world.take(INCIDENT, order(1), notice(1), Untold(START, "inc-1", "default", "snoozed"))
    assert await world.due() is None
    assert world.courier.given == ["ord-1", "ntc-1"]
    assert world.receipts == [Receipt("ord-1", "orchestrator", "accepted", "", "default"), Receipt("ntc-1", "orchestrator", "delivered", "", "default")]


async def test_a_failing_receiver_is_tried_again_with_growing_patience(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN, DOWN, RetryLater(9.0, "429 Too Many Requests")]
    await world.take(order(1))
    assert await world.due() == 250
    assert await world.pass_time(249) == 1
    assert world.courier.given == ["ord-1"]
    assert await world.pass_time(1) == 500
    assert await world.pass_time(500) == 9_000
    assert world.lane() == {
        "receiver": "orchestrator",
        "lane": "orders",
        "pending": 1,
        "in_flight": 0,
        "circuit": "closed",
        "last_error": "429 Too Many Requests",
        "next_attempt_ms": world.now_ms + 9_000,
        "delivered": 0,
        "retried": 3,
        "gave_up": 0,
        "expired": 0,
        "dropped": 0,
        "told_twice": 0,
        "edits_dropped": 0,
    }
    assert await world.pass_time(9_000) is None
    assert world.ends() == [("ord-1", "delivered")]


async def test_what_will_never_work_ends_with_its_reason(world: World) -> None:
    world.courier.answers["ord-1"] = [GaveUp("404 Not Found: no such hook")]
    await world.take(order(1))
    await world.due()
    assert world.receipts == [Receipt("ord-1", "orchestrator", "failed", "404 Not Found: no such hook", "default")]


async def test_an_expired_order_is_not_sent(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    await world.take(order(1, expires_ms=START + 200))
    await world.due()
    await world.pass_time(250)
    assert world.courier.given == ["ord-1"]
    assert world.receipts == [Receipt("ord-1", "orchestrator", "expired", "it expired before it could be delivered", "default")]


async def test_an_overtaken_order_is_not_sent_and_holds_nothing_up(world: World) -> None:
    world.courier.answers["ord-1"] = [DOWN]
    await world.take(order(1))
    await world.due()
    await world.take(order(2, action="resume"), order(3, "other"))
    await world.due()
    assert world.courier.given == ["ord-1", "ord-2", "ord-3"]
    assert world.ends() == [("ord-1", "expired"), ("ord-2", "delivered"), ("ord-3", "delivered")]


async def test_what_overtook_an_order_is_remembered_over_a_restart(world: World) -> None:
    await world.take(order(2, action="resume"))
    await world.due()
    await world.restart()
    await world.take(order(1))
    await world.due()
    assert world.courier.given == ["ord-2"]
    assert world.ends()[-1] == ("ord-1", "expired")


async def test_a_notice_nobody_took_for_a_day_is_given_up(world: World) -> None:
    world.courier.always = DOWN
    await world.take(notice(1))
    for _ in range(400):
        wait = await world.due()
        if wait is None:
            break
        world.now_ms += wait
    assert world.receipts == [Receipt("ntc-1", "orchestrator", "failed", "nobody took it for a day", "default")]


async def test_an_observed_order_is_not_sent(world: World) -> None:
    await world.take(order(1, mode="observe"))
    await world.due()
    assert world.courier.given == []
    assert world.receipts == []


@pytest.mark.parametrize(
    ("takes", "item", "state"),
    [
        ("notices", order(1), "no receiver takes orders"),
        ("orders", notice(1), "no receiver orchestrator takes notices"),
        ("all", notice(1, receiver="gone"), "no receiver gone takes notices"),
    ],
)
async def test_what_nobody_takes_ends_at_once(tmp_path: Path, takes: str, item: Order | Notice, state: str) -> None:
    world = World(tmp_path, [Receiver(name="orchestrator", kind="webhook", takes=takes)])  # type: ignore[arg-type]
    await world.take(item)
    assert [(receipt.id, receipt.state, receipt.reason) for receipt in world.receipts] == [(item.id, "failed", state)]
    assert world.courier.given == []
    world.close()


async def test_orders_go_to_who_takes_their_kind_of_scope(tmp_path: Path) -> None:
    receivers = [
        Receiver(name=name, kind="webhook", takes="orders", scopes=scopes) for name, scopes in (("keys", ("api_key",)), ("runs", ("execution", "agent")))
    ]
    world = World(tmp_path, receivers)
    await world.take(order(1), replace(order(2), scope=Scope("user", "ann")))
    await world.due()
    assert [(receipt.id, receipt.receiver, receipt.state, receipt.reason) for receipt in world.receipts] == [
        (order(2).id, "", "failed", "no receiver takes orders about this kind of scope"),
        (order(1).id, "runs", "delivered", ""),
    ]
    world.close()


async def test_orders_go_to_every_receiver_that_takes_them(tmp_path: Path) -> None:
    world = World(tmp_path, [Receiver(name=name, kind="webhook", takes=takes) for name, takes in (("a", "orders"), ("b", "all"), ("c", "notices"))])  # type: ignore[arg-type]
    await world.take(order(1), notice(1, receiver="c"))
    await world.due()
    assert {name: courier.given for name, courier in world.couriers.items()} == {"a": ["ord-1"], "b": ["ord-1"], "c": ["ntc-1"]}
    world.close()


async def test_what_the_outbox_says_again_is_not_sent_again(world: World) -> None:
    await world.take(order(1), order(1), notice(1))
    await world.due()
    await world.restart()
    await world.take(order(1), notice(1))
    await world.due()
    assert world.courier.given == ["ord-1", "ntc-1"]
    await world.pass_time(ENDED_KEPT_MS + HOUR)
    await world.take(notice(1))
    await world.take(notice(1))
    await world.due()
    assert world.courier.given == ["ord-1", "ntc-1", "ntc-1"]  # forgotten after a while: the memory is bounded


async def test_a_courier_s_own_fault_stops_nothing_and_shows_nothing(world: World) -> None:
    class Faulty(Script):
        async def deliver(self, item: Item) -> Outcome:
            raise RuntimeError("my secret is xyzzy")

    world.couriers["orchestrator"] = Faulty("orchestrator")
    world.dispatcher = world._made()
    await world.take(order(1))
    await world.due()
    assert world.lane()["last_error"] == "fault in the courier (RuntimeError)"
    assert world.lane()["pending"] == 1


async def test_an_order_that_nobody_answered_for_is_let_go_once_it_is_over(world: World) -> None:
    actor = world.couriers["orchestrator"] = Actor("orchestrator", always=RetryLater(None, "no answer"), lets=[RetryLater(None, "still none")])
    world.dispatcher = world._made()
    await world.take(order(1))
    await world.due()
    world.now_ms += HOUR
    await world.due()
    assert (actor.given, actor.let) == (["ord-1"], ["ord-1"])
    assert world.receipts == []  # not before it is undone
    world.now_ms += HOUR
    await world.due()
    assert actor.let == ["ord-1", "ord-1"]
    assert [(receipt.state, receipt.reason) for receipt in world.receipts] == [("expired", "it expired before it could be delivered")]


async def test_an_order_that_was_overtaken_is_left_to_the_newer_one(world: World) -> None:
    actor = world.couriers["orchestrator"] = Actor("orchestrator", always=RetryLater(None, "no answer"))
    world.dispatcher = world._made()
    await world.take(order(1))
    await world.due()
    await world.take(order(2, action="resume"))
    world.now_ms += HOUR
    await world.due()
    assert actor.let == []


async def test_who_is_away_for_good_is_not_undone_for_ever(world: World) -> None:
    actor = world.couriers["orchestrator"] = Actor("orchestrator", always=RetryLater(None, "no answer"))
    world.dispatcher = world._made()
    await world.take(order(1))
    world.now_ms += HOUR + UNDO_MAX_MS
    await world.due()
    assert actor.let == []
    assert [receipt.state for receipt in world.receipts] == ["expired"]
