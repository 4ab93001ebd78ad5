"""A chain that was touched anywhere is known as broken, and at which entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as but

from service.audit.chain import Chain, add, canonical, digest_of
from service.audit.verify import Name, Verification, line_of, of_line, told
from service.facts import Audited, Control, OrderState, Scope
from tests.samples import NIGHT_MS, ORDER


def chained(count: int = 6, tenant: str = "acme") -> list[Audited]:
    chain = Chain()
    return [add(chain, NIGHT_MS + n * 1000, tenant, 0, 1, Control(f"ctl-{n}", tenant, "note", "maria", reason=f"reason {n}"), "done") for n in range(count)]


def seen(entries: Sequence[Audited]) -> Verification:
    verification = Verification()
    for entry in entries:
        verification.hear(entry)
    return verification


def broken_at(entries: Sequence[Audited]) -> int:
    """The first entry that does not fit; 0 where all do."""
    breaks = seen(entries).breaks
    return breaks[0].sequence if breaks else 0


def rehashed(entry: Audited, **changed: Any) -> Audited:
    """An entry that was changed by somebody who knows how digests are made."""
    body = canonical({**json.loads(entry.body), **changed})
    return but(entry, body=body, digest=digest_of(body), sequence=json.loads(body)["sequence"])


def test_an_untouched_chain_is_whole() -> None:
    both = [entry for pair in zip(chained(), chained(tenant="other"), strict=True) for entry in pair]
    verification = seen(both)
    assert verification.breaks == []
    assert list(verification.chains) == [Name("acme", 0), Name("other", 0)]
    assert all(verification.holds(entry.digest) for entry in both)
    assert not verification.holds(digest_of(""))


@pytest.mark.parametrize("field", ["time_ms", "tenant", "journal", "sequence", "body", "digest"])
@pytest.mark.parametrize("at", [0, 3, 5])
def test_a_changed_field_of_an_entry_is_seen(field: str, at: int) -> None:
    entries = chained()
    value = getattr(entries[at], field)
    entries[at] = but(entries[at], **{field: value + 1 if isinstance(value, int) else value.replace("a", "b") + "x"})
    assert seen(entries).breaks, field


@pytest.mark.parametrize("at", [0, 3, 5])
def test_every_word_of_the_text_counts(at: int) -> None:
    whole = chained()
    line = line_of(whole[at])
    for name in line:
        changed = {"tenant": "other", "time": "2026-01-01T00:00:00.000Z"}.get(name, 99 if isinstance(line[name], int) else "0" * 64)
        entries = [*whole]
        entries[at] = of_line({**line, name: changed})
        assert seen(entries).breaks, name
    for name in line["said"]:
        entries[at] = of_line({**line, "said": {**line["said"], name: "other"}})
        assert broken_at(entries) == at + 1, name


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("changed", [{"said": {"by": "eve"}}, {"outcome": "refused"}, {"before": "f" * 64}, {"policy": 7}])
def test_whoever_makes_the_digest_anew_breaks_the_next_entry_or_this_one(at: int, changed: dict[str, Any]) -> None:
    entries = chained()
    entries[at] = rehashed(entries[at], **changed)
    assert broken_at(entries) == at + (1 if "before" in changed else 2)


MOVES: dict[str, Callable[[list[Audited]], object]] = {
    "dropped": lambda entries: entries.pop(3),
    "dropped first": lambda entries: entries.pop(0),
    "swapped": lambda entries: entries.insert(2, entries.pop(3)),
    "twice": lambda entries: entries.insert(3, entries[3]),
    "inserted": lambda entries: entries.insert(3, rehashed(entries[3], said={"by": "eve"}, before=entries[2].digest)),
    "replaced": lambda entries: entries.__setitem__(3, chained(tenant="other")[3]),
    "emptied": lambda entries: entries.__setitem__(3, but(entries[3], body="", digest=digest_of(""))),
    "no object": lambda entries: entries.__setitem__(3, but(entries[3], body="[]", digest=digest_of("[]"))),
}


@pytest.mark.parametrize("move", MOVES)
def test_entries_that_were_dropped_swapped_or_put_in_are_seen(move: str) -> None:
    entries = chained()
    MOVES[move](entries)
    assert seen(entries).breaks, move


def test_who_cuts_the_end_off_or_forges_it_is_found_by_a_digest_of_then() -> None:
    whole = chained()
    forged = [*whole[:4], rehashed(whole[4], said={"by": "eve"})]
    forged.append(rehashed(whole[5], before=forged[4].digest))
    for entries in (whole[:5], forged):
        verification = seen(entries)
        assert verification.breaks == []
        assert not verification.holds(whole[5].digest)
        assert verification.holds(whole[3].digest)
        verification.agrees(whole[5], "the outbox")
        assert len(verification.breaks) == 1
    cut = seen(whole[:4])
    cut.ends(Name("acme", 0), 6)
    assert [line for line in told(cut) if line.startswith("BROKEN")] == ["BROKEN tenant acme, entry 5: entries 5 to 6 are missing at the end"]


def test_what_is_told_says_where_it_breaks_and_up_to_where_it_fits() -> None:
    entries = chained()
    del entries[3:5]
    assert list(told(seen(entries))) == [
        f"tenant acme: 4 entries, 2025-11-19T02:14:00.000Z to 2025-11-19T02:14:02.000Z, fits up to entry 3; head {entries[2].digest}",
        "BROKEN tenant acme, entry 6: entries 4 to 5 are missing before it",
    ]


@given(st.text(), st.text(), st.integers(-(10**15), 10**15), st.integers(0, 1 << 60))
def test_any_name_and_amount_comes_back_as_it_was_hashed(name: str, reason: str, nanos: int, time_ms: int) -> None:
    chain = Chain()
    entries = [
        add(chain, NIGHT_MS, name or "x", 3, 1, Control("ctl", name, "note", name, scope=Scope("agent", name), reason=reason, until_ms=time_ms), "done"),
        add(chain, NIGHT_MS, name or "x", 3, 1, OrderState(NIGHT_MS, "ord", name, Scope("label.a", name), "effective", nanos, reason, saved_nanos=nanos)),
        add(chain, NIGHT_MS, name or "x", 3, 1, but(ORDER, executions=[name], reason=reason)),
    ]
    again = [of_line(json.loads(json.dumps(line_of(entry)))) for entry in entries]
    assert again == entries
    assert seen(again).breaks == []
    assert json.dumps(json.loads(entries[0].body), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == entries[0].body, "any tool can hash it"


@pytest.mark.parametrize("line", [None, [], {}, {"digest": "d"}, {"digest": "d", "tenant": "a", "journal": "0", "sequence": 1, "time": "now"}])
def test_what_is_no_entry_is_said_to_be_none(line: Any) -> None:
    with pytest.raises(ValueError, match="is no entry of an audit"):
        of_line(line)
