"""What enters the audit: everything people asked for, done or refused, every order in all of its life, every policy; the same whatever restarts."""

from __future__ import annotations

from typing import Any

import msgspec

from service.audit.verify import Name, Verification, line_of
from service.facts import Audited, PolicySet, Receipt, encode
from service.policy import dump, load
from service.replay.engine import Engine
from service.warden import snapshot
from service.warden.fold import hear
from service.warden.state import Warden
from tests.scenarios.story import Story

POLICY = """
budgets: [{name: day, scope: {agent: indexer}, period: day, limit_usd: 10, thresholds: [50], pause_at: 100}]
pauses: {mode: enforce, allow: [{agent: "*"}], approvers: [ann, bob], two_person_usd: 5}
"""


def audited(story: Story) -> list[dict[str, Any]]:
    return [line_of(entry) for entry in story.audit()]


def said(story: Story, what: str) -> list[dict[str, Any]]:
    return [line["said"] for line in audited(story) if line["what"] == what]


def verified(entries: list[Audited]) -> Verification:
    seen = Verification()
    for entry in entries:
        seen.hear(entry)
    assert seen.breaks == []
    return seen


def a_day() -> Story:
    """A line, a pause that is accepted, resumed by two; before that one who may not, and one who is alone."""
    story = Story(POLICY).call("6").call("5").wait("+1m")
    (pause,) = story.orders()
    story.answers(pause, "delivered").answers(pause, "accepted")
    story.says("resume", "+1m", order=pause.id, by="eve").says("resume", "+1m", order=pause.id)
    return story.says("resume", "+1m", order=pause.id, approved_by="bob", reason="fixed").adopts(POLICY + "timezone: Europe/Berlin\n", 2)


def test_every_control_order_state_and_policy_is_entered_in_its_order() -> None:
    story = a_day()
    mine = [line for line in audited(story) if line["tenant"] == "default"]
    assert [(line["what"], line["said"].get("state", line.get("outcome", ""))) for line in mine] == [
        ("order", ""),
        ("order_state", "requested"),
        ("order_state", "delivered"),
        ("order_state", "accepted"),
        ("control", "not_an_approver"),
        ("control", "needs_a_second_person"),
        ("control", "done"),
        ("order", ""),
        ("order_state", "requested"),
        ("order_state", "expired"),
    ]
    assert [(line["by"], line.get("approved_by", "")) for line in said(story, "control")] == [("eve", ""), ("ann", ""), ("ann", "bob")]
    resume = said(story, "order")[-1]
    assert (resume["action"], resume["by"], resume["approved_by"], resume["reason"]) == ("resume", "ann", "bob", "fixed")
    assert said(story, "order_state")[2]["overshoot_usd"] == "0.00"
    assert {line["policy"] for line in mine} == {1}
    chains = verified(story.audit()).chains
    assert {name: found.sequence for name, found in chains.items()} == {Name("default", 0): 10, Name("", 0): 2}


def test_a_policy_is_entered_once_with_who_applied_it_and_from_when_it_holds() -> None:
    story = Story("").call("1")
    newer = load(POLICY)
    for version, from_ms in ((2, story.now_ms + 3_000), (2, story.now_ms + 3_000), (1, 0)):
        story._journal(PolicySet(version, newer.digest, dump(newer), from_ms, "maria"))
    first, second = said(story, "policy")
    assert first.keys() == {"version", "digest", "from"}
    assert (second["version"], second["digest"], second["by"], second["from"]) == (2, newer.digest, "maria", "2026-11-03T09:00:03.000Z")
    for after in ("+1s", "+3s", "+1s"):
        story.says("note", after, incident="inc-1")
    assert [line["policy"] for line in audited(story) if line["what"] == "control"] == [1, 1, 2], "the second one was decided by the old policy still"


def test_what_is_heard_again_enters_nothing() -> None:
    story = a_day()
    before = len(story.audit())
    (pause,) = story.orders()
    story._told -= 1
    story.says("resume", order=pause.id, approved_by="bob").answers(pause, "accepted").adopts(POLICY, 2)
    assert len(story.audit()) == before


def test_observed_orders_and_what_has_no_owner_in_the_incidents_are_entered_too() -> None:
    story = Story(POLICY.replace("enforce", "observe")).call("11").wait("+1m").says("plan", scope=None).says("note", incident="inc-nobody", reason="hm")
    assert said(story, "order")[0]["mode"] == "observe"
    assert [line["outcome"] for line in audited(story) if line["what"] == "control"] == ["plan_needs_scope_from_until", "unknown_incident"]
    verified(story.audit())


def test_a_state_that_is_saved_and_restored_anywhere_goes_on_with_the_same_chain() -> None:
    whole = a_day()
    heads = {entry.tenant: entry.digest for entry in whole.audit()}
    restored = Story(POLICY).call("6")
    restored.engine = Engine.load(restored.engine.dump())
    restored.call("5").wait("+1m")
    (pause,) = restored.orders()
    for answer in ("delivered", "accepted"):
        restored.engine = Engine.load(restored.engine.dump())
        restored.answers(pause, answer)
    restored.says("resume", "+1m", order=pause.id, by="eve").says("resume", "+1m", order=pause.id)
    restored.engine = Engine.load(restored.engine.dump())
    restored.says("resume", "+1m", order=pause.id, approved_by="bob", reason="fixed").adopts(POLICY + "timezone: Europe/Berlin\n", 2)
    assert [encode(entry) for entry in restored.audit()] == [encode(entry) for entry in whole.audit()]
    warden = restored.engine.warden
    assert {"": warden.audit.head, "default": warden.tenants["default"].audit.head} == heads


def test_a_state_from_before_the_audit_begins_its_chains_at_one() -> None:
    old = snapshot.dump(Story(POLICY).call("6").wait("+1m").engine.warden)
    for part in ("warden.", "t0."):
        old[part] = msgspec.msgpack.encode({name: raw for name, raw in msgspec.msgpack.decode(old[part]).items() if name != "audit"})
    warden: Warden = snapshot.load(old)
    assert (warden.audit.sequence, warden.tenants["default"].audit.sequence) == (0, 0)
    newer = load("")
    entry = hear(warden, warden.now_ms, PolicySet(9, newer.digest, dump(newer)))[-1]
    assert isinstance(entry, Audited)
    assert entry.sequence == 1


def test_decisions_that_wait_to_be_taken_are_entered_once() -> None:
    """Whoever hears row by row may take the decisions later."""
    story = Story(POLICY).call("11").wait("+1m")
    (pause,) = story.orders()
    warden = story.engine.warden
    for state in ("delivered", "accepted"):
        told = hear(warden, story.now_ms + 1000, Receipt(pause.id, "orchestrator", state, "", "default"))
    assert [each.sequence for each in told if isinstance(each, Audited) and each.tenant] == [3, 4]
