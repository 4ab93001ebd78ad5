"""The numbers of an incident worked out once more from the numbers beside them, so that nobody need believe any of them.

Law of this file: it looks at the lines of the transcript alone and shares no code with what decided them, but for one formula: what a detector makes
of its own past is worked out by the detectors' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from math import log
from typing import Any, Final, NamedTuple

from detectors.tail import PEAK_MIN, Basis
from service.cli.story import Story
from service.money import nanos_of, usd
from service.records import TIME_LAST_MS, instant, rfc3339

SCORE_NEAR: Final = 0.001  # a score is told to three places
HOUR_MS: Final = 3_600_000
FRESH: Final = frozenset({"line_crossed", "forecast", "outlook"})  # the steps at which a budget's figures are of that moment
Line = Mapping[str, Any]


class Check(NamedTuple):
    """One number: what was told, what comes out, and how; `agrees` is None where it cannot be worked out from what there is."""

    what: str
    told: str
    again: str
    how: str
    agrees: bool | None


def checks(story: Story) -> list[Check]:
    """Every number of this incident that follows from others."""
    return [*_cause(story.now), *_lines(story.now), *_scores(story.now), *_budget(budget_step(story))]


def budget_step(story: Story) -> Line | None:
    """The latest step at which a budget's figures were taken; None where no budget is concerned."""
    taken = [step for step in story.steps if "pace" in step]
    return next((step for step in reversed(taken) if step["reason"] in FRESH), taken[-1] if taken else None)


def _cause(now: Line) -> Iterator[Check]:
    """The drivers add up to the excess, and the first one's share is its part of what drove it up (or down)."""
    cause = now.get("cause")
    if not cause or not cause["drivers"]:
        return
    parts = [nanos_of(part["usd"]) for part in cause["drivers"]]
    excess = nanos_of(now["excess_usd"])
    yield Check("excess", now["excess_usd"], usd(sum(parts)), " + ".join(part["usd"] for part in cause["drivers"]), sum(parts) == excess)
    along = [part for part in parts if part * sum(parts) > 0]
    if along and cause["share"] is not None:
        share = float(Fraction(parts[0], sum(along)))
        yield Check(f"share of {cause['driver']}", f"{cause['share']:.4g}", f"{share:.4g}", f"{usd(parts[0])} / {usd(sum(along))}", share == cause["share"])


def _lines(now: Line) -> Iterator[Check]:
    """A budget's evidence is the percentage of its limit that is used."""
    for vote in now["evidence"]:
        if vote["detector"] == "budget_line" and vote["expected"]:
            used = round(vote["observed"] * 100 / vote["expected"], 4)
            yield Check("percent used", f"{vote['score']:g}", f"{used:g}", f"{vote['observed']:,g} / {vote['expected']:,g}", abs(used - vote["score"]) < 0.001)


def _scores(now: Line) -> Iterator[Check]:
    """A detector's score follows from its evidence now and its peaks before, and is as rare as it must be to be told."""
    for vote in now["evidence"]:
        told = vote.get("reckoning")
        if told is None:
            continue
        basis = Basis(*(told[name] for name in Basis._fields))
        score = basis.score
        peaks = f"({basis.peaks:,g} + 0.5) peaks / ({basis.days:.4g} + 1) days"
        how = f"(({basis.level:.4g} - {PEAK_MIN:g}) / {mean_peak(told):.4g} - ln({peaks})) / ln 10"
        yield Check(f"score of {vote['detector']}", f"{vote['score']:g}", f"{score:.3f}", how, abs(score - vote["score"]) < SCORE_NEAR)
        least = least_score(told)
        how = f"the threshold, {told['threshold']:.4g} nats times {told['factor']:.4g}, over ln 10"
        yield Check(f"{vote['detector']} is told from", f"{vote['score']:g}", f"{least:.3f}", how, vote["score"] > least - SCORE_NEAR)


def mean_peak(told: Line) -> float:
    """How far a peak goes on average beyond the least that counts, in nats: its own ones and those that are taken for granted."""
    own, granted = told["peaks"] * told["mean_excess"], told["prior_peaks"] * told["prior_excess"]
    return float((own + granted) / (told["peaks"] + told["prior_peaks"]))


def least_score(told: Line) -> float:
    """The score from which on the detector is told."""
    return float(told["threshold"] * told["factor"] / log(10.0))


class Budget(NamedTuple):
    """The figures of a budget (nano-dollars) or a quota (tokens) at one step."""

    spent: int
    limit: int
    start_ms: int
    end_ms: int
    now_ms: int
    unit: str

    @classmethod
    def of(cls, step: Line) -> Budget | None:
        """From a step; None for a rolling window, which has no plan, and for one whose figures are not told."""
        period = step.get("period", {})
        vote = next((vote for vote in step["evidence"] if vote["detector"] == "budget_line"), None)
        if vote is None or "start" not in period or "end" not in period:
            return None
        in_usd = "limit_usd" in step
        spent, limit = (nanos_of(step["spend_usd"]), nanos_of(step["limit_usd"])) if in_usd else (int(vote["observed"]), int(vote["expected"]))
        return cls(spent, limit, ms_of(period["start"]), ms_of(period["end"]), ms_of(step["time"]), "USD" if in_usd else "tokens")

    @property
    def elapsed_ms(self) -> int:
        """Of the period, at least a millisecond and at most all of it."""
        return min(max(self.now_ms - self.start_ms, 1), self.end_ms - self.start_ms)

    def said(self, amount: float) -> str:
        """An amount in the budget's own unit."""
        return f"${usd(round(amount))}" if self.unit == "USD" else f"{amount:,.0f} tokens"


def _budget(step: Line | None) -> Iterator[Check]:
    budget = Budget.of(step) if step is not None else None
    if step is None or budget is None:
        return
    length_ms = budget.end_ms - budget.start_ms
    pace = round(budget.spent / budget.limit / (budget.elapsed_ms / length_ms), 3)
    how = f"({budget.said(budget.spent)} / {budget.said(budget.limit)}) / ({budget.elapsed_ms / 1000:,.0f} s / {length_ms / 1000:,.0f} s)"
    yield Check("pace", f"{step['pace']:g}", f"{pace:g}", how, pace == step["pace"])
    if "runs_out" in step:
        yield _runs_out(budget, step["runs_out"])


def _runs_out(budget: Budget, told: Mapping[str, str]) -> Check:
    """Nothing is left, or the pace of the whole period lies between the slowest and the fastest that were told."""
    early, late = ms_of(told["early"]), ms_of(told["late"])
    left = budget.limit - budget.spent
    if left <= 0:
        return Check("runs out", told["likely"], rfc3339(budget.now_ms), "nothing is left", early == late == budget.now_ms)
    per_ms = budget.spent / max(budget.now_ms - budget.start_ms, HOUR_MS)
    if per_ms <= 0:
        return Check("runs out", f"{told['early']} to {told['late']}", "never", "nothing was spent", None)
    at_ms = min(budget.now_ms + int(left / per_ms), TIME_LAST_MS)
    how = f"{budget.said(left)} left at {budget.said(per_ms * HOUR_MS)} an hour, the pace of the whole period"
    return Check("runs out", f"{told['early']} to {told['late']}", rfc3339(at_ms), how, early <= at_ms <= late)


def paces(step: Line) -> dict[str, str]:
    """Spend an hour that each of the three times of running out stands for; empty where nothing is left or it cannot be said."""
    budget = Budget.of(step)
    if budget is None or "runs_out" not in step or budget.spent >= budget.limit:
        return {}
    left = budget.limit - budget.spent
    spans = {name: ms_of(text) - budget.now_ms for name, text in step["runs_out"].items()}
    return {name: budget.said(left * HOUR_MS / span_ms) for name, span_ms in spans.items() if span_ms > 0}


def ms_of(text: str) -> int:
    """RFC 3339 as Unix milliseconds.

    >>> ms_of("1970-01-01T00:00:01.234Z")
    1234
    """
    return instant(datetime.fromisoformat(text))
