"""The life of an issue: made once, followed, closed, reopened, muted; what people did there stays. On Cloud and on Data Center."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.jira.courier import EDIT_EVERY_MS, LOUD_EDIT_EVERY_MS, REOPEN_MS
from service.couriers.jira.following import NO_TEXT, NO_WAY
from service.couriers.port import Contact, Delivered, RetryLater
from service.facts import Kind, Scope
from service.messages.adf import adf_text
from tests.jira.described import needs_description
from tests.jira.desk import DAY_MS, MINUTE_MS, Desk
from tests.jira.fake import LI, MARIA, Fault
from tests.samples import INCIDENT, ORDER, notice

WORSE = but(INCIDENT, spend_nanos=900 * 10**9, excess_nanos=894 * 10**9, revision=2)
OVER = but(INCIDENT, state="resolved", revision=3)


@pytest.fixture(params=[True, False], ids=["cloud", "data_center"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(cloud=request.param)


def text(desk: Desk, key: str = "FIN-1") -> str:
    return adf_text(desk.jira.issues[key].fields["description"])


def said(desk: Desk, key: str = "FIN-1") -> list[str]:
    return [adf_text(each["body"]) for each in desk.jira.issues[key].comments]


async def test_every_request_of_a_life_is_as_published(desk: Desk) -> None:
    needs_description()
    desk.contacts = {"": Contact(project="FIN", fields={"assignee": "maria@example.com", "components": ["Search"]})}
    desk.begin()
    await test_an_incident_s_life(desk)
    desk.jira.assign("FIN-1", LI)
    await desk.heard()
    await desk.tell(but(INCIDENT, id="inc-2", parent="inc-1"))
    await desk.courier.deliver(ORDER)
    assert desk.jira.broken == []
    assert len({desk.jira._call(each).split("/")[-1] for each in desk.jira.requests}) >= 8


async def test_an_incident_s_life(desk: Desk) -> None:
    assert await desk.tell() == Delivered()
    issue = desk.jira.only()
    assert issue.fields["summary"] == "Agent indexer repeats itself in a loop: $6.12 since Wed 19 Nov 02:14 UTC"
    assert issue.fields["labels"] == ["spendwarden", "loop", "agent:indexer", "inc-1"]
    assert issue.properties == {"spendwarden": {"id": "inc-1", "tenant": "default", "notice": "ntc-1"}}
    assert issue.comments == []
    assert "notice" not in text(desk)
    desk.now_ms += 2 * MINUTE_MS
    assert await desk.edit(but(INCIDENT, spend_nanos=47 * 10**9)) == Delivered()
    assert "$47.00" in text(desk)
    assert issue.comments == []
    assert await desk.tell(WORSE, "worse") == Delivered()
    assert issue.fields["summary"] == "Agent indexer repeats itself in a loop: $900.00 since Wed 19 Nov 02:14 UTC"
    assert await desk.tell(OVER, "resolved") == Delivered()
    assert issue.status == "Erledigt"
    assert issue.fields["summary"].startswith("Agent indexer repeats")
    assert desk.jira.sent("GET", "issue/FIN-1/comment") == []
    assert [word in each for word, each in zip(("Getting worse", "Resolved"), said(desk), strict=True)] == [True, True]


async def test_the_same_notice_again_changes_nothing(desk: Desk) -> None:
    await desk.tell(notice_id="ntc-1")
    await desk.tell(WORSE, "worse", notice_id="ntc-2")
    before = [desk.jira.sent("POST", ".*"), desk.jira.only().comments[:]]
    desk.begin()
    assert await desk.tell(notice_id="ntc-1") == Delivered()
    assert await desk.tell(WORSE, "worse", notice_id="ntc-2") == Delivered()
    assert [desk.jira.sent("POST", ".*"), desk.jira.only().comments[:]] == before


async def test_edits_are_of_what_was_told_and_not_too_often(desk: Desk) -> None:
    assert await desk.edit(INCIDENT) == Delivered()
    assert desk.jira.requests == []
    await desk.tell()
    outcome = await desk.edit(WORSE)
    assert isinstance(outcome, RetryLater)
    assert outcome.alone
    desk.now_ms += EDIT_EVERY_MS
    assert await desk.edit(WORSE) == Delivered()
    assert "$900.00" in text(desk)
    assert desk.jira.requests[-1].url.params["notifyUsers"] == "false"


async def test_what_people_settled_elsewhere_is_closed_without_a_word(desk: Desk) -> None:
    await desk.tell()
    desk.now_ms += EDIT_EVERY_MS
    assert await desk.edit(OVER) == Delivered()
    assert desk.jira.only().status == "Erledigt"
    assert said(desk) == []


async def test_a_notice_that_had_to_wait_takes_no_newer_text_back(desk: Desk) -> None:
    await desk.tell()
    desk.now_ms += EDIT_EVERY_MS
    await desk.edit(but(WORSE, time_ms=INCIDENT.time_ms + 2))
    await desk.tell(but(INCIDENT, time_ms=INCIDENT.time_ms + 1, spend_nanos=7 * 10**9), "worse")
    assert "$900.00" in text(desk)
    assert "$7.00" in said(desk)[0]


async def test_closing_may_be_left_to_people(desk: Desk) -> None:
    desk.options = {"resolve": False}
    desk.begin()
    await desk.tell()
    await desk.tell(OVER, "resolved")
    assert desk.jira.only().status == "Offen"
    assert len(said(desk)) == 1


async def test_where_there_is_no_way_to_done_that_is_said(desk: Desk) -> None:
    await desk.tell()
    desk.jira.workflow = {"Offen": "new", "Won't Do": "done"}
    assert await desk.tell(OVER, "resolved") == Delivered(reason=NO_WAY)
    assert desk.jira.only().status == "Offen"
    assert NO_WAY in said(desk)[0]


async def test_a_move_that_asks_for_what_only_a_person_knows_is_not_made(desk: Desk) -> None:
    desk.jira.asks = {"customfield_7": {"required": True}, "customfield_8": {"required": True, "hasDefaultValue": True}}
    await desk.tell()
    assert await desk.tell(OVER, "resolved") == Delivered(reason=NO_WAY)
    del desk.jira.asks["customfield_7"]
    assert await desk.tell(OVER, "resolved") == Delivered()


async def test_a_screen_that_asks_for_a_resolution_gets_one_that_mutes_nothing(desk: Desk) -> None:
    desk.jira.asks_resolution = True
    await desk.tell()
    await desk.tell(OVER, "resolved")
    assert (desk.jira.only().status, desk.jira.only().resolution) == ("Erledigt", "Fertig")


async def test_what_a_person_closed_is_not_moved_back_while_the_incident_goes_on(desk: Desk) -> None:
    await desk.tell()
    desk.jira.move("FIN-1", "Erledigt")
    await desk.tell(WORSE, "worse")
    await desk.tell(but(WORSE, state="acknowledged"), "acknowledged")
    await desk.tell(OVER, "resolved")
    assert desk.jira.only().status == "Erledigt"
    assert len(said(desk)) == 2  # that it was acknowledged is what closing it said


async def test_what_a_person_wrote_and_ranked_stays(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, severity="warning"))
    desk.jira.only().fields["summary"] = "The indexer again"
    desk.jira.only().fields["priority"] = {"id": "14"}
    await desk.tell(but(WORSE, excess_nanos=5_000 * 10**9), "worse")
    assert desk.jira.only().fields["summary"] == "The indexer again"
    assert desk.jira.only().fields["priority"] == {"id": "14"}


async def test_priority_rises_with_the_money_at_risk_and_never_falls(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, severity="warning"))
    assert desk.jira.only().fields["priority"] == {"id": "13"}
    await desk.tell(but(INCIDENT, severity="warning", excess_nanos=5_000 * 10**9), "worse")
    assert desk.jira.only().fields["priority"] == {"id": "10"}
    await desk.tell(but(INCIDENT, severity="warning"), "reminder")
    assert desk.jira.only().fields["priority"] == {"id": "10"}


@pytest.mark.parametrize("by_person", [True, False])
async def test_a_recurrence_reopens_the_issue_within_three_days(desk: Desk, by_person: bool) -> None:
    await desk.tell()
    if by_person:
        desk.jira.move("FIN-1", "Erledigt")
    await desk.tell(OVER, "resolved")
    desk.now_ms += REOPEN_MS - MINUTE_MS
    await desk.tell(but(INCIDENT, action="reopened"), "reopened")
    assert desk.jira.only().status == "Offen"
    assert len(said(desk)) == 2


async def test_later_a_recurrence_is_a_new_issue_linked_to_the_old(desk: Desk) -> None:
    await desk.tell()
    await desk.tell(OVER, "resolved")
    desk.now_ms += REOPEN_MS + MINUTE_MS
    again = but(INCIDENT, action="reopened")
    assert await desk.tell(again, "reopened", "ntc-again") == Delivered()
    assert await desk.tell(again, "reopened", "ntc-again") == Delivered()
    assert [issue.status for issue in desk.jira.issues.values()] == ["Erledigt", "Offen"]
    assert desk.jira.issues["FIN-2"].links == ["FIN-1"]
    await desk.tell(WORSE, "worse")
    assert len(said(desk, "FIN-2")) == 1


@pytest.mark.parametrize("how", ["resolution", "status"])
async def test_not_to_be_done_mutes_the_incident_and_no_other(desk: Desk, how: str) -> None:
    await desk.tell()
    desk.jira.workflow["Won't Do"] = "done"
    if how == "resolution":
        desk.jira.move("FIN-1", "Erledigt", "Won't Do")
    else:
        desk.jira.move("FIN-1", "Won't Do")
    outcome = await desk.tell(WORSE, "worse")
    assert outcome == Delivered(reason="muted: FIN-1 was closed as not to be done")
    asked = len(desk.jira.requests)
    await desk.tell(but(INCIDENT, action="reopened"), "reopened")
    await desk.edit(WORSE)
    assert len(desk.jira.requests) == asked
    assert said(desk) == []
    await desk.tell(but(INCIDENT, id="inc-2"))
    assert desk.jira.issues["FIN-2"].links == ["FIN-1"]


async def test_names_of_what_mutes_are_the_policy_s(desk: Desk) -> None:
    desk.options = {"wont_fix": ["Abgelehnt"]}
    desk.begin()
    await desk.tell()
    desk.jira.move("FIN-1", "Erledigt", "abgelehnt")
    assert isinstance(outcome := await desk.tell(WORSE, "worse"), Delivered)
    assert "muted" in outcome.reason


async def test_the_owner_s_project_type_and_fields_win(desk: Desk) -> None:
    desk.fields = {"customfield_1": "receiver", "customfield_2": "receiver", "labels": ["finops"], "summary": "not ours"}
    person = "maria@example.com" if desk.cloud else "maria"
    desk.contacts = {"KYC": Contact(project="KYC", issue_type="Task", fields={"customfield_2": "owner", "components": ["Intake"], "assignee": person})}
    desk.begin()
    await desk.tell(but(INCIDENT, owner="KYC"))
    fields = desk.jira.issues["KYC-1"].fields
    assert (fields["customfield_1"], fields["customfield_2"]) == ("receiver", "owner")
    assert fields["components"] == [{"name": "Intake"}]
    assert fields["assignee"] == ({"accountId": MARIA["accountId"]} if desk.cloud else {"name": "maria"})
    assert fields["labels"][-1] == "finops"
    assert fields["summary"].startswith("Agent indexer")


async def test_an_assignee_nobody_knows_is_left_out_and_said() -> None:
    desk = Desk(fields={"assignee": "nobody@example.com"})
    desk.jira.people = []
    outcome = await desk.tell()
    assert isinstance(outcome, Delivered)
    assert "assignee" in outcome.reason
    assert "assignee" not in desk.jira.only().fields
    assert "The assignee that the policy names was not found here." in text(desk)


async def test_parents_and_earlier_incidents_of_the_same_cause_are_linked(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, id="inc-0", scope=Scope("business_unit", "retail")))
    await desk.tell(but(INCIDENT, id="inc-1"))
    await desk.tell(but(INCIDENT, id="inc-2", parent="inc-0"))
    await desk.tell(but(INCIDENT, id="inc-3", kinds=[Kind.CACHE_BREAK]))
    assert [issue.links for issue in desk.jira.issues.values()] == [["FIN-3"], ["FIN-3"], ["FIN-2", "FIN-1"], []]


async def test_a_site_without_such_links_is_said(desk: Desk) -> None:
    await desk.tell()
    desk.jira.faults = [Fault("POST", "issueLink", httpx.Response(404, json={"errorMessages": ["No issue link type with name 'Relates' found."]}))]
    assert await desk.tell(but(INCIDENT, id="inc-2")) == Delivered(reason="This Jira did not link it to FIN-1.")


async def test_an_order_is_an_issue_of_its_own_linked_to_its_incident_s(desk: Desk) -> None:
    await desk.tell()
    assert await desk.courier.deliver(ORDER) == Delivered()
    assert desk.jira.issues["FIN-2"].fields["summary"] == "Order to pause agent indexer"
    assert desk.jira.issues["FIN-2"].links == ["FIN-1"]


@pytest.mark.parametrize("refused", ["priority", "labels", "assignee"])
async def test_a_screen_that_refuses_a_field_gets_the_issue_without_it_and_says_so(desk: Desk, refused: str) -> None:
    desk.fields = {"assignee": {"name": "maria"}}
    desk.begin()
    desk.jira.refuses = (refused,)
    outcome = await desk.tell()
    assert outcome == Delivered(reason=f"This Jira did not take {refused} here, so it is left out.")
    assert f"did not take {refused}" in text(desk)
    assert refused not in desk.jira.only().fields
    desk.now_ms += DAY_MS
    assert await desk.edit(WORSE) == Delivered()
    assert f"did not take {refused}" in text(desk)


async def test_a_site_without_priorities_gets_none(desk: Desk) -> None:
    desk.jira.priorities = []
    assert await desk.tell() == Delivered()
    assert "priority" not in desk.jira.only().fields


async def test_a_description_that_cannot_be_edited_any_more_stops_no_comment(desk: Desk) -> None:
    await desk.tell()
    desk.jira.refuses = ("description", "summary")
    assert await desk.tell(WORSE, "worse") == Delivered()
    assert len(said(desk)) == 1


async def test_who_administers_no_project_edits_aloud(desk: Desk) -> None:
    desk.jira.administers = False
    await desk.tell()
    assert await desk.tell(WORSE, "worse") == Delivered()
    desk.now_ms += EDIT_EVERY_MS
    assert isinstance(await desk.edit(but(WORSE, spend_nanos=950 * 10**9)), RetryLater), "each edit writes to the watchers"
    desk.now_ms += LOUD_EDIT_EVERY_MS
    assert await desk.edit(but(WORSE, spend_nanos=950 * 10**9)) == Delivered()
    assert "$950.00" in text(desk)
    edits = [dict(each.url.params) for each in desk.jira.requests if each.method == "PUT"]
    assert edits == [{"notifyUsers": "false"}, {}, {}], "asked once whether it may be quiet"


async def test_an_issue_that_cannot_be_edited_any_more_is_commented_on_still(desk: Desk) -> None:
    await desk.tell()
    told = {"errorMessages": ["You do not have permission to edit issues in this project."], "errors": {}}
    desk.jira.faults = [Fault("PUT", "issue/FIN-1", httpx.Response(403, json=told), times=2)]
    assert await desk.tell(WORSE, "worse") == Delivered(reason=NO_TEXT)
    assert len(said(desk)) == 1


async def test_a_digest_of_a_storm_is_a_comment_of_the_newest_issue(desk: Desk) -> None:
    told = but(notice(INCIDENT, "storm"), title="Agent indexer repeats itself in a loop and 7 more incidents in this minute")
    for _ in range(2):
        assert await desk.courier.deliver(told) == Delivered()
    assert desk.jira.only().fields["summary"] == "Agent indexer repeats itself in a loop: $6.12 since Wed 19 Nov 02:14 UTC"
    assert ["and 7 more incidents in this minute" in each for each in said(desk)] == [True]


HOSTILE: dict[str, Any] = {"scope": Scope("agent", 'a" OR labels = "x\\" b\n'), "owner": "[~admin]", "detail": "{panel} @all"}


async def test_hostile_names_reach_no_query_and_no_mark_up(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, **HOSTILE))
    assert all(each["jql"].count('"') == 4 for each in desk.jira.sent("POST", "search.*"))
    assert desk.jira.only().fields["labels"][2] == "agent:a_OR_labels_x_b_"
