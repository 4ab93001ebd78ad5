"""A report in Slack: one message, in the owner's own channel, with nothing to press; the same again is not posted again."""

from __future__ import annotations

import json
from dataclasses import replace

from service.couriers.port import Contact, Delivered, MemoryHere, Parts, Picture
from service.couriers.slack import SlackCourier
from service.messages.slack.root import report
from tests.conformance.courier_bench import Wire
from tests.conformance.courier_cases import CASES
from tests.samples import NIGHT_MS, REPORTED
from tests.slack.limits import mistakes


async def test_a_report_is_posted_once_where_its_owner_reads() -> None:
    case, memory = CASES["slack"], MemoryHere()
    wire = Wire(case.good())
    receiver = replace(case.receiver, contacts={"search": Contact(slack="#search")})
    asked: list[str] = []

    async def draws(about: str) -> Picture | None:
        asked.append(about)
        return Picture(b"png", "spend by agent")

    for _ in range(2):
        courier = SlackCourier(receiver, Parts(public_url="", clock=lambda: NIGHT_MS, transport=wire, memory=lambda _: memory, picture=draws))
        assert isinstance(await courier.deliver(REPORTED), Delivered)
        await courier._pictures.done()
        await courier.close()
    assert asked == [REPORTED.incident]
    posted = [json.loads(request.content) for request in wire.requests if request.url.path.endswith("/chat.postMessage")]
    assert [said["channel"] for said in posted] == ["#search"]
    assert all(block["type"] != "actions" for block in posted[0]["blocks"])


def test_it_is_within_slacks_limits_and_keeps_its_sections_apart() -> None:
    said = report(REPORTED, "https://spend.example")
    assert mistakes(said) == []
    heads = [block["text"]["text"].split("\n")[0] for block in said["blocks"] if block["type"] == "section" and "text" in block]
    assert heads[1:] == ["*Spend by agent*", "*What happened*", "*What was stopped*", "*Budgets*"]
