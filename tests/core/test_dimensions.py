"""Who and what carries an excess: those that moved, not those that always spend most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.facts import DimensionShare, Scope
from service.warden import causes
from service.warden.activity import OTHER
from service.warden.causes import cause, dimensions
from tests.core.days import USUAL, activity, whole


def user(name: str) -> Scope:
    return Scope("user", name)


def test_who_always_spends_most_is_not_blamed() -> None:
    usual = {user("ann"): 900, user("bob"): 100}
    assert dimensions({user("ann"): 1800, user("bob"): 200}, usual, excess=1000) == []
    assert [d.name for d in dimensions({user("ann"): 910, user("bob"): 900}, usual, excess=810)] == ["bob"]


def test_a_dearer_model_in_the_place_of_another_carries_it() -> None:
    now, usual = {Scope("model", "dear"): 500}, {Scope("model", "cheap"): 100}
    assert dimensions(now, usual, excess=400) == [DimensionShare("model", "dear", 0.8)]


def test_a_new_version_that_merely_took_over_is_not_blamed() -> None:
    now, usual = {Scope("prompt_version", "v3"): 130}, {Scope("prompt_version", "v2"): 100}
    assert dimensions(now, usual, excess=30) == []


def test_a_price_or_the_mix_is_a_matter_of_a_model_even_where_it_is_the_only_one() -> None:
    found = cause(activity(USUAL._replace(large=0.0, charged=3.0)), activity(USUAL._replace(large=0.0)))
    assert [(d.kind, d.name) for d in found.dimensions] == [("model", "small")]
    swapped = cause(activity(USUAL._replace(large=0.6)), activity(USUAL), members={user("bob"): 10**12}, usual_members={user("ann"): 1})
    assert swapped.dimensions[0][:2] == ("model", "large")


def test_kinds_that_can_have_moved_the_driver_come_first() -> None:
    now = {user("bob"): 95, Scope("prompt_version", "v3"): 100}
    assert [d.kind for d in dimensions(now, {user("ann"): 5, Scope("prompt_version", "v2"): 5}, excess=95, seldom=causes.MAKE)] == ["user", "prompt_version"]
    assert [d.kind for d in dimensions(now, {user("ann"): 5, Scope("prompt_version", "v2"): 5}, excess=95, seldom=causes.PEOPLE)] == ["prompt_version", "user"]


def test_who_left_carries_a_fall() -> None:
    now, usual = {user("ann"): 100}, {user("ann"): 110, user("bob"): 300}
    assert [d.name for d in dimensions(now, usual, excess=-310)] == ["bob"]


def test_the_remainder_is_nobody() -> None:
    assert dimensions({user(OTHER): 900}, {user("ann"): 100}, excess=800) == []


def test_one_member_of_a_new_scope_stands_out_from_nothing() -> None:
    assert dimensions({user("ann"): 900}, {}, excess=900) == []
    assert [d.name for d in dimensions({user("ann"): 900, user("bob"): 1}, {}, excess=901)] == ["ann"]


members = st.dictionaries(st.builds(Scope, st.sampled_from(["user", "model"]), st.sampled_from("abcdef")), whole, max_size=10)


@given(members, members, whole)
def test_shares_of_members_are_finite_and_few(now: dict[Scope, int], usual: dict[Scope, int], excess: int) -> None:
    found = dimensions(now, usual, excess)
    assert len(found) <= causes.DIMENSIONS_MAX
    assert all(0.0 < d.share <= 1.0 for d in found)


def test_of_the_same_money_by_several_names_the_person_is_named_first() -> None:
    now = {user("bob"): 100, Scope("workflow", "w"): 101, Scope("caller", "net"): 102}
    usual = {user("ann"): 10, user("bob"): 2, Scope("workflow", "v"): 10, Scope("workflow", "w"): 1, Scope("caller", "old"): 12}
    assert [d.kind for d in dimensions(now, usual, excess=100, seldom=causes.SELDOM["executions"])] == ["user", "workflow", "caller"]
    assert [d.kind for d in dimensions(now, usual, excess=100, seldom=causes.PEOPLE)] == ["workflow", "caller", "user"]


def test_a_person_who_carries_less_is_not_named_first() -> None:
    now = {user("bob"): 60, user("ann"): 40, Scope("workflow", "w"): 100}
    usual = {user("ann"): 10, Scope("workflow", "v"): 10}
    assert [d.kind for d in dimensions(now, usual, excess=90, seldom=causes.SELDOM["executions"])] == ["workflow", "user"]
