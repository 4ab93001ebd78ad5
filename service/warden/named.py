"""Detectors that a policy names beside those that always watch: ours by name, river's by class.

They may be anybody's, so nothing they do stops the fold: one that raises, says no number or outgrows its bytes is silenced for that scope, as long as
the policy names it, and counted. Between windows each sleeps as bytes beside the scope's own detector, and goes on only from what it was made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from detectors import DETECTORS
from detectors.base import STATE_BYTES_MAX, Detector, Features
from detectors.from_river import FromRiver, why_not
from detectors.sequences import SEQUENTIAL
from detectors.surprise import Surprise
from detectors.tail import Basis, Reckons
from service.facts import Vote
from service.policy import Mistake, NamedDetector, Policy

if TYPE_CHECKING:
    from service.warden.activity import Activity

PART: Final = 0.25  # of the false alerts accepted, shared by all that are named
SILENCED: Final = b""
ALWAYS: Final = Surprise.name


class Named(NamedTuple):
    """One entry of the policy, ready to listen; `on`: kinds of scope."""

    name: str
    on: frozenset[str]
    entry: NamedDetector

    @classmethod
    def of(cls, entry: NamedDetector) -> Self:
        """Of an entry; nothing of river is loaded before the first scope is heard."""
        return cls(entry.name, frozenset(entry.on), entry)

    def awake(self, asleep: bytes | None) -> Detector:
        """The detector of a scope, from its bytes or anew; raises whatever it raises."""
        if self.entry.class_ is None:
            kind = DETECTORS[self.name]
            return kind.load(asleep) if asleep is not None else kind()
        made_of = self.entry.class_, self.entry.settings, self.entry.hears
        known = FromRiver.load(asleep) if asleep is not None else None
        return known if known is not None and known.about == made_of else FromRiver(*made_of)


class Heard(NamedTuple):
    """What the named ones say of a window: `votes`, what those come from that can say it, the bytes they go on from, and how many were silenced by it."""

    votes: list[Vote]
    bases: dict[str, Basis]
    asleep: dict[str, bytes]
    faults: int


NOTHING: Final = Heard([], {}, {}, 0)


def hear(named: tuple[Named, ...], kind: str, asleep: dict[str, bytes], x: Features) -> Heard:
    """One closed window of one scope of that kind: each scores it, then learns it."""
    votes: list[Vote] = []
    bases: dict[str, Basis] = {}
    after: dict[str, bytes] = {}
    faults = 0
    for each in named:
        if kind not in each.on:
            continue
        after[each.name] = SILENCED
        if asleep.get(each.name) == SILENCED:
            continue
        try:
            score, basis, after[each.name] = _heard(each, asleep.get(each.name), x)
        except Exception:  # noqa: BLE001 -- whatever a detector of others may raise
            faults += 1
        else:
            votes.append(Vote(each.name, score))
            if basis is not None:
                bases[each.name] = basis
    return Heard(votes, bases, after, faults)


def _heard(each: Named, known: bytes | None, x: Features) -> tuple[float, Basis | None, bytes]:
    detector = each.awake(known)
    score = float(detector.score_one(x))
    if not 0.0 <= score < math.inf:
        raise ValueError("a score must be finite and at least 0")
    basis = detector.basis(x) if score > 0.0 and isinstance(detector, Reckons) else None
    detector.learn_one(x)
    raw = detector.dump()
    if not 0 < len(raw) < STATE_BYTES_MAX:
        raise ValueError("a state must stay bounded")
    return score, basis, raw


def threshold(rate: float, named: tuple[Named, ...]) -> float:
    """-log10 from which a named one is told, at so many false alerts a scope and day.

    >>> entry = NamedDetector(name="novelty")
    >>> round(threshold(0.05, (Named.of(entry),)), 2), round(threshold(0.05, (Named.of(entry),) * 2), 2)
    (1.9, 2.2)
    """
    return -math.log10(rate * PART / max(1, len(named)))


def amounts(activity: Activity) -> Features:
    """What a window holds beside its spend, as a named detector hears it."""
    uses = activity.models.values()
    return {
        "executions": float(activity.began),
        "calls": float(sum(use.calls for use in uses)),
        "input_tokens": float(sum(use.input for use in uses)),
        "cached_tokens": float(sum(use.cache_read for use in uses)),
        "output_tokens": float(sum(use.output for use in uses)),
    }


def mistakes(policy: Policy) -> Iterator[Mistake]:
    """What keeps a detector that the policy names from being used; those of river are made and tried, which takes seconds."""
    for index, entry in enumerate(policy.detection.detectors):
        path = f"detection.detectors[{index}]"
        ours = ", ".join(name for name in DETECTORS if name != ALWAYS)
        if entry.class_ is not None:
            if entry.name in {**DETECTORS, **SEQUENTIAL}:
                yield Mistake(f"{path}.name", f"`{entry.name}` is the name of one of ours; call it something else")
            problem = why_not(entry.class_, entry.settings, entry.hears)
            if problem:
                yield Mistake(f"{path}.class", problem)
        elif entry.name == ALWAYS:
            yield Mistake(f"{path}.name", f"`{ALWAYS}` always watches; leave it out")
        elif entry.name not in DETECTORS:
            yield Mistake(f"{path}.name", f"no detector of ours is called `{entry.name}`; there is {ours}, or name the `class` of one of river's")
        elif entry.settings:
            yield Mistake(f"{path}.settings", "only river's detectors have settings")
