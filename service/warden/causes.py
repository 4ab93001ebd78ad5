"""Why a scope's spend differs from what was expected: the driver, in dollars that add up, and who or what carries it.

Pure and in whole numbers; the shares, which only rank and are only shown, are the one thing that is a float.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from fractions import Fraction
from typing import Final

from service.facts import Cause, DimensionShare, DriverShare, Scope
from service.warden.activity import OTHER, Activity
from service.warden.split import split

DIMENSIONS_MAX: Final = 3
SHARE_MIN: Final = Fraction(2, 5)  # of the excess that a member must carry
LIFT_MIN: Final = Fraction(3, 20)  # and by how much that must pass its ordinary share
PEOPLE: Final = frozenset({"user", "customer", "api_key", "caller"})
MAKE: Final = frozenset({"model", "prompt_version"})
SELDOM: Final = dict.fromkeys(
    ("executions", "calls_per_execution", "retries", "other_layers"), MAKE | {"caller"}
)  # kinds that seldom move a driver; else PEOPLE
ALIKE: Final = Fraction(1, 10)  # members that differ by less, in share and in lift, are the same money by other names: first who, then what
BY_MODEL: Final = frozenset({"model_mix", "price"})
NO_MEMBERS: Final[Mapping[Scope, int]] = {}
_ONE: Final = Fraction(1)


def cause(
    observed: Activity,
    expected: Activity,
    scale: Fraction = _ONE,
    *,
    members: Mapping[Scope, int] = NO_MEMBERS,
    usual_members: Mapping[Scope, int] = NO_MEMBERS,
    changes: Iterable[str] = (),
) -> Cause:
    """The cause of `observed.nanos - floor(expected.nanos x scale)`; its drivers' nanos sum to that exactly, the heaviest first.

    `members` holds nanos of the same span, `usual_members` those expected in it.

    >>> found = cause(Activity(other_nanos=90), Activity(other_nanos=100), Fraction(1, 2))
    >>> found.driver, found.share, found.drivers
    ('other_layers', 1.0, [DriverShare(driver='other_layers', nanos=40)])
    """
    parts = split(observed, expected, scale)
    excess = sum(parts.values())
    sign = -1 if excess < 0 else 1
    ranked = sorted((DriverShare(driver, nanos) for driver, nanos in parts.items() if nanos), key=lambda part: -sign * part.nanos)
    along = sum(sign * part.nanos for part in ranked if sign * part.nanos > 0)
    driver, share = (ranked[0].driver, float(Fraction(sign * ranked[0].nanos, along))) if along else ("executions", 0.0)
    carriers = dimensions(members, usual_members, excess, seldom=SELDOM.get(driver, PEOPLE))
    if driver in BY_MODEL:
        carriers = [*_dearest(observed, expected, scale, excess), *(d for d in carriers if d.kind != "model")][:DIMENSIONS_MAX]
    return Cause(driver, share, ranked, carriers, list(changes))


def dimensions(observed: Mapping[Scope, int], expected: Mapping[Scope, int], excess: int, *, seldom: Container[str] = ()) -> list[DimensionShare]:
    """The members that carry the excess beyond their ordinary share, at most three; none when it is spread as ever.

    After Adtributor (Bhagwan et al., NSDI 2014): explanatory power, ranked by what it has over the member's prior share, so that the one who
    always spends the most is not blamed for it. A kind that was never seen before is compared with an even spread; kinds that are `seldom` the
    reason come after the others.

    >>> now = {Scope("user", "ann"): 90, Scope("user", "bob"): 60, Scope("model", "m"): 150}
    >>> usual = {Scope("user", "ann"): 80, Scope("user", "bob"): 10, Scope("model", "m"): 90}
    >>> dimensions(now, usual, excess=60)
    [DimensionShare(kind='user', name='bob', share=0.8333333333333334)]
    """
    if not excess:
        return []
    found = []
    for scope, usual in _ordinary(observed, expected).items():
        share = carried(observed.get(scope, 0) - expected.get(scope, 0), excess)
        if share >= SHARE_MIN and share - usual >= LIFT_MIN and scope[1] != OTHER:
            found.append((scope[0] in seldom, usual - share, scope, share))
    return [DimensionShare(kind, name, float(share)) for _, _, (kind, name), share in _who_first(sorted(found))[:DIMENSIONS_MAX]]


def _who_first(ranked: list[tuple[bool, Fraction, Scope, Fraction]]) -> list[tuple[bool, Fraction, Scope, Fraction]]:
    """Of those that carry the same money as the first, the person goes before what the person used."""
    if not ranked:
        return ranked
    far, lift, _, share = ranked[0]
    same = [each for each in ranked if each[0] == far and abs(each[1] - lift) < ALIKE and abs(each[3] - share) < ALIKE]
    who = next((each for each in same if each[2][0] in PEOPLE), ranked[0])
    return [who, *(each for each in ranked if each is not who)]


def _dearest(observed: Activity, expected: Activity, scale: Fraction, excess: int) -> list[DimensionShare]:
    """The model that carries most of an excess that is known to be the models': here its ordinary share acquits nobody."""
    usual = {name: use.nanos * scale.numerator // scale.denominator for name, use in expected.models.items()}
    rises = {name: (observed.models[name].nanos if name in observed.models else 0) - usual.get(name, 0) for name in observed.models.keys() | usual.keys()}
    found = [(-Fraction(rise, excess), name) for name, rise in rises.items() if rise and (rise > 0) == (excess > 0)]
    return [DimensionShare("model", name, float(min(_ONE, -share))) for share, name in sorted(found)[:1]]


def carried(rise: int, excess: int) -> Fraction:
    """How much of the excess a member's rise explains, at most 1. One that merely takes another's place rises by far more and explains little."""
    share = Fraction(rise, excess)
    return 1 / share if share > 1 else share


def _ordinary(observed: Mapping[Scope, int], expected: Mapping[Scope, int]) -> dict[Scope, Fraction]:
    """Each member's share of its kind in ordinary times, 0..1."""
    members = observed.keys() | expected.keys()
    totals: dict[str, int] = {}
    counts: dict[str, int] = {}
    for scope in members:
        totals[scope[0]] = totals.get(scope[0], 0) + max(expected.get(scope, 0), 0)
        counts[scope[0]] = counts.get(scope[0], 0) + 1
    return {scope: Fraction(max(expected.get(scope, 0), 0), totals[scope[0]]) if totals[scope[0]] else Fraction(1, counts[scope[0]]) for scope in members}


__all__ = ["Activity", "cause", "dimensions", "split"]
