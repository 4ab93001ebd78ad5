"""A site that refuses, is another kind of Jira than thought, or cannot be reached as it stands in the policy: said in words, with what to mend."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.jira import JiraCourier
from service.couriers.port import Contact, Delivered, GaveUp, MemoryHere, Parts, Receiver, RetryLater
from service.couriers.receivers import receivers_of
from service.policy import load
from tests.jira.described import mistakes, needs_description
from tests.jira.desk import Desk
from tests.jira.fake import TOKEN, Fault
from tests.samples import INCIDENT, NIGHT_MS


async def test_a_required_field_is_named_with_the_line_that_mends_it() -> None:
    desk = Desk()
    desk.jira.needs = ("customfield_10042",)
    outcome = await desk.tell()
    assert outcome == GaveUp(
        "400 Bad Request: customfield_10042: customfield_10042 is required; write customfield_10042 under `fields:` of the receiver tickets in the policy"
    )
    desk.fields = {"customfield_10042": "4711"}
    desk.begin()
    assert await desk.tell() == Delivered()


async def test_an_owner_s_project_is_mended_at_the_owner() -> None:
    desk = Desk(contacts={"KYC team": Contact(project="KYC")})
    desk.jira.needs = ("customfield_10042",)
    outcome = await desk.tell(but(INCIDENT, owner="KYC team"))
    assert isinstance(outcome, GaveUp)
    assert "or under `jira: fields:` of the owner KYC team" in outcome.reason


async def test_what_the_receiver_s_project_needs_is_left_out_where_the_owner_s_does_not_know_it() -> None:
    desk = Desk(fields={"customfield_1": "x", "customfield_2": "y"}, contacts={"KYC": Contact(project="KYC", fields={"customfield_2": "z"})})
    desk.jira.refuses = ("customfield_1",)
    assert await desk.tell(but(INCIDENT, owner="KYC")) == Delivered(reason="This Jira did not take customfield_1 here, so it is left out.")
    desk.jira.refuses = ("customfield_2",)
    assert isinstance(await desk.tell(but(INCIDENT, id="inc-2", owner="KYC")), GaveUp)
    desk.jira.refuses = ("customfield_1",)
    assert isinstance(await desk.tell(but(INCIDENT, id="inc-3")), GaveUp)


async def test_an_issue_type_that_is_not_there_names_those_that_are() -> None:
    outcome = await Desk(options={"issue_type": "Story"}).tell()
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.endswith("write its `issue_type:` at the receiver tickets in the policy; there are Aufgabe")


async def test_a_project_that_is_not_there_is_said() -> None:
    desk = Desk()
    told = {"errorMessages": ["The value 'FIN' does not exist for the field 'project'."], "errors": {}}
    desk.jira.faults = [Fault("POST", "search/jql", httpx.Response(400, json=told))]
    outcome = await desk.tell()
    assert isinstance(outcome, GaveUp)
    assert outcome.reason.endswith("for the field 'project'; look at `project:` of the receiver tickets in the policy")


async def test_a_refused_create_is_tried_again_at_once_when_the_policy_is_mended() -> None:
    desk = Desk()
    desk.jira.needs = ("customfield_10042",)
    await desk.tell(notice_id="ntc-1")
    desk.jira.needs = ()
    assert await desk.tell(notice_id="ntc-1") == Delivered()


async def test_a_revoked_token_is_said_without_it() -> None:
    desk = Desk()
    desk.jira.token = "another"
    outcome = await desk.tell()
    assert outcome == GaveUp("401 Unauthorized: Client must be authenticated to access this resource. (the user or the token is not valid any more)")
    assert TOKEN not in repr(outcome)
    assert TOKEN not in repr(desk.courier._site)


@pytest.mark.parametrize("cloud", [True, False])
async def test_a_site_that_does_not_know_the_address_is_asked_what_it_is(cloud: bool) -> None:
    desk = Desk(cloud=cloud)
    desk.jira.both_ways_in = True
    secrets = {"token": TOKEN} if cloud else {"user": desk.jira.user, "token": TOKEN}
    receiver = Receiver(name="tickets", kind="jira", url="https://acme.example", options={"project": "FIN"}, secrets=secrets)
    courier = JiraCourier(receiver, Parts(public_url="", clock=lambda: desk.now_ms, transport=desk.jira))
    desk.courier = courier
    assert await desk.tell() == Delivered()
    assert courier._site.flavour.name == ("cloud" if cloud else "data_center")
    asked = [request.url.path for request in desk.jira.requests[:3]]
    assert asked == [f"/rest/api/{2 if cloud else 3}/myself", "/rest/api/2/serverInfo", f"/rest/api/{3 if cloud else 2}/myself"]


async def test_which_jira_it_is_may_be_said() -> None:
    desk = Desk(cloud=False, options={"flavour": "data_center"})
    assert await desk.tell() == Delivered()
    assert isinstance(await Desk(cloud=False, options={"flavour": "cloud"}).tell(), GaveUp)


async def test_a_context_path_stays_before_every_call() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(503)

    receiver = Receiver(name="t", kind="jira", url="https://acme.example/jira/", options={"project": "FIN"}, secrets={"token": TOKEN})
    courier = JiraCourier(receiver, Parts(public_url="", clock=lambda: NIGHT_MS, transport=httpx.MockTransport(answer)))
    assert await courier.heard() == []
    assert asked == ["https://acme.example/jira/rest/api/2/myself"]


async def test_an_issue_whose_answer_cannot_be_read_is_asked_for_again() -> None:
    desk = Desk()
    await desk.tell()
    desk.jira.faults = [Fault("GET", "issue/FIN-1", b"{")]
    assert isinstance(await desk.tell(reason="worse"), RetryLater)


def test_a_receiver_without_a_project_or_token_says_so() -> None:
    parts = Parts(public_url="", clock=lambda: NIGHT_MS, memory=lambda _: MemoryHere())
    wrong: list[tuple[str, dict[str, str], dict[str, str], str]] = [
        ("https://acme.example", {}, {"token": TOKEN}, "project"),
        ("https://acme.example", {"project": "FIN"}, {"user": "x"}, "token"),
        ("https://acme.atlassian.net", {"project": "FIN"}, {"token": TOKEN}, "user"),
        ("https://x:y:z", {"project": "FIN"}, {"token": TOKEN}, "url"),
    ]
    for url, options, secrets, why in wrong:
        with pytest.raises(ValueError, match=why):
            JiraCourier(Receiver(name="t", kind="jira", url=url, options=options, secrets=secrets), parts)


POLICY = """
receivers:
  - {name: tickets, kind: jira, url: "https://acme.example", project: FIN, user: "env:JU", token: "env:JT", resolve: false, wont_fix: [Abgelehnt], fields: {customfield_1: x}}
owners:
  - {match: {use_case: kyc}, name: KYC, jira: {project: KYC, issue_type: Bug, fields: {components: [Intake]}}}
"""


def test_the_policy_reaches_the_courier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JU", "robot@example.com")
    monkeypatch.setenv("JT", TOKEN)
    (receiver,) = receivers_of(load(POLICY))
    assert receiver.secrets == {"user": "robot@example.com", "token": TOKEN}
    assert receiver.options["resolve"] is False
    assert receiver.options["wont_fix"] == ("Abgelehnt",)
    assert receiver.fields == {"customfield_1": "x"}
    assert receiver.contacts["KYC"] == Contact(project="KYC", issue_type="Bug", fields={"components": ["Intake"]})
    courier = JiraCourier(receiver, Parts(public_url="", clock=lambda: NIGHT_MS))
    assert courier._resolves is False


WRONG: dict[str, tuple[str, str, Any]] = {
    "path": ("POST", "/rest/api/3/issues", {}),
    "parameter": ("GET", "/rest/api/3/myself?colour=red", None),
    "order": ("GET", "/rest/api/3/issue/FIN-1/comment?orderBy=loudest", None),
    "body": ("POST", "/rest/api/3/search/jql", {"jql": 5}),
    "link": ("POST", "/rest/api/3/issueLink", {"type": {"name": "Relates"}}),
    "unknown field": ("POST", "/rest/api/3/search/jql", {"jql": "", "startAt": 0}),
}


@pytest.mark.parametrize(("method", "path", "body"), WRONG.values(), ids=WRONG)
def test_a_request_that_is_not_as_published_is_caught(method: str, path: str, body: Any) -> None:
    needs_description()
    assert mistakes(httpx.Request(method, f"https://acme.example{path}", json=body))
