"""What every courier promises, over every kind that is registered: a kind without a case fails, and so does a promise that saw no data."""

from __future__ import annotations

import pytest

from service.couriers.port import Delivered, Item, Parts, Receiver
from service.couriers.registry import COURIERS, courier_of
from tests.conformance.couriers import CASES, ITEMS, PASSWORD, PATH_TOKEN, SECRET, WIRED, assert_no_secret, bench_of
from tests.samples import NIGHT_MS


def test_every_registered_courier_has_a_case() -> None:
    assert CASES.keys() == COURIERS.keys()


def test_every_promise_sees_data() -> None:
    assert WIRED
    assert any(not case.exact_names for case in CASES.values())
    assert any(case.exact_names for case in CASES.values())
    assert all(bench_of(kind).courier.name == case.receiver.name for kind, case in CASES.items())


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("kind", CASES)
async def test_delivers(kind: str, item: Item) -> None:
    bench = bench_of(kind)
    assert await bench.courier.deliver(item) == Delivered()
    assert "indexer" in bench.sent()
    await bench.courier.close()


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("kind", WIRED)
async def test_the_same_item_twice_carries_the_same_id(kind: str, item: Item) -> None:
    bench = bench_of(kind)
    await bench.courier.deliver(item)
    await bench.courier.deliver(item)
    ids = CASES[kind].identities(bench)
    assert len(ids) == (1 if CASES[kind].once else 2)
    assert set(ids) == {item.id}


USELESS = [("nonsense", SECRET), (f"ftp://user:{PASSWORD}@x", SECRET), ("https://x", ""), ("https://x", f"whsec_!!!!{PATH_TOKEN}"), ("https://x:y:z", SECRET)]


@pytest.mark.parametrize(("url", "secret"), USELESS)
@pytest.mark.parametrize("kind", WIRED)
def test_a_courier_that_cannot_be_made_says_why_and_no_secret(kind: str, url: str, secret: str) -> None:
    useless = Receiver(name="orchestrator", kind=kind, url=url, secret=secret)
    with pytest.raises(ValueError, match=r"^receiver orchestrator: ") as mistake:
        courier_of(useless, Parts(public_url="", clock=lambda: NIGHT_MS))
    assert_no_secret(str(mistake.value))


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="console, jira, slack, webhook"):
        courier_of(Receiver(name="x", kind="fax"), Parts(public_url="", clock=lambda: NIGHT_MS))
