"""What every courier promises, over every kind that is registered: a kind without a case fails, and so does a promise that saw no data."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from msgspec.structs import replace as but
from rich.console import Console

from service.couriers.port import Courier, Delivered, GaveUp, Item, Parts, Receiver, RetryLater
from service.couriers.registry import COURIERS, courier_of
from service.facts import Incident, Kind, Notice, Order, Scope
from service.warden.titles import title

NOW_MS = 1_763_518_440_000
SECRET = "correct-horse-battery-staple"
PASSWORD = "tr0ub4dor-and-3"
PATH_TOKEN = "T0123456789abcdefXYZ"
HOSTILE = "a\nb\r\u202e\x1b[2J<!channel> [red]x[/red] \x00" + "y" * 10_000

INCIDENT = Incident(
    time_ms=NOW_MS,
    action="opened",
    id="inc-1",
    tenant="default",
    scope=Scope("agent", "indexer"),
    kinds=[Kind.LOOP],
    severity="critical",
    state="open",
    opened_ms=NOW_MS,
    revision=1,
    spend_nanos=6_120_000_000,
    excess_nanos=5_900_000_000,
    limit_nanos=None,
    cause=None,
    evidence=[],
    reason="opened",
)
NOTICE = Notice(NOW_MS, "ntc-1", "default", "inc-1", "spend", "opened", title(INCIDENT, "opened"), INCIDENT)
ORDER = Order(NOW_MS, "pause", "ord-1", "default", Scope("agent", "indexer"), "inc-1", "loop", "enforce", NOW_MS + 86_400_000, 3)
ITEMS = {"notice": NOTICE, "order": ORDER}
WICKED = but(INCIDENT, scope=Scope("agent", HOSTILE), owner=HOSTILE, detail=HOSTILE, executions=[HOSTILE])
WICKED_ITEMS = {
    "notice": but(NOTICE, title=title(WICKED, "opened"), about=WICKED),
    "order": but(ORDER, scope=Scope("agent", HOSTILE), executions=[HOSTILE], by=HOSTILE, reason=HOSTILE),
}

Reply = Callable[[httpx.Request], httpx.Response]


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The other side: answers each request by `reply` and keeps what it was sent."""

    reply: Reply
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self.reply(request)


@dataclass
class Bench:
    """A courier under test and what leaves it."""

    courier: Courier
    wire: Wire
    screen: io.StringIO

    def sent(self) -> str:
        return self.screen.getvalue() + "".join(request.content.decode() for request in self.wire.requests)


@dataclass(frozen=True)
class Case:
    """What the suite has to know of a kind: its receiver, whether it speaks HTTP, what a good answer is and how an item is told from others."""

    receiver: Receiver
    wired: bool
    good: Reply = lambda _: httpx.Response(200)
    identities: Callable[[Bench], list[str]] = lambda bench: []
    exact_names: bool = False  # what is sent is for programs: names are exact and escaped by its own format


def _webhook_ids(bench: Bench) -> list[str]:
    return [request.headers["webhook-id"] for request in bench.wire.requests]


CASES: dict[str, Case] = {
    "console": Case(Receiver(name="here", kind="console"), wired=False),
    "webhook": Case(
        Receiver(
            name="orchestrator", kind="webhook", url=f"https://user:{PASSWORD}@hooks.example/{PATH_TOKEN}/in?key={PATH_TOKEN}", secret=SECRET, takes="all"
        ),
        wired=True,
        identities=_webhook_ids,
        exact_names=True,
    ),
}
WIRED = [kind for kind, case in CASES.items() if case.wired]


def bench_of(kind: str, reply: Reply | None = None) -> Bench:
    case, screen = CASES[kind], io.StringIO()
    wire = Wire(reply or case.good)
    parts = Parts(
        public_url="https://spend.example", clock=lambda: NOW_MS, body_s=0.05, console=Console(file=screen, width=100, force_terminal=True), transport=wire
    )
    return Bench(courier_of(case.receiver, parts), wire, screen)


def refusing(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
    return lambda _: httpx.Response(status, headers=headers, content=body)


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
@pytest.mark.parametrize("status", [429, 500, 501, 502, 503, 504, 507, 599])
@pytest.mark.parametrize("kind", WIRED)
async def test_busy_and_broken_receivers_are_tried_again(kind: str, status: int, item: Item) -> None:
    assert await bench_of(kind, refusing(status)).courier.deliver(item) == RetryLater(None, _phrase(status))


def _phrase(status: int) -> str:
    try:
        return f"{status} {httpx.codes(status).name.replace('_', ' ').title()}"
    except ValueError:
        return f"status {status}"


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("7", 7.0), ("0", 0.0), ("Wed, 19 Nov 2025 02:14:30 GMT", 30.0), ("Wed, 19 Nov 2025 02:00:00 GMT", 0.0), ("999999", 3600.0), ("soon", None), ("-3", None)],
)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", WIRED)
async def test_retry_after_is_honoured(kind: str, status: int, header: str, wait_s: float | None) -> None:
    outcome = await bench_of(kind, refusing(status, {"retry-after": header})).courier.deliver(ORDER)
    assert isinstance(outcome, RetryLater)
    assert outcome.after_s == wait_s


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.PoolTimeout,
        httpx.RemoteProtocolError,
        httpx.ProxyError,
    ],
)
@pytest.mark.parametrize("kind", WIRED)
async def test_lines_that_break_are_tried_again(kind: str, error: type[httpx.TransportError]) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise error(f"cannot reach https://user:{PASSWORD}@hooks.example/{PATH_TOKEN}")

    outcome = await bench_of(kind, broken).courier.deliver(ORDER)
    assert isinstance(outcome, RetryLater)
    assert outcome.after_s is None
    assert_no_secret(repr(outcome))


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 451])
@pytest.mark.parametrize("kind", WIRED)
async def test_what_will_never_work_is_given_up_with_its_reason(kind: str, status: int, item: Item) -> None:
    outcome = await bench_of(kind, refusing(status, body=b'{"reason": "no such \\u001b[2J hook"}')).courier.deliver(item)
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.startswith(str(status))
    assert r"no such \x1b[2J hook" in outcome.reason


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("kind", WIRED)
async def test_the_same_item_twice_carries_the_same_id(kind: str, item: Item) -> None:
    bench = bench_of(kind)
    await bench.courier.deliver(item)
    await bench.courier.deliver(item)
    ids = CASES[kind].identities(bench)
    assert len(ids) == 2
    assert set(ids) == {item.id}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("kind", CASES)
async def test_no_secret_is_in_any_outcome_or_log(kind: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(request: httpx.Request) -> httpx.Response:
        told = {"state": "refused", "reason": f"got {SECRET} at https://user:{PASSWORD}@hooks.example/{PATH_TOKEN}"}
        return httpx.Response(status, json=told, headers={"x-echo": str(request.url)})

    bench = bench_of(kind, echo)
    outcome = await bench.courier.deliver(ORDER)
    await bench.courier.close()
    assert_no_secret(repr(outcome) + str(outcome) + caplog.text + repr(bench.courier) + repr(CASES[kind].receiver) + bench.sent())


def assert_no_secret(text: str) -> None:
    for secret in (SECRET, PASSWORD, PATH_TOKEN):
        assert secret not in text


@pytest.mark.parametrize("item", WICKED_ITEMS.values(), ids=WICKED_ITEMS)
@pytest.mark.parametrize("kind", CASES)
async def test_hostile_names_are_escaped_cut_and_said_to_be(kind: str, item: Item) -> None:
    bench = bench_of(kind)
    assert await bench.courier.deliver(item) == Delivered()
    sent = bench.sent()
    assert "\u202e" not in sent
    assert "\x00" not in sent
    assert "\x1b[2J" not in sent
    if CASES[kind].exact_names:
        data = json.loads(bench.wire.requests[0].content)["data"]
        assert data["scope"]["name"] == HOSTILE
        assert len(sent) < 200_000
    else:
        words = " ".join(re.sub(r"\x1b\[[\d;]*m|[│╭╮╰╯─]", " ", sent).split())
        assert words.count("<!channel> [red]x[/red]") == words.count("<!channel>") > 1
        assert "more characters)" in sent
        assert len(sent) < 10_000


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 1024


async def _hang() -> AsyncIterator[bytes]:
    yield b'{"state": '
    await asyncio.Event().wait()


BODIES: dict[str, Callable[[], bytes | AsyncIterator[bytes]]] = {
    "huge": _drip,
    "hanging": _hang,
    "nested": lambda: b"[" * 60_000,
    "not utf-8": lambda: b"\xff\xfe{",
    "a list": lambda: b'["accepted"]',
    "numbers": lambda: b'{"state": 1, "reason": [2]}',
    "an unknown state": lambda: b'{"state": "effective", "reason": "trust me"}',
    "compressed": lambda: b"\x1f\x8b\x08",
    "empty": lambda: b"",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", WIRED)
async def test_wicked_bodies_are_bounded_and_change_nothing(kind: str, body: Callable[[], bytes | AsyncIterator[bytes]]) -> None:
    bench = bench_of(kind, lambda _: httpx.Response(200, content=body()))
    assert await bench.courier.deliver(ORDER) == Delivered()
    assert isinstance(await bench_of(kind, lambda _: httpx.Response(500, content=body())).courier.deliver(ORDER), RetryLater)


@pytest.mark.parametrize("kind", WIRED)
async def test_a_receiver_that_never_answers_is_tried_again(kind: str) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    parts = Parts(public_url="", clock=lambda: NOW_MS, answer_s=0.01, transport=Silent())
    assert await courier_of(CASES[kind].receiver, parts).deliver(ORDER) == RetryLater(None, "no answer within 0.01 s")


USELESS = [("nonsense", SECRET), (f"ftp://user:{PASSWORD}@x", SECRET), ("https://x", ""), ("https://x", f"whsec_!!!!{PATH_TOKEN}"), ("https://x:y:z", SECRET)]


@pytest.mark.parametrize(("url", "secret"), USELESS)
@pytest.mark.parametrize("kind", WIRED)
def test_a_courier_that_cannot_be_made_says_why_and_no_secret(kind: str, url: str, secret: str) -> None:
    useless = Receiver(name="orchestrator", kind=kind, url=url, secret=secret)
    with pytest.raises(ValueError, match=r"^receiver orchestrator: ") as mistake:
        courier_of(useless, Parts(public_url="", clock=lambda: NOW_MS))
    assert_no_secret(str(mistake.value))


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="console, webhook"):
        courier_of(Receiver(name="x", kind="fax"), Parts(public_url="", clock=lambda: NOW_MS))
