"""Every kind of courier with a receiver of its own: a new kind is one case here."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import sys

import httpx

from service.couriers.port import Receiver
from tests.conformance.courier_bench import FOLDER, SAID, Bench, Case
from tests.jira.fake import FakeJira
from tests.mail import mail_server
from tests.samples import INCIDENT, NIGHT_MS, NOTICE

SECRET = "correct-horse-battery-staple"
PASSWORD = "tr0ub4dor-and-3"
PATH_TOKEN = "T0123456789abcdefXYZ"

TOKEN_FILE = FOLDER / "token"  # of a service account
SCRIPT = [sys.executable, "-c", f"import json, sys; open({str(SAID)!r}, 'w').write(json.dumps(sys.argv[1:])); print({SECRET!r})"]
TOKEN_FILE.write_text(SECRET)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ |= {"SPENDWARDEN_COMMANDS": sys.executable, "STOPPER_TOKEN": SECRET}


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
    "console": Case(Receiver(name="here", kind="console", takes="all"), wired=False),
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
