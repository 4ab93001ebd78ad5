"""Every kind of courier on a bench: a receiver of that kind, the wire to it that a test answers, and what is sent over it."""

from __future__ import annotations

import atexit
import html
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace as but
from rich.console import Console

from service.couriers.port import Courier, Parts, Receiver
from service.couriers.registry import courier_of
from service.facts import Notice, Order, Scope
from service.warden.titles import title
from tests.jira.fake import FakeJira
from tests.mail import mail_server, text_of
from tests.samples import INCIDENT, NIGHT_MS, NOTICE, ORDER

SECRET = "correct-horse-battery-staple"
PASSWORD = "tr0ub4dor-and-3"
PATH_TOKEN = "T0123456789abcdefXYZ"
HOSTILE = "a\nb\r\u202e\x1b[2J<!channel> [red]x[/red] \x00" + "y" * 10_000

ITEMS: dict[str, Notice | Order] = {"notice": NOTICE, "order": ORDER}
WICKED = but(INCIDENT, scope=Scope("agent", HOSTILE), owner=HOSTILE, detail=HOSTILE, executions=[HOSTILE])
WICKED_ITEMS: dict[str, Notice | Order] = {
    "notice": but(NOTICE, title=title(WICKED, "opened"), about=WICKED),
    "order": but(ORDER, scope=Scope("agent", HOSTILE), executions=[HOSTILE], by=HOSTILE, reason=HOSTILE),
}

FOLDER = Path(tempfile.mkdtemp(prefix="spendwarden-conformance-"))
TOKEN_FILE = FOLDER / "token"  # of a service account
SAID = FOLDER / "said"  # what the program was told
SCRIPT = [sys.executable, "-c", f"import json, sys; open({str(SAID)!r}, 'w').write(json.dumps(sys.argv[1:])); print({SECRET!r})"]
TOKEN_FILE.write_text(SECRET)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ |= {"SPENDWARDEN_COMMANDS": sys.executable, "STOPPER_TOKEN": SECRET}

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

    kind: str
    courier: Courier
    wire: Wire
    screen: io.StringIO

    def sent(self) -> str:
        told = SAID.read_text() if SAID.exists() else ""
        paths = [request.url.path for request in self.wire.requests] if CASES[self.kind].refuses else []
        mails = [f"{mail['Subject']} {text_of(mail)}" for mail in mail_server().mails]
        return self.screen.getvalue() + "".join([*mails, *paths, *(request.content.decode() for request in self.wire.requests)]) + told

    def read(self) -> str:
        """What is sent, as its reader sees it."""
        return html.unescape(self.sent()) if CASES[self.kind].entities else self.sent()


@dataclass(frozen=True)
class Case:
    """What the suite has to know of a kind: its receiver, whether it speaks HTTP, what a good answer is and how an item is told from others.

    `said` is what a good answer to an order says; `name` finds the exact name in what is sent for programs, None where people read it.
    """

    receiver: Receiver
    wired: bool
    good: Callable[[], Reply] = lambda: lambda _: httpx.Response(200)
    identities: Callable[[Bench], list[str]] = lambda bench: []
    once: bool = False  # it remembers what it told, so the same item twice is one message, and an answer that cannot be read is no success
    entities: bool = False  # what could mention somebody is written as an entity
    said: str = "delivered"
    name: Callable[[Bench], str] | None = None
    refuses: bool = False  # no wicked name can be one of its own, so an order with one is refused before anything is sent
    reads: bool = False  # it acts on what it is answered, so rubbish is no answer
    keyless: bool = False  # it needs no secret, though it may have one
    secret_travels: bool = False  # inside the body, as its interface wants it


def _keys(bench: Bench) -> list[str]:
    """The orders that something was changed for."""
    return [request.headers["idempotency-key"] for request in bench.wire.requests if request.method != "GET"]


def _cluster(request: httpx.Request) -> httpx.Response:
    """Three replicas for ever, and a service account that may."""
    if request.url.path.endswith("selfsubjectaccessreviews"):
        return httpx.Response(201, json={"kind": "SelfSubjectAccessReview", "status": {"allowed": True}})
    return httpx.Response(200, json={"kind": "Scale", "metadata": {"resourceVersion": "7"}, "spec": {"replicas": 3}})


def _webhook_ids(bench: Bench) -> list[str]:
    return [request.headers["webhook-id"] for request in bench.wire.requests]


def _jira_ids(bench: Bench) -> list[str]:
    made = [json.loads(request.content) for request in bench.wire.requests if request.url.path.endswith("/rest/api/3/issue")]
    return [each["properties"][0]["value"]["notice"] for each in made]


def _slack_ids(bench: Bench) -> list[str]:
    told = [json.loads(request.content)["metadata"]["event_payload"] for request in bench.wire.requests if request.url.path.endswith("/chat.postMessage")]
    return [{INCIDENT.id: NOTICE.id}.get(payload["incident"], "") if "order" not in payload else payload["order"] for payload in told]


def _slack_taken(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"ok": True, "channel": "C1", "ts": "1763518440.000001"})


CASES: dict[str, Case] = {
    "console": Case(Receiver(name="here", kind="console"), wired=False),
    "jira": Case(
        Receiver(
            name="tickets",
            kind="jira",
            url=f"https://jira.example/{PATH_TOKEN}",
            takes="all",
            options={"project": "FIN", "issue_type": "Task", "flavour": "cloud"},
            secrets={"user": PASSWORD, "token": SECRET},
        ),
        wired=True,
        good=lambda: FakeJira(lambda: NIGHT_MS, user=PASSWORD, token=SECRET).reply,
        identities=_jira_ids,
        once=True,
    ),
    "slack": Case(
        Receiver(
            name="spend",
            kind="slack",
            takes="all",
            options={"channel": "#ai-spend", "base_url": f"https://slack.example/{PATH_TOKEN}/api"},
            secrets={"token": SECRET, "signing_secret": PASSWORD},
        ),
        wired=True,
        good=lambda: _slack_taken,
        identities=_slack_ids,
        once=True,
        entities=True,
    ),
    "webhook": Case(
        Receiver(
            name="orchestrator", kind="webhook", url=f"https://user:{PASSWORD}@hooks.example/{PATH_TOKEN}/in?key={PATH_TOKEN}", secret=SECRET, takes="all"
        ),
        wired=True,
        identities=_webhook_ids,
        name=lambda bench: str(json.loads(bench.wire.requests[0].content)["data"]["scope"]["name"]),
    ),
    "email": Case(
        Receiver(
            name="mail",
            kind="email",
            options={"host": "127.0.0.1", "port": mail_server().port, "tls": "none", "from": "spend@acme.example", "to": ["kyc@acme.example"]},
            secrets={"user": "spend", "password": SECRET},
        ),
        wired=False,
        keyless=True,
    ),
    "teams": Case(
        Receiver(name="channel", kind="teams", secrets={"address": f"https://flow.example/{PATH_TOKEN}/invoke?sig={SECRET}"}),
        wired=True,
        good=lambda: lambda _: httpx.Response(202),
        identities=lambda bench: [found[0] for request in bench.wire.requests if (found := re.search(r"ntc-\w+", request.content.decode()))],
    ),
    "pagerduty": Case(
        Receiver(name="pager", kind="pagerduty", url=f"https://events.example/{PATH_TOKEN}/enqueue", secrets={"routing_key": SECRET}),
        wired=True,
        good=lambda: lambda _: httpx.Response(202, json={"status": "success", "message": "Event processed", "dedup_key": "inc-1"}),
        identities=lambda bench: [json.loads(request.content)["payload"]["custom_details"]["notice"] for request in bench.wire.requests],
        secret_travels=True,
    ),
    "litellm": Case(
        Receiver(name="proxy", kind="litellm", url=f"https://proxy.example/{PATH_TOKEN}", secrets={"token": SECRET}, takes="orders", scopes=("api_key",)),
        wired=True,
        good=lambda: lambda _: httpx.Response(200, json={"info": {"blocked": False, "rpm_limit": None, "tpm_limit": 7, "max_budget": 2.5}}),
        identities=_keys,
        said="accepted",
        name=lambda bench: str(json.loads(bench.wire.requests[-1].content)["key"]),
        reads=True,
    ),
    "kubernetes": Case(
        Receiver(
            name="cluster",
            kind="kubernetes",
            url="https://cluster.example",
            takes="orders",
            scopes=("agent",),
            options={"namespace": "agents", "deployment": "{name}", "token_file": str(TOKEN_FILE)},
        ),
        wired=True,
        good=lambda: _cluster,
        identities=_keys,
        said="accepted",
        refuses=True,
        reads=True,
    ),
    "http": Case(
        Receiver(
            name="flags",
            kind="http",
            url=f"https://flags.example/{PATH_TOKEN}/{{name}}?key={PATH_TOKEN}",
            secrets={"token": SECRET},
            takes="orders",
            options={"body": {"who": "{name}"}, "check": "https://flags.example/health"},
        ),
        wired=True,
        keyless=True,
        identities=_keys,
        name=lambda bench: str(json.loads(bench.wire.requests[0].content)["who"]),
    ),
    "command": Case(
        Receiver(name="stopper", kind="command", takes="orders", options={"argv": [*SCRIPT, "{action}", "{name}"], "environment": ["STOPPER_TOKEN"]}),
        wired=False,
        said="accepted",
        name=lambda bench: str(json.loads(bench.sent())[1]),
    ),
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
    return Bench(kind, courier_of(case.receiver, parts), wire, screen)


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
