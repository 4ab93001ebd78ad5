"""What every courier does with a receiver that fails: what may yet work is tried again, what will not is given up with its reason."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from service.couriers.port import GaveUp, Parts, RetryLater
from service.couriers.registry import courier_of
from service.facts import Notice, Order
from tests.conformance.courier_cases import CASES, PASSWORD, PATH_TOKEN
from tests.conformance.couriers import ITEMS, WIRED, assert_no_secret, bench_of, each, one_for, refusing
from tests.samples import NIGHT_MS


@pytest.mark.parametrize("status", [429, 500, 501, 502, 503, 504, 507, 599])
@each(WIRED, ITEMS)
async def test_busy_and_broken_receivers_are_tried_again(kind: str, status: int, item: Notice | Order) -> None:
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
    outcome = await bench_of(kind, refusing(status, {"retry-after": header})).courier.deliver(one_for(kind))
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

    outcome = await bench_of(kind, broken).courier.deliver(one_for(kind))
    assert isinstance(outcome, RetryLater)
    assert outcome.after_s is None
    assert_no_secret(repr(outcome))


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 451])
@each(WIRED, ITEMS)
async def test_what_will_never_work_is_given_up_with_its_reason(kind: str, status: int, item: Notice | Order) -> None:
    outcome = await bench_of(kind, refusing(status, body=b'{"reason": "no such \\u001b[2J hook"}')).courier.deliver(item)
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.startswith(str(status))
    assert r"no such \x1b[2J hook" in outcome.reason


@pytest.mark.parametrize("kind", WIRED)
async def test_a_receiver_that_never_answers_is_tried_again(kind: str) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    parts = Parts(public_url="", clock=lambda: NIGHT_MS, answer_s=0.01, transport=Silent())
    assert await courier_of(CASES[kind].receiver, parts).deliver(one_for(kind)) == RetryLater(None, "no answer within 0.01 s")
