"""Every kind of courier on a bench: a receiver of that kind, the wire to it that a test answers, and what is sent over it."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from msgspec.structs import replace as but
from rich.console import Console

from service.couriers.port import Courier, Parts, Receiver
from service.couriers.registry import courier_of
from service.facts import Scope
from service.warden.titles import title
from tests.jira.fake import FakeJira
from tests.samples import INCIDENT, NIGHT_MS, NOTICE, ORDER

SECRET = "correct-horse-battery-staple"
PASSWORD = "tr0ub4dor-and-3"
PATH_TOKEN = "T0123456789abcdefXYZ"
HOSTILE = "a\nb\r\u202e\x1b[2J<!channel> [red]x[/red] \x00" + "y" * 10_000

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

    kind: str
    courier: Courier
    wire: Wire
    screen: io.StringIO

    def sent(self) -> str:
        return self.screen.getvalue() + "".join(request.content.decode() for request in self.wire.requests)

    def read(self) -> str:
        """What is sent, as its reader sees it."""
        return html.unescape(self.sent()) if CASES[self.kind].entities else self.sent()


@dataclass(frozen=True)
class Case:
    """What the suite has to know of a kind: its receiver, whether it speaks HTTP, what answers well and how an item is told from others."""

    receiver: Receiver
    wired: bool
    good: Callable[[], Reply] = lambda: lambda _: httpx.Response(200)
    identities: Callable[[Bench], list[str]] = lambda bench: []
    exact_names: bool = False  # what is sent is for programs: names are exact and escaped by its own format
    once: bool = False  # it remembers what it told, so the same item twice is one message, and an answer that cannot be read is no success
    entities: bool = False  # what could mention somebody is written as an entity


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
        exact_names=True,
    ),
}
WIRED = [kind for kind, case in CASES.items() if case.wired]


def bench_of(kind: str, reply: Reply | None = None) -> Bench:
    case, screen = CASES[kind], io.StringIO()
    wire = Wire(reply or case.good())
    parts = Parts(
        public_url="https://spend.example", clock=lambda: NIGHT_MS, body_s=0.05, console=Console(file=screen, width=100, force_terminal=True), transport=wire
    )
    return Bench(kind, courier_of(case.receiver, parts), wire, screen)


def refusing(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
    return lambda _: httpx.Response(status, headers=headers, content=body)


def assert_no_secret(text: str) -> None:
    for secret in (SECRET, PASSWORD, PATH_TOKEN):
        assert secret not in text
