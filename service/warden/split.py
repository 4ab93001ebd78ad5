"""The exact split of an excess into drivers.

    inference without retries = executions x calls per execution x sum over models of
        share of calls x (input tokens per call x (cache composition . prices) + output tokens per call x price)

Each of these seven factors gets its Shapley value: the mean, over all orders in which the factors could have moved from expected to observed, of
what its own move changed. It leaves no residue, does not depend on an order, treats both directions alike and bears zeros, where the logarithmic
mean (LMDI) does not: Shorrocks, "Decomposition procedures for distributional analysis: a unified framework based on the Shapley value" (1999; J Econ
Inequal 11, 2013); in its energy form Sun (1998) and Ang, Liu, Chew (Energy Policy 31, 2003). Retries and other layers are sums beside it. All
arithmetic is on integers and fractions; the one rounding, to the nano-dollar, hands out its remainder by largest fraction, so the parts always sum
to the excess.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Final, NamedTuple

from service.facts import DRIVERS
from service.warden.activity import Activity, Use

FACTORS: Final = ("executions", "calls_per_execution", "model_mix", "input_tokens", "cache", "output_tokens", "price")
_ZERO: Final = Fraction(0)
_ONE: Final = Fraction(1)
_USUAL_RATIOS: Final = (20, 2, 25, 100)  # of fresh, cache read, cache write and output prices, where the table knows none


class Side(NamedTuple):
    """One model on one side: its share of calls, and per call what it reads, how that is made up, what it writes, and prices in nanos a token."""

    share: Fraction
    read: Fraction
    made_of: tuple[Fraction, ...]
    written: Fraction
    prices: tuple[Fraction, ...]
    flat: Fraction


def split(observed: Activity, expected: Activity, scale: Fraction = _ONE) -> dict[str, int]:
    """Nanos of the excess by driver, in the order of DRIVERS; they sum to `observed.nanos - floor(expected.nanos x scale)`.

    `scale` is how much of `expected` the span of `observed` should have held. What one side has not seen is taken as on the other side, so all
    of a scope's first spend is the work of its executions, and a model's first calls are the work of the mix.

    >>> from service.warden.activity import Use
    >>> usual = Activity(began=10, models={"m": Use(calls=20, input=2000, nanos=2000, input_pico=2_000_000)})
    >>> today = Activity(began=30, models={"m": Use(calls=60, input=12000, nanos=12000, input_pico=12_000_000)}, other_nanos=7)
    >>> {driver: nanos for driver, nanos in split(today, usual).items() if nanos}
    {'executions': 6000, 'input_tokens': 4000, 'other_layers': 7}
    """
    retries_before, other_before = _part(expected.retry_nanos, scale), _part(expected.other_nanos, scale)
    before = _part(expected.nanos, scale) - retries_before - other_before
    after = observed.nanos - observed.retry_nanos - observed.other_nanos
    parts = dict.fromkeys(DRIVERS, 0)
    parts |= _shapley(_worth(observed, expected, scale, before, after))
    parts["retries"] = observed.retry_nanos - retries_before
    parts["other_layers"] = observed.other_nanos - other_before
    return parts


def _part(nanos: int, scale: Fraction) -> int:
    return nanos * scale.numerator // scale.denominator


def _shapley(worth: list[int]) -> dict[str, int]:
    """Each factor's value in a game whose `worth[set of factors as bits]` is known, rounded so that they sum to the whole."""
    n = len(FACTORS)
    weights = [factorial(size) * factorial(n - 1 - size) for size in range(n)]
    values = [sum(weights[s.bit_count()] * (worth[s | bit] - worth[s]) for s in range(1 << n) if not s & bit) for bit in (1 << k for k in range(n))]
    return dict(zip(FACTORS, _rounded(values, factorial(n)), strict=True))


def _rounded(values: list[int], whole: int) -> list[int]:
    """The values in units of `whole`, rounded down, and what is left of their sum given to the largest remainders.

    >>> _rounded([5, 5, 2], 4)
    [1, 1, 1]
    """
    rounded = [value // whole for value in values]
    left = sum(values) // whole - sum(rounded)
    for k in sorted(range(len(values)), key=lambda k: -(values[k] % whole))[:left]:
        rounded[k] += 1
    return rounded


def _worth(observed: Activity, expected: Activity, scale: Fraction, before: int, after: int) -> list[int]:
    """What the spend would be if just these factors had moved, for every set of them as bits; the ends are what was charged."""
    volume, intensity = _volume(observed, expected, scale)
    names = sorted(observed.models.keys() | expected.models.keys())
    shares = _shares(expected, observed), _shares(observed, expected)
    models = [
        _sides(expected.models.get(name, Use()), observed.models.get(name, Use()), (shares[0].get(name, _ZERO), shares[1].get(name, _ZERO))) for name in names
    ]
    cost = [sum((_cost(sides, s) for sides in models), _ZERO) for s in range(1 << (len(FACTORS) - 2))]
    worth = [int(volume[s & 1] * intensity[s >> 1 & 1] * cost[s >> 2]) for s in range(1 << len(FACTORS))]
    worth[0], worth[-1] = before, after
    return worth


def _volume(observed: Activity, expected: Activity, scale: Fraction) -> tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
    """Executions and calls per execution, each (expected, observed). A run that began earlier and goes on is one; without any run, a call is one."""
    calls = _calls(expected) * scale, Fraction(_calls(observed))
    runs = expected.began * scale, Fraction(observed.began)
    if runs[0] and not runs[1] and calls[1]:
        runs = runs[0], _ONE
    if not runs[0] and (calls[0] or not runs[1]):
        return calls, (_ONE, _ONE)
    after = calls[1] / runs[1] if runs[1] else _ZERO
    before = calls[0] / runs[0] if runs[0] else after
    return runs, (before, after if runs[1] else before)


def _calls(activity: Activity) -> int:
    return sum(_first_tries(use) for use in activity.models.values())


def _first_tries(use: Use) -> int:
    """Calls that were no retry; at least one where anything but retries was charged."""
    return max(use.calls - use.retries, int(use.nanos != use.retry_nanos), 0)


def _shares(activity: Activity, other: Activity) -> dict[str, Fraction]:
    """Each model's share of the calls; where there are none, as on the other side."""
    calls = _calls(activity)
    if not calls:
        return _shares(other, activity) if _calls(other) else {}
    return {name: Fraction(_first_tries(use), calls) for name, use in activity.models.items()}


def _sides(before: Use, after: Use, shares: tuple[Fraction, Fraction]) -> tuple[Side, Side]:
    """One model (expected, observed); what it never did on one side it would have done there as on the other."""
    a = before if _first_tries(before) else after
    b = after if _first_tries(after) else before
    known = bool(_listed(a)) and bool(_listed(b))
    rates_a, rates_b = _rates(a, b, known=known), _rates(b, a, known=known)
    return _side(a, shares[0], rates_a, _made_of(a, b)), _side(b, shares[1], rates_b, _made_of(b, a))


def _side(use: Use, share: Fraction, rates: tuple[Fraction, ...], made_of: tuple[Fraction, ...]) -> Side:
    first = max(_first_tries(use), 1)
    kept = Fraction(use.nanos - use.retry_nanos, use.nanos) if use.nanos else Fraction(first, max(use.calls, 1))
    listed = sum((rate * tokens for rate, tokens in zip(rates, _tokens(use), strict=True)), _ZERO)
    charged = use.nanos / listed if listed else _ZERO
    flat = _ZERO if listed else Fraction(use.nanos - use.retry_nanos, first)
    read = use.input + use.cache_read + use.cache_write
    return Side(share, read * kept / first, made_of, use.output * kept / first, tuple(rate * charged for rate in rates), flat)


def _made_of(use: Use, other: Use) -> tuple[Fraction, ...]:
    """Shares of fresh, cache read and cache write in what is read; the other side's where nothing is read."""
    seen = use if use.input + use.cache_read + use.cache_write else other
    read = max(seen.input + seen.cache_read + seen.cache_write, 1)
    return Fraction(seen.input, read), Fraction(seen.cache_read, read), Fraction(seen.cache_write, read)


def _rates(use: Use, other: Use, *, known: bool) -> tuple[Fraction, ...]:
    """The list price of each kind of token, to a common factor; a kind that was not used has the other side's."""
    if not known:
        return tuple(Fraction(ratio) for ratio in _USUAL_RATIOS)
    both = zip(_picos(use), _tokens(use), _picos(other), _tokens(other), strict=True)
    return tuple(Fraction(pico, tokens) if tokens else Fraction(pico_there, max(there, 1)) for pico, tokens, pico_there, there in both)


def _tokens(use: Use) -> tuple[int, int, int, int]:
    return use.input, use.cache_read, use.cache_write, use.output


def _picos(use: Use) -> tuple[int, int, int, int]:
    return use.input_pico, use.cache_read_pico, use.cache_write_pico, use.output_pico


def _listed(use: Use) -> int:
    return sum(_picos(use))


def _cost(sides: tuple[Side, Side], s: int) -> Fraction:
    """A model's part of the cost of a call, when the factors in `s` (mix, input tokens, cache, output tokens, price) have moved."""
    mix, reading, cache, writing, price = (sides[s >> k & 1] for k in range(5))
    *fresh_and_cached, produced = price.prices
    per_read = sum((part * cost for part, cost in zip(cache.made_of, fresh_and_cached, strict=True)), _ZERO)
    return mix.share * (reading.read * per_read + writing.written * produced + price.flat)
