"""A log's clock may be set back, or be behind on the partition's next leader: whoever restores in between hears what the one before heard."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from service.facts import Envelope, Tick, encode
from service.meter import snapshot
from service.meter.fold import Item, Meter, fold
from tests.core.streams import CALM, START_MS, Heard, policy_set, runaways, streams

Rows = list[tuple[int, int, Item]]


def said(rows: Rows, restored_at: int) -> list[bytes]:
    meter, out = Meter(0), list[Envelope]()
    for number, row in enumerate(rows):
        if number == restored_at:
            meter = snapshot.load(snapshot.dump(meter))
        out += fold(meter, [row])
    return [encode(envelope) for envelope in out]


@given(st.one_of(streams(20), runaways()), st.lists(st.integers(0, 90_000), min_size=40, max_size=40), st.data())
@settings(max_examples=24, deadline=None)
def test_arrivals_that_go_back_are_as_those_that_stand_still(heard: list[Heard], back_ms: list[int], data: st.DataObject) -> None:
    items: list[Item] = [policy_set(CALM), *(record for _, record in heard), Tick()]
    arrivals = [START_MS, *(arrival_ms for arrival_ms, _ in heard), heard[-1].arrival_ms + 200_000]
    stamped = [arrival_ms - back for arrival_ms, back in zip(arrivals, [0, *back_ms, *[0] * len(arrivals)], strict=False)]
    restored_at = data.draw(st.integers(1, len(items)))
    going_back: Rows = list(zip(range(len(items)), stamped, items, strict=True))
    standing: Rows = list(zip(range(len(items)), accumulate(stamped, max), items, strict=True))
    assert said(going_back, restored_at) == said(standing, 0)
