"""What every courier promises, over every kind that is registered: a kind without a case fails, and so does a promise that saw no data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as but

from service.couriers.port import Delivered, Parts, Receiver
from service.couriers.registry import COURIERS, courier_of
from service.facts import Filling, Happened, Notice, Order, Scope, Spent
from tests.conformance.courier_cases import CASES, PASSWORD, PATH_TOKEN
from tests.conformance.couriers import HOSTILE, ITEMS, WIRED, assert_no_secret, bench_of, each, good
from tests.samples import NIGHT_MS, REPORT, REPORTED


def test_every_registered_courier_has_a_case() -> None:
    assert CASES.keys() == COURIERS.keys()


def test_every_promise_sees_data() -> None:
    assert WIRED
    assert any(case.name is None for case in CASES.values())
    assert any(case.name is not None for case in CASES.values())
    assert {case.receiver.takes for case in CASES.values()} >= {"orders", "notices", "all"}
    assert all(bench_of(kind).courier.name == case.receiver.name for kind, case in CASES.items())


@each(CASES, ITEMS)
async def test_delivers(kind: str, item: Notice | Order) -> None:
    bench = bench_of(kind)
    outcome = await bench.courier.deliver(item)
    assert isinstance(outcome, Delivered)
    assert outcome.state == good(kind, item)
    assert "indexer" in bench.sent()
    await bench.courier.close()


@each(WIRED, ITEMS)
async def test_the_same_item_twice_carries_the_same_id(kind: str, item: Notice | Order) -> None:
    bench = bench_of(kind)
    await bench.courier.deliver(item)
    await bench.courier.deliver(item)
    ids = CASES[kind].identities(bench)
    assert len(ids) == (1 if CASES[kind].once else 2)
    assert set(ids) == {item.id}


HOSTILE_SPENT = [Spent(HOSTILE, 1, 1, 1)] * 20
HOSTILE_REPORT = but(
    REPORT,
    owner=HOSTILE,
    spent=HOSTILE_SPENT,
    happened=[Happened("inc-1", HOSTILE, "critical", "open", HOSTILE)] * 15,
    filling=[Filling(HOSTILE, Scope("agent", HOSTILE), 1, 1, 1, 1)],
)
REPORTS: dict[str, Notice | Order] = {"report": REPORTED, "hostile": but(REPORTED, title=HOSTILE, report=HOSTILE_REPORT)}
SILENT = {"jira", "pagerduty"}  # an issue or a call at night is no place for it


@each(CASES, REPORTS)
async def test_a_report_is_told_or_passed_over_and_never_fails(kind: str, item: Notice | Order) -> None:
    bench = bench_of(kind)
    assert isinstance(await bench.courier.deliver(item), Delivered)
    sent = bench.read()
    assert (not sent) if kind in SILENT else ("Spend by agent" in sent)
    assert "<!channel>" not in bench.sent() or not CASES[kind].entities
    await bench.courier.close()


USELESS = ["nonsense", f"ftp://user:{PASSWORD}@x", "https://x:y:z"]


@pytest.mark.parametrize("url", USELESS)
@pytest.mark.parametrize("kind", WIRED)
def test_a_courier_without_an_address_says_why_and_no_secret(kind: str, url: str) -> None:
    receiver = CASES[kind].receiver
    secrets = {name: url if name == "address" else value for name, value in receiver.secrets.items()}
    useless = replace(receiver, name="orchestrator", url=url, options={**receiver.options, "base_url": url}, secrets=secrets)
    with pytest.raises(ValueError, match=r"^receiver orchestrator: ") as mistake:
        courier_of(useless, Parts(public_url="", clock=lambda: NIGHT_MS))
    assert_no_secret(str(mistake.value))


@pytest.mark.parametrize("kind", [kind for kind, case in CASES.items() if case.receiver.secret or case.receiver.secrets])
def test_a_courier_without_its_secrets_says_why(kind: str) -> None:
    if CASES[kind].keyless:
        courier_of(replace(CASES[kind].receiver, secret="", secrets={}), Parts(public_url="", clock=lambda: NIGHT_MS))
        return
    with pytest.raises(ValueError, match=f"^receiver {CASES[kind].receiver.name}: "):
        courier_of(replace(CASES[kind].receiver, secret="", secrets={}), Parts(public_url="", clock=lambda: NIGHT_MS))


@pytest.mark.parametrize("secret", [f"whsec_!!!!{PATH_TOKEN}", "whsec_"])
def test_a_webhook_whose_secret_is_of_no_use_says_why_and_not_which(secret: str) -> None:
    useless = Receiver(name="orchestrator", kind="webhook", url="https://x", secret=secret)
    with pytest.raises(ValueError, match=r"^receiver orchestrator: ") as mistake:
        courier_of(useless, Parts(public_url="", clock=lambda: NIGHT_MS))
    assert_no_secret(str(mistake.value))


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="console, jira, slack, webhook, "):
        courier_of(Receiver(name="x", kind="fax"), Parts(public_url="", clock=lambda: NIGHT_MS))
