"""What people do in Jira comes back as controls: once each, whoever asks again, and never what our own user did."""

from __future__ import annotations

import httpx
import pytest
from msgspec.structs import replace as but

from service.couriers.jira.hearing import LOOK_BACK_MS, PAGE
from service.couriers.port import MemoryHere
from service.facts import Control
from tests.jira.desk import DAY_MS, MINUTE_MS, Desk
from tests.jira.fake import LI, MARIA, Fault
from tests.samples import INCIDENT

Said = tuple[str, str, str, str]


@pytest.fixture(params=[True, False], ids=["cloud", "data_center"])
async def desk(request: pytest.FixtureRequest) -> Desk:
    desk = Desk(cloud=request.param)
    await desk.tell()
    desk.now_ms += MINUTE_MS
    return desk


def said(controls: list[Control]) -> list[Said]:
    assert all(control.incident == "inc-1" and control.tenant == "default" for control in controls)
    return [(control.action, control.by, control.reason, control.verdict) for control in controls]


async def test_done_is_an_acknowledgement(desk: Desk) -> None:
    desk.jira.move("FIN-1", "Erledigt")
    assert said(await desk.heard()) == [("acknowledge", "Maria Silva", "done in Jira FIN-1", "")]


async def test_not_to_be_done_is_a_verdict_and_mutes(desk: Desk) -> None:
    desk.jira.move("FIN-1", "Erledigt", "Won't Do")
    assert said(await desk.heard()) == [("verdict", "Maria Silva", "closed as Won't Do in Jira FIN-1", "not_useful")]
    asked = len(desk.jira.requests)
    await desk.tell(reason="worse")
    assert len(desk.jira.requests) == asked


async def test_what_someone_opens_again_is_not_muted_any_more(desk: Desk) -> None:
    desk.jira.move("FIN-1", "Erledigt", "Won't Do")
    await desk.heard()
    desk.jira.move("FIN-1", "Offen")
    assert await desk.heard() == []
    await desk.tell(reason="worse")
    assert len(desk.jira.only().comments) == 1


async def test_in_progress_is_an_acknowledgement_by_who_began(desk: Desk) -> None:
    desk.jira.move("FIN-1", "In Arbeit", by=LI)
    assert said(await desk.heard()) == [("acknowledge", "Li Wei", "in progress in Jira FIN-1", "")]


async def test_who_is_assigned_acknowledges_whoever_assigned_them(desk: Desk) -> None:
    desk.jira.assign("FIN-1", LI, by=MARIA)
    assert said(await desk.heard()) == [("acknowledge", "Li Wei", "assigned in Jira FIN-1", "")]


async def test_a_comment_is_a_note_in_one_safe_line(desk: Desk) -> None:
    desk.jira.comment("FIN-1", "I stopped it.\nSee \u202eevil" + "x" * 5_000)
    ((action, by, reason, _),) = said(await desk.heard())
    assert (action, by) == ("note", "Maria Silva")
    assert reason.startswith(r"I stopped it. See \u202eevilxxx")
    assert reason.endswith("more characters)")


async def test_what_our_own_user_did_is_no_deed(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, spend_nanos=9 * 10**9), "worse")
    await desk.tell(but(INCIDENT, state="resolved"), "resolved")
    assert await desk.heard() == []


async def test_each_deed_is_said_once_and_has_the_same_id_for_ever(desk: Desk) -> None:
    desk.jira.comment("FIN-1", "one")
    first = await desk.heard()
    assert await desk.heard() == []
    desk.jira.comment("FIN-1", "two")
    both = await desk.heard()
    assert both[0] == first[0]
    assert [control.reason for control in both] == ["one (in Jira FIN-1)", "two (in Jira FIN-1)"]
    desk.begin()
    assert await desk.heard() == both


async def test_what_the_site_did_not_answer_is_heard_the_next_time(desk: Desk) -> None:
    await desk.tell(but(INCIDENT, id="inc-2"))
    desk.jira.comment("FIN-1", "one")
    desk.jira.comment("FIN-2", "two")
    for path in (r"search.*", r"issue/FIN-2"):
        desk.jira.faults.append(Fault("POST" if "search" in path else "GET", path, httpx.Response(503)))
    heard = [control.reason for _ in range(3) for control in await desk.heard()]
    assert heard == ["one (in Jira FIN-1)", "two (in Jira FIN-2)"]


async def test_after_a_start_it_begins_where_the_last_hand_over_ended(desk: Desk) -> None:
    await desk.heard()
    desk.now_ms += LOOK_BACK_MS + MINUTE_MS
    await desk.heard()
    await desk.heard()
    desk.jira.comment("FIN-1", "while it was away")
    desk.now_ms += 3 * DAY_MS
    desk.begin()
    assert [control.reason for control in await desk.heard()] == ["while it was away (in Jira FIN-1)"]


async def test_every_page_is_read(desk: Desk) -> None:
    for number in range(2, 2 * PAGE + 2):
        await desk.tell(but(INCIDENT, id=f"inc-{number}"))
        desk.jira.comment(f"FIN-{number}", str(number))
    assert [control.reason.split()[0] for control in await desk.heard()] == [str(number) for number in range(2, 2 * PAGE + 2)]
    assert desk.jira.broken == []


async def test_no_label_can_name_what_is_remembered_besides(desk: Desk) -> None:
    await desk.heard()
    await desk.heard()
    assert isinstance(desk.memory, MemoryHere)
    besides = [about for about in desk.memory.values if about != "inc-1"]
    assert len(besides) == 2
    assert all(" " in about for about in besides)


async def test_issues_of_others_are_not_ours(desk: Desk) -> None:
    desk.jira.only().fields["labels"] = ["spendwarden", "loop", "inc-of-another-service"]
    desk.jira.comment("FIN-1", "hello")
    assert await desk.heard() == []


async def test_who_does_not_know_its_own_name_hears_nothing(desk: Desk) -> None:
    desk.begin()
    desk.jira.faults = [Fault("GET", "myself", b"{}")]
    desk.jira.comment("FIN-1", "hello")
    assert await desk.heard() == []


WICKED = [
    b"",
    b"[1]",
    b'{"issues": 3}',
    b'{"issues": [null, {"key": 1}, {"key": "FIN-1", "id": [], "fields": [], "changelog": {"histories": [7]}}]}',
    b"\xff" * 99,
    b'{"issues": [{"key": "FIN-1", "fields": {"comment": {"comments": 5}}}], "total": "many"}',
    b'{"issues": [{"key": "FIN-1", "fields": {"labels": ["inc-1"]}}], "key": "FIN-1", "changelog": {"histories": [{"id": "%s", "items": [{"field": "status"}]}]}}'
    % (b"9" * 5_000),
    b'{"issues": [{"key": "FIN-1", "fields": {"labels": ["inc-1"]}}], "key": "FIN-1", "fields": {"comment": {"comments": [{"body": {"type": []}}]}}}',
]


@pytest.mark.parametrize("body", WICKED)
async def test_nothing_of_an_answer_is_believed(desk: Desk, body: bytes) -> None:
    desk.jira.comment("FIN-1", "hello")
    desk.jira.faults = [Fault("POST", "search.*", body), Fault("GET", "issue/FIN-1", body)]
    heard = [control for _ in range(4) for control in await desk.heard()]
    assert [control.reason for control in heard] == ["hello (in Jira FIN-1)"]
