"""An agent's day as its team would describe it, and the activity it leaves."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from service.warden.activity import Activity, Use

PRICES = {"small": (1_000, 100, 1_250, 5_000), "large": (5_000, 500, 6_250, 25_000)}  # nanos a token: fresh, read, write, output


class Day(NamedTuple):
    """An agent's day, as its team would describe it."""

    runs: int = 40
    calls: float = 5.0
    prompt: int = 4_000
    cached: float = 0.85
    produced: int = 400
    large: float = 0.2
    charged: float = 1.0
    retries: float = 0.05
    vectors: int = 20_000_000
    listed: bool = True


def activity(day: Day) -> Activity:
    done = Activity(began=day.runs, other_nanos=day.vectors)
    for model, share in (("small", 1 - day.large), ("large", day.large)):
        first = round(day.runs * day.calls * share)
        if not first:
            continue
        tries = round(first * day.retries)
        calls = first + tries
        read = round(day.prompt * day.cached)
        tokens = ((day.prompt - read) * calls, read * calls, 0, day.produced * calls)
        picos = [n * price * 1000 for n, price in zip(tokens, PRICES[model], strict=True)]
        nanos = round(sum(picos) * day.charged) // 1000
        done.models[model] = Use(calls, tries, *tokens, nanos, nanos * tries // calls, *(picos if day.listed else [0] * 4))
    return done


USUAL = Day()
whole = st.one_of(st.integers(-5, 5), st.integers(-(10**15), 10**15), st.integers(0, 10**6))
uses = st.builds(Use, *[whole] * len(Use.__struct_fields__))
activities = st.builds(Activity, began=whole, models=st.dictionaries(st.sampled_from("abcd"), uses, max_size=3), other_nanos=whole)
