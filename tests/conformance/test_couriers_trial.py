"""What every kind promises to who tries it: `notify test` says what happened in words, with what to mend, and stops nobody."""

from __future__ import annotations

import pytest

from service.couriers.port import Delivered
from service.couriers.trial import places, trial
from tests.conformance.courier_cases import CASES
from tests.conformance.couriers import WIRED, assert_no_secret, bench_of, refusing
from tests.samples import NIGHT_MS


@pytest.mark.parametrize("kind", CASES)
async def test_a_trial_arrives_says_that_it_is_one_and_gives_no_order(kind: str) -> None:
    bench = bench_of(kind)
    steps = await trial(CASES[kind].receiver, bench.courier, lambda: NIGHT_MS)
    assert steps
    assert [step.outcome for step in steps if not step.good] == []
    assert [step.mend for step in steps] == [""] * len(steps)
    assert all(isinstance(step.outcome, Delivered) for step in steps)
    assert "spendwarden.order." not in bench.sent()
    if CASES[kind].receiver.takes != "orders":
        assert "test" in bench.sent().lower()


@pytest.mark.parametrize(("status", "mend"), [(302, "redirects"), (401, "secret"), (404, "address"), (429, "busy"), (503, "log")])
@pytest.mark.parametrize("kind", WIRED)
async def test_a_trial_that_fails_ends_there_and_says_what_to_mend(kind: str, status: int, mend: str) -> None:
    bench = bench_of(kind, refusing(status))
    steps = await trial(CASES[kind].receiver, bench.courier, lambda: NIGHT_MS)
    assert not steps[-1].good
    assert mend in steps[-1].mend
    assert len(bench.wire.requests) == 1
    assert_no_secret(" ".join([places(CASES[kind].receiver), *(step.said for step in steps)]))
