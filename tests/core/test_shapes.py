"""What calls look like, as counts: each record once, the same however the stream is cut into partitions, and bounded."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import Counts, Shape, Tick, encode, parts_of_call, shape_of_call, size_bin
from service.facts.shapes import CACHED, STEPS
from service.meter import shapes, snapshot
from service.meter.fold import Meter, fold
from service.records import TOKENS_MAX, Outcome, Usage
from service.warden import windows
from service.warden.state import Tenant
from tests.core.streams import CALM, START_MS, Heard, Told, told

SIZES = st.one_of(st.integers(0, 3 * TOKENS_MAX), st.integers(0, 5000), st.integers(0, 41).map(lambda n: 1 << n))
Look = tuple[dict[int, int], list[int], dict[int, int], dict[str, int]]


# ---------------------------------------------------------------- numbers
@given(SIZES, SIZES)
def test_bins_grow_with_sizes(a: int, b: int) -> None:
    assert size_bin(min(a, b)) <= size_bin(max(a, b)) < 400


@given(st.integers(8, 3 * TOKENS_MAX))
def test_a_bin_is_an_eighth_wide(size: int) -> None:
    assert size_bin(size + size // 4 + 1) > size_bin(size)
    assert size_bin(size + size // 16) <= size_bin(size) + 1


@given(SIZES, st.integers(0, 8), st.integers(1, 10_000))
def test_a_call_is_read_as_it_was_written(prompt: int, eighths: int, step: int) -> None:
    cached = prompt * eighths // 8
    size, share, where = parts_of_call(shape_of_call(prompt, cached, step))
    assert size == size_bin(prompt)
    assert share == (cached * 8 // prompt if prompt else 0) < CACHED
    assert where == (0 if step == 1 else 1 if step == 2 else 2 if step <= 5 else 3) < STEPS


def test_every_shape_is_another_call() -> None:
    numbers = [shape_of_call(prompt, prompt * eighths // 8, step) for prompt in (64, 128, 1 << 40) for eighths in range(CACHED) for step in (1, 2, 3, 6)]
    assert len(set(numbers)) == len(numbers)
    assert all(a < b for a, b in pairwise(shape_of_call(prompt, 0, 1) for prompt in (8, 9, 18, 2000, 10**12)))


# ---------------------------------------------------------------- counted
@st.composite
def calls(draw: st.DrawFn) -> list[Heard]:
    """Runs of few agents with all that a shape counts; children, retries and other layers among them; each run by one agent in one workflow."""
    heard: list[Heard] = []
    now_ms = START_MS
    for number in range(draw(st.integers(1, 40))):
        now_ms += draw(st.sampled_from([0, 40, 5_000, 61_000, 700_000]))
        run = draw(st.integers(0, 5))
        fields = {
            "id": f"id-{number}",
            "time": now_ms / 1000,
            "agent": f"a{run % 2}",
            "workflow": f"w{run % 3}",
            "user": draw(st.sampled_from(["", "u1", "u2"])),
            "execution_id": draw(st.sampled_from([f"run-{run}", f"run-{run}", f"child-{run}", ""])),
            "layer": draw(st.sampled_from(["inference", "inference", "inference", "tool"])),
            "attempt": draw(st.sampled_from([0, 1, 1, 2])),
            "input_tokens": draw(st.integers(0, 5_000)),
            "cache_read_tokens": draw(st.integers(0, 5_000)),
            "cache_write_tokens": draw(st.integers(0, 500)),
        }
        if fields["execution_id"] == f"child-{run}":
            fields |= {"root_execution_id": f"run-{run}", "parent_execution_id": f"run-{run}"}
        heard.append(Heard(now_ms, Usage(**fields)))  # type: ignore[arg-type]
        if draw(st.integers(0, 9)) == 0:
            heard.append(Heard(now_ms, Outcome(id=f"end-{number}", time=now_ms / 1000, execution_id=f"run-{run}")))
    return heard


def said(run: Told) -> list[Shape]:
    return [fact for envelope in run.engine.envelopes for fact in envelope.facts if isinstance(fact, Shape)]


def looks(run: Told) -> dict[tuple[int, str, str], Look]:
    """As the windows of a warden would add them up."""
    tenants: dict[str, Tenant] = {}
    for fact in said(run):
        windows.looks(tenants.setdefault(fact.tenant, Tenant(fact.tenant)), fact)
    return {
        (number, *key): (look.calls, look.lowest, look.ended, look.begun)
        for t in tenants.values()
        for number, window in t.windows.items()
        for key, look in window.looks.items()
    }


@given(calls(), st.integers(2, 6))
@settings(max_examples=24)
def test_partitions_add_up_to_what_one_would_say(heard: list[Heard], partitions: int) -> None:
    assert looks(told(CALM, heard, partitions)) == looks(told(CALM, heard, 1))


@given(calls())
@settings(max_examples=24)
def test_each_first_try_of_a_run_counts_once(heard: list[Heard]) -> None:
    expected = Counter(
        size_bin(prompt)
        for _, u in heard
        if isinstance(u, Usage) and u.layer == "inference" and u.attempt <= 1 and u.execution_id
        if (prompt := u.input_tokens + u.cache_read_tokens + u.cache_write_tokens)
    )
    found: Counter[int] = Counter()
    again = [Heard(heard[-1].arrival_ms, record) for _, record in heard[:3]]
    for fact in said(told(CALM, [*heard, *again], 3)):
        for shape, n in fact.calls.items():
            found[parts_of_call(shape)[0]] += n
    assert found == expected


def test_what_a_run_begins_with_how_it_goes_on_and_how_it_ends() -> None:
    def call(number: int, **fields: object) -> Heard:
        given = {"id": f"c-{number}", "time": START_MS / 1000, "agent": "a", "workflow": "w", "user": "u", "execution_id": "run", "input_tokens": 100}
        return Heard(START_MS, Usage(**given | fields))  # type: ignore[arg-type]

    heard = [
        call(1),
        call(2, cache_read_tokens=100),
        call(3, attempt=2, input_tokens=7),
        call(4, execution_id="child", root_execution_id="run", parent_execution_id="run"),
        Heard(START_MS, Outcome(id="end", time=START_MS / 1000, execution_id="run")),
        call(5, execution_id="other", user="", input_tokens=60),
        call(6, execution_id="third", user="", input_tokens=80),
        Heard(START_MS, Outcome(id="end-again", time=START_MS / 1000, execution_id="run")),
    ]
    ((calls_seen, lowest, ended, begun),) = looks(told(CALM, heard, 3)).values()
    assert Counter(calls_seen) == Counter(
        {shape_of_call(100, 0, 1): 1, shape_of_call(200, 100, 2): 1, shape_of_call(100, 0, 4): 1, shape_of_call(60, 0, 1): 1, shape_of_call(80, 0, 1): 1}
    )
    assert lowest == [60, 80]
    assert ended == {size_bin(4 << 3): 1}, "ended once, after four calls, the retry and the child's among them"
    assert begun == {"u": 1, "": 2}


# ---------------------------------------------------------------- kept
def counting(monkeypatch: pytest.MonkeyPatch, limit: str, most: int, agents: int, users: int) -> tuple[list[Shape], Counts]:
    monkeypatch.setattr(shapes, limit, most)
    heard = [
        Heard(START_MS, Usage(id=f"{a}-{u}", time=START_MS / 1000, agent=f"a{a}", user=f"u{u}", execution_id=f"run-{a}-{u}", input_tokens=9))
        for a in range(agents)
        for u in range(users)
    ]
    run = told(CALM, heard, 1)
    return said(run), run.engine.meters[0].counts


def test_one_agent_too_many_is_judged_by_its_spend_alone_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, counts = counting(monkeypatch, "SHAPES_PER_MINUTE_MAX", 2, agents=5, users=2)
    assert {fact.agent for fact in facts} == {"a0", "a1"}
    assert counts.shapes_dropped == 3 * 2 * 2, "three agents, two runs each: one beginning and one call"


def test_one_user_too_many_counts_under_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, counts = counting(monkeypatch, "BEGUN_MAX", 3, agents=1, users=5)
    assert facts[0].begun == {"u0": 1, "u1": 1, "u2": 1, "": 2}
    assert counts.users_folded == 2


@given(calls(), st.data())
@settings(max_examples=24)
def test_open_shapes_are_the_same_after_a_snapshot_bit_for_bit(heard: list[Heard], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(heard)))
    rows = [(n, arrival_ms, record) for n, (arrival_ms, record) in enumerate(heard)]
    end = (len(rows), heard[-1].arrival_ms + 3_600_000, Tick())
    through, stopped = Meter(0), Meter(0)
    out = fold(through, rows[:cut])
    assert [encode(e) for e in fold(stopped, rows[:cut])] == [encode(e) for e in out]
    dumped = snapshot.dump(stopped)
    stopped = snapshot.load(dumped)
    assert snapshot.dump(stopped) == dumped
    assert stopped.minute.shapes == through.minute.shapes
    assert [encode(e) for e in fold(stopped, [*rows[cut:], end])] == [encode(e) for e in fold(through, [*rows[cut:], end])]
    assert not any(shape.calls or shape.begun for shape in through.minute.shapes.values()), "said once, with the minute's last word"


def test_a_snapshot_of_before_there_were_shapes_is_read() -> None:
    meter = Meter(0)
    usage = Usage(id="a", time=START_MS / 1000, agent="a", execution_id="run", input_tokens=9)
    fold(meter, [(0, START_MS, usage)])
    old = {name: raw for name, raw in snapshot.dump(meter).items() if not name.startswith("shapes")}
    back = snapshot.load(old)
    assert back.minute.shapes == {}
    assert back.minute.cells
    fold(back, [(1, START_MS, Usage(id="b", time=START_MS / 1000, agent="a", execution_id="run", input_tokens=9))])
    assert len(back.minute.shapes) == 1


@given(st.lists(st.lists(st.integers(1, 99), max_size=2).map(sorted), max_size=6))
def test_a_window_keeps_the_two_smallest_prompts_of_all_partitions(lowest: list[list[int]]) -> None:
    t = Tenant("default")
    for each in lowest:
        windows.looks(t, Shape("default", "a", "w", 10, {7: 1}, each, {}, {"u": 1}))
    for window in t.windows.values():
        (look,) = window.looks.values()
        assert look.lowest == sorted(n for each in lowest for n in each)[:2]
        assert (look.calls, look.begun) == ({7: len(lowest)}, {"u": len(lowest)})
