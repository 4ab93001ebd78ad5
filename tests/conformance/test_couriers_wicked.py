"""What every courier keeps to itself and what it does with wicked input: no secret leaves, names are escaped, bodies are bounded."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from service.couriers.port import Delivered, RetryLater
from service.facts import Notice, Order
from tests.conformance.courier_cases import CASES, SECRET
from tests.conformance.couriers import HOSTILE, WICKED_ITEMS, WIRED, assert_no_secret, bench_of, each, given, good, one_for


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("kind", CASES)
async def test_no_secret_is_in_any_outcome_or_log(kind: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(request: httpx.Request) -> httpx.Response:
        known = [CASES[kind].receiver.url, str(CASES[kind].receiver.options.get("base_url", "")), *CASES[kind].receiver.secrets.values()]
        told = {"state": "refused", "reason": f"got {SECRET} at {' '.join(known)}"}
        return httpx.Response(status, json=told, headers={"x-echo": str(request.url)})

    bench = bench_of(kind, echo)
    outcome = await bench.courier.deliver(one_for(kind))
    await bench.courier.close()
    said = "" if CASES[kind].secret_travels else bench.sent()
    assert_no_secret(repr(outcome) + str(outcome) + caplog.text + repr(bench.courier) + repr(CASES[kind].receiver) + said)


@each(CASES, WICKED_ITEMS)
async def test_hostile_names_are_escaped_cut_and_said_to_be(kind: str, item: Notice | Order) -> None:
    bench, case = bench_of(kind), CASES[kind]
    outcome = await bench.courier.deliver(item)
    assert isinstance(outcome, Delivered)
    if case.refuses:
        assert outcome.state == "refused"
        assert "more characters)" in outcome.reason
        assert bench.wire.requests == []
        return
    assert outcome.state == good(kind, item)
    assert not CASES[kind].entities or "<!" not in bench.sent()
    sent = bench.read()
    assert "\u202e" not in sent
    assert "\x00" not in sent
    assert "\x1b[2J" not in sent
    if case.name is not None:
        assert case.name(bench) == given(kind, HOSTILE)
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
    outcome = await bench.courier.deliver(one_for(kind))
    assert isinstance(outcome, RetryLater) if CASES[kind].once or CASES[kind].reads else outcome == Delivered()
    assert isinstance(await bench_of(kind, lambda _: httpx.Response(500, content=body())).courier.deliver(one_for(kind)), RetryLater)
