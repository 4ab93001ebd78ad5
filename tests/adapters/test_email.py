"""Mail: one incident is one thread, nothing from outside gets into a header, and a server may refuse, stall or break off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.couriers.email import EmailCourier, mail_of, page
from service.couriers.port import Delivered, GaveUp, MemoryHere, Outcome, Parts, Receiver, RetryLater
from service.couriers.receivers import receivers_of
from service.couriers.registry import courier_of
from service.facts import Notice
from service.messages.build import of_notice
from service.policy import PolicyError, load
from tests.mail import DROP, HANG, MailServer, mail_server, text_of
from tests.samples import INCIDENT, NIGHT_MS, NOTICE, ORDER, notice

SECRET = "correct-horse"
RESOLVED = but(notice(but(INCIDENT, state="resolved", reason="resolved"), "resolved"), id="ntc-2")
TO = ("kyc@acme.example", "lead@acme.example")


@pytest.fixture
def server() -> Iterator[MailServer]:
    server = mail_server()
    server.clear()
    yield server
    server.clear()


def receiver(server: MailServer, **options: Any) -> Receiver:
    base = {"host": "127.0.0.1", "port": server.port, "tls": "none", "from": "spend@acme.example", "to": TO}
    return Receiver(name="mail", kind="email", options=base | options, secrets={"user": "spend", "password": SECRET})


async def send(server: MailServer, item: Notice, memory: MemoryHere | None = None, answer_s: float = 20, **options: Any) -> Outcome:
    parts = Parts(public_url="https://spend.example", clock=lambda: NIGHT_MS, answer_s=answer_s, memory=lambda _: memory or MemoryHere())
    return await courier_of(receiver(server, **options), parts).deliver(item)


async def test_an_incident_is_one_thread(server: MailServer) -> None:
    memory = MemoryHere()
    for item in (NOTICE, RESOLVED):
        assert await send(server, item, memory) == Delivered()
    first, second = server.mails
    assert first["Message-ID"] == "<inc-1@acme.example>"
    assert first["In-Reply-To"] is None
    assert (second["Message-ID"], second["In-Reply-To"], second["References"]) == ("<ntc-2@acme.example>", "<inc-1@acme.example>", "<inc-1@acme.example>")
    assert first["Subject"] == "[CRITICAL] Agent indexer repeats itself in a loop: $6.12 since Wed 19 Nov 02:14 UTC"
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert text_of(second).startswith("[INFO] Resolved: loop of agent indexer")
    assert "<b>Resolved: loop of agent indexer" in text_of(second, "html")
    assert first["To"] == "kyc@acme.example, lead@acme.example"
    assert server.logins == [f"\0spend\0{SECRET}"] * 2


async def test_what_is_sent_twice_is_the_same_mail(server: MailServer) -> None:
    memory = MemoryHere()
    server.replies = {".": DROP}
    assert await send(server, NOTICE, memory) == RetryLater(None, "no connection (SMTPServerDisconnected)")
    server.replies = {}
    assert await send(server, NOTICE, memory) == Delivered()
    assert server.raw[0] == server.raw[1]


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ({"MAIL": "451 try later"}, RetryLater(None, "451: try later")),
        ({".": "452 disk full"}, RetryLater(None, "452: disk full")),
        ({"MAIL": "550 not from you"}, GaveUp("550: not from you")),
        ({".": "554 5.7.1 spam"}, GaveUp("554: 5.7.1 spam")),
        ({"AUTH": f"535 no such password {SECRET}"}, GaveUp("535: no such password [secret]")),
        ({"RCPT": "550 no such user"}, GaveUp("550: no such user")),
        ({"RCPT": "450 greylisted"}, RetryLater(None, "450: greylisted")),
        ({"RCPT lead@acme.example": "550 gone"}, Delivered(reason="refused for lead@acme.example")),
        ({"EHLO": "nonsense"}, None),
        ({"MAIL": DROP}, RetryLater(None, "no connection (SMTPServerDisconnected)")),
        ({"QUIT": DROP}, Delivered()),
    ],
)
async def test_a_server_may_refuse_or_break_off(server: MailServer, replies: dict[str, str], outcome: Outcome | None) -> None:
    server.replies = replies
    told = await send(server, NOTICE)
    assert told == outcome if outcome is not None else isinstance(told, RetryLater | GaveUp)
    assert SECRET not in repr(told)


@pytest.mark.parametrize("at", ["EHLO", "RCPT", "."])
async def test_a_server_that_stalls_is_tried_again(server: MailServer, at: str) -> None:
    server.replies = {at: HANG}
    assert await send(server, NOTICE, answer_s=0.3) == RetryLater(None, "no answer within 0.3 s")


async def test_nobody_there_is_tried_again_and_no_encryption_is_given_up(server: MailServer) -> None:
    assert isinstance(await send(server, NOTICE, port=9), RetryLater)
    outcome = await send(server, NOTICE, tls="starttls")
    assert isinstance(outcome, GaveUp)
    assert "STARTTLS" in outcome.reason
    assert server.logins == []


async def test_other_items_are_no_mail(server: MailServer) -> None:
    courier = courier_of(receiver(server), Parts(public_url="", clock=lambda: NIGHT_MS))
    assert await courier.deliver(ORDER) == GaveUp("takes notices only")
    assert await courier.deliver(INCIDENT) == Delivered()
    assert server.mails == []


@given(st.text(), st.text(max_size=300))
def test_no_title_and_no_id_makes_another_header_or_markup(title: str, name: str) -> None:
    item = but(NOTICE, title=title, incident=name, about=but(INCIDENT, owner=title, detail=title))
    message = of_notice(item, "https://spend.example")
    first = mail_of(item, message, sender="a@b.example", to=["c@d.example"], subject=message.headline[:200], first=True)
    allowed = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Importance", "MIME-Version", "Content-Type"}
    head = first.as_bytes().split(b"\r\n\r\n")[0].decode("ascii")
    assert {line.partition(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))} <= allowed
    assert "<script" not in page(message).lower()


def test_markup_in_a_name_is_text() -> None:
    message = of_notice(but(NOTICE, title="<script>alert(1)</script> & <b>"), "https://spend.example")
    assert "<b>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;</b>" in page(message)


def test_a_password_in_the_clear_is_refused_and_half_a_login_too(server: MailServer) -> None:
    parts = Parts(public_url="", clock=lambda: NIGHT_MS)
    with pytest.raises(ValueError, match="receiver mail: would send its password in the clear"):
        courier_of(receiver(server, host="mail.acme.example"), parts)
    with pytest.raises(ValueError, match="needs both user and password"):
        EmailCourier(Receiver(name="mail", kind="email", secrets={"user": "spend"}), parts)


def test_the_policy_says_who_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    text = "receivers: [{name: mail, kind: email, host: mail.acme.example, from: %s, to: [%s], user: 'env:MAIL_PASSWORD', password: 'env:MAIL_PASSWORD'}]"
    made = receivers_of(load(text % ("spend@acme.example", "kyc@acme.example")))[0]
    assert (made.options["from"], list(made.options["to"]), made.secrets["password"]) == ("spend@acme.example", ["kyc@acme.example"], SECRET)
    for sender, to in (("nobody", "a@b.example"), ("a@b.example", '"x@y.example\\nBcc: z@z.example"'), ("a@b.example", "'Ann <a@b.example>'")):
        with pytest.raises(PolicyError, match="must be a mail address such as"):
            load(text % (sender, to))
