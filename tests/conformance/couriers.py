"""Every kind of courier on a bench, and the items that it takes."""

from __future__ import annotations

import io
from collections.abc import Iterable

import httpx
import pytest
from msgspec.structs import replace as but
from rich.console import Console

from service.couriers.port import Parts
from service.couriers.registry import courier_of
from service.facts import Notice, Order, Scope
from service.warden.titles import title
from tests.conformance.courier_bench import SAID, Bench, Reply, Wire
from tests.conformance.courier_cases import CASES, PASSWORD, PATH_TOKEN, SECRET
from tests.mail import mail_server
from tests.samples import INCIDENT, NIGHT_MS, NOTICE, ORDER

HOSTILE = "a\nb\r\u202e\x1b[2J<!channel> [red]x[/red] \x00" + "y" * 10_000

ITEMS: dict[str, Notice | Order] = {"notice": NOTICE, "order": ORDER}
WICKED = but(INCIDENT, scope=Scope("agent", HOSTILE), owner=HOSTILE, detail=HOSTILE, executions=[HOSTILE])
WICKED_ITEMS: dict[str, Notice | Order] = {
    "notice": but(NOTICE, title=title(WICKED, "opened"), about=WICKED),
    "order": but(ORDER, scope=Scope("agent", HOSTILE), executions=[HOSTILE], by=HOSTILE, reason=HOSTILE),
}

WIRED = [kind for kind, case in CASES.items() if case.wired]


def bench_of(kind: str, reply: Reply | None = None) -> Bench:
    case, screen = CASES[kind], io.StringIO()
    SAID.unlink(missing_ok=True)
    mail_server().clear()
    wire = Wire(reply or case.good())
    parts = Parts(
        public_url="https://spend.example", clock=lambda: NIGHT_MS, body_s=0.05, console=Console(file=screen, width=100, force_terminal=True), transport=wire
    )
    return Bench(case, courier_of(case.receiver, parts), wire, screen)


def each(kinds: Iterable[str], items: dict[str, Notice | Order]) -> pytest.MarkDecorator:
    """Every kind with every item that it takes."""
    pairs = [pytest.param(kind, item_for(kind, item), id=f"{kind}-{name}") for kind in kinds for name, item in items.items() if _takes(kind, item)]
    return pytest.mark.parametrize(("kind", "item"), pairs)


def one_for(kind: str) -> Notice | Order:
    """An order where it takes orders, else a notice."""
    return next(item_for(kind, item) for item in (ORDER, NOTICE) if _takes(kind, item))


def item_for(kind: str, item: Notice | Order) -> Notice | Order:
    """About a scope that comes to it."""
    if not isinstance(item, Order):
        return item
    kinds = CASES[kind].receiver.scopes or (item.scope.kind,)
    return but(item, scope=Scope(kinds[0], given(kind, item.scope.name)))


def _takes(kind: str, item: Notice | Order) -> bool:
    return CASES[kind].receiver.takes in ("all", "orders" if isinstance(item, Order) else "notices")


def given(kind: str, name: str) -> str:
    """The name as it can be given at all: no program's argument holds a NUL."""
    return name.replace("\0", "") if kind == "command" else name


def good(kind: str, item: Notice | Order) -> str:
    """The state that a good answer to it leads to."""
    return CASES[kind].said if isinstance(item, Order) else "delivered"


def refusing(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
    return lambda _: httpx.Response(status, headers=headers, content=body)


def assert_no_secret(text: str) -> None:
    for secret in (SECRET, PASSWORD, PATH_TOKEN):
        assert secret not in text
