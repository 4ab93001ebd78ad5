"""Budget and quota lines: each told once per member and period, whatever is late, repeated or restarted.

A line's identity is tenant, budget, member, period and line, never the moment of telling. Spend counts in the period of its own
time; a period that is over still decides for 35 days, but pauses no one. Severity comes from the time that is left.
"""

from __future__ import annotations

from typing import Final

from service.facts import DAY_MS, HOUR_MS, MINUTE_MS, Evidence, Kind, Scope, ident
from service.warden import forecast, incidents, orders, planned, today
from service.warden.plan import ENDLESS_MS, Limit
from service.warden.state import PERIOD_KEPT_DAYS, PERIODS_PER_TENANT_MAX, Episode, Period, Tenant, Warden

KEPT_MS: Final = PERIOD_KEPT_DAYS * DAY_MS
NEVER: Final = 1 << 62
REARM_PERCENT: Final = 90  # a rolling line may be told again once spend was below this share of it
PAST: Final = "past budget"
URGENT_MS: Final = 2 * HOUR_MS
FORECAST_ELAPSED_PERCENT: Final = 40
FORECAST_PERCENT: Final = 115  # of the limit, at the period's end, at the slowest of the paces


def add(w: Warden, t: Tenant, limit: Limit, member: str, event_minute: int, amount: int, last_ms: int) -> None:
    """Spend (nanos, or tokens for a quota) of one member at one event minute; says every line that this crosses."""
    period = _period(w, t, limit, member, event_minute)
    if period is None:
        return
    step = limit.bucket_minutes
    bucket = event_minute // step
    period.buckets[bucket] = period.buckets.get(bucket, 0) + amount
    period.spent += amount
    period.last_ms = max(period.last_ms, last_ms)
    if limit.rolling_minutes:
        _roll(limit, period, bucket)
    elif len(period.buckets) > 60:
        del period.buckets[min(period.buckets)]
    if period.spent >= period.next_at:
        _cross(w, t, limit, member, period)


def _period(w: Warden, t: Tenant, limit: Limit, member: str, event_minute: int) -> Period | None:
    """The period that a minute belongs to; None where it decides no more, or where no more periods can be held."""
    span = limit.span(event_minute)
    key = (limit.name, member, span.key)
    period = t.periods.get(key)
    if period is None:
        if span.end_ms + KEPT_MS < w.reach_ms:
            return None
        if len(t.periods) >= PERIODS_PER_TENANT_MAX:
            t.periods_folded += 1
            return None
        period = t.periods[key] = Period(span.key, span.start_ms, span.end_ms)
        if limit.rolling_minutes:
            period.newest = t.rolled_ms // MINUTE_MS // limit.bucket_minutes  # as if it had been here all the time, empty
        rearm(limit, period)
    return period


def rearm(limit: Limit, period: Period) -> None:
    """Sets the spend at which the next untold line is reached; called again when a policy changes the limit."""
    untold = [line for line in limit.lines if line not in period.told]
    period.next_at = min((limit.at(line) for line in untold), default=NEVER)


def _roll(limit: Limit, period: Period, bucket: int) -> None:
    width = limit.rolling_minutes // limit.bucket_minutes
    if bucket <= period.newest and bucket > period.newest - width:
        return
    period.newest = max(period.newest, bucket)
    for gone in [b for b in period.buckets if b <= period.newest - width]:
        period.spent -= period.buckets.pop(gone)
    lowered = [line for line in period.told if period.spent * 100 >= limit.at(line) * REARM_PERCENT]
    if len(lowered) < len(period.told):
        period.told = lowered
        rearm(limit, period)


def _cross(w: Warden, t: Tenant, limit: Limit, member: str, period: Period) -> None:
    """One step of the incident per line, lowest first; then one notice for the highest."""
    crossed = [line for line in limit.lines if line not in period.told and period.spent >= limit.at(line)]
    period.told = sorted({*period.told, *crossed})
    rearm(limit, period)
    if not crossed:
        return
    episode = _episode(w, t, limit, member, period)
    pausing = limit.pause_at is not None and period.spent >= limit.at(limit.pause_at) and period.end_ms > w.now_ms
    for line in crossed:
        fresh = not episode.state
        episode.threshold = line
        episode.thresholds = [line]
        graver = incidents.raise_severity(episode, "critical" if pausing else _severity(episode.runs_out_ms, period, line, w.now_ms))
        event = incidents.FOUND if fresh else incidents.WORSE if graver else incidents.MORE
        incidents.step(w, t, episode, event, "line_crossed")
    episode.thresholds = crossed
    if pausing:
        fastest = 0 if limit.tokens else int(max(forecast.paces(limit, period, w.now_ms)) * HOUR_MS)
        orders.request(w, t, episode, episode.scope, limit.action, "pause_at", until_ms=period.end_ms, pace_nanos_per_hour=fastest, tier=limit.tier)
    incidents.tell(w, t, episode, "line_crossed", line=True)


def _episode(w: Warden, t: Tenant, limit: Limit, member: str, period: Period) -> Episode:
    scope = Scope(limit.kind, member)
    kind = Kind.TOKEN_QUOTA if limit.tokens else Kind.BUDGET_THRESHOLD
    eid = period.incident
    if not eid:
        eid = ident("inc", t.name, "budget", limit.name, member, period.key, *_which(limit, period))
    period.incident = eid
    episode = incidents.of(t, eid, scope, "budget", w.now_ms)
    if kind not in episode.kinds:
        episode.kinds.append(kind)
    episode.budget = limit.name
    if not limit.tokens:
        episode.excess_nanos, episode.cause = today.explain(t, scope)
    if not limit.rolling_minutes:  # a rolling window neither begins nor ends
        episode.period_start_ms, episode.period_end_ms = period.start_ms, period.end_ms
    _measure(w, t, limit, member, period, episode)
    return episode


def _measure(w: Warden, t: Tenant, limit: Limit, member: str, period: Period, episode: Episode) -> None:
    """The figures of this moment: what is spent, how fast, and until when it lasts."""
    episode.spend_nanos = 0 if limit.tokens else period.spent
    episode.limit_nanos = None if limit.tokens else limit.amount
    outlook = planned.outlook(w, t, limit, member)
    episode.pace = forecast.pace(limit, period, w.now_ms, outlook)
    episode.runs_out_ms = forecast.runs_out(limit, period, w.now_ms, outlook)
    episode.detail = f"{period.spent:,} of {limit.amount:,} tokens" if limit.tokens else ""
    evidence = Evidence(
        "budget_line",
        round(period.spent * 100 / limit.amount, 4),
        float(limit.amount) / (1 if limit.tokens else 1e9),
        float(period.spent) / (1 if limit.tokens else 1e9),
        limit.name,
    )
    episode.evidence = [evidence]


def _which(limit: Limit, period: Period) -> tuple[int | str, ...]:
    """Tells the incidents of a rolling window apart, and as coarsely as it can: partitions that are heard in another order begin the same one.

    While the window holds anything they are counted; once it has been empty, a whole width has passed since the last spend.
    """
    return (period.last_ms // (limit.rolling_minutes * MINUTE_MS), period.past) if limit.rolling_minutes else ("",)


def _severity(runs: tuple[int, int, int] | None, period: Period, line: float, now_ms: int) -> str:
    """By the time left to act, not by the percentage alone: 85 % on the 15th is graver than on the 29th."""
    if line >= 100:
        return "critical"
    if runs is None or runs[1] >= period.end_ms or period.end_ms <= now_ms:
        return "info"
    return "critical" if runs[1] - now_ms <= URGENT_MS else "warning"


def look_ahead(w: Warden, t: Tenant, limit: Limit, member: str, period: Period) -> None:
    """`budget_forecast`: said once, when even the slowest pace, with what is planned, ends clearly above the limit."""
    if period.forecast_told or limit.tokens or limit.rolling_minutes or period.spent >= limit.amount or not limit.forecast:
        return
    length = period.end_ms - period.start_ms
    elapsed = w.now_ms - period.start_ms
    if elapsed * 100 < length * FORECAST_ELAPSED_PERCENT or w.now_ms >= period.end_ms:
        return
    if forecast.at_the_end(limit, period, w.now_ms, planned.outlook(w, t, limit, member)) * 100 < limit.amount * FORECAST_PERCENT:
        return
    period.forecast_told = True
    episode = _episode(w, t, limit, member, period)
    if Kind.BUDGET_FORECAST not in episode.kinds:
        episode.kinds.append(Kind.BUDGET_FORECAST)
    if not episode.state:
        episode.kinds = [Kind.BUDGET_FORECAST]
    incidents.raise_severity(episode, "warning")
    incidents.step(w, t, episode, incidents.MORE if episode.state else incidents.FOUND, "forecast")
    incidents.tell(w, t, episode, "forecast")


def _bring_up_to_date(w: Warden, t: Tenant, limit: Limit, member: str, period: Period) -> None:
    """What was told of it is said again once a tenth more is spent, or a day has passed, which moves its outlook; nobody is told anew."""
    episode = t.episodes.get(period.incident)
    if episode is None or limit.tokens or not episode.told or episode.state not in ("open", "acknowledged") or w.now_ms >= period.end_ms:
        return  # after the end there is no outlook any more; what it came to is said once all of it has been heard
    if incidents.has_moved(episode, period.spent) or w.now_ms >= episode.shown_ms + DAY_MS:
        _measure(w, t, limit, member, period, episode)
        incidents.say(w, t, episode, "outlook")


def close_periods(w: Warden, t: Tenant) -> None:
    """Once an hour: resolves the incidents of periods that are over, looks ahead in those that run, forgets those that decide no more."""
    reach = t.rolled_ms = w.reach_ms
    gone: list[tuple[str, str, str]] = []
    for key, period in t.periods.items():
        limit = w.plan.limit(key[0])
        if limit is not None and not limit.keeps(period.key):
            limit = None
        if limit is not None and limit.rolling_minutes:
            _roll(limit, period, reach // MINUTE_MS // limit.bucket_minutes)
        if not _is_over(limit, period, reach):
            if limit is not None:
                look_ahead(w, t, limit, key[1], period)
                _bring_up_to_date(w, t, limit, key[1], period)
            continue
        _end(w, t, limit, key[1], period)
        forgotten = _decides_no_more(limit, period, reach)
        if forgotten or (limit is not None and limit.rolling_minutes):
            _let_go(t, period)
        if forgotten:
            gone.append(key)
    for key in gone:
        del t.periods[key]


def _end(w: Warden, t: Tenant, limit: Limit | None, member: str, period: Period) -> None:
    """Its incident is over; the last word on it is what the period came to."""
    episode = t.episodes.get(period.incident)
    if episode is None:
        return
    if limit is not None and episode.state != "resolved":
        _measure(w, t, limit, member, period, episode)
    episode.runs_out_ms = None
    incidents.resolve(w, t, episode, "period_over")


def _let_go(t: Tenant, period: Period) -> None:
    """The incident has no period any more: a line reached from here on begins another, and if an order reopens it, silence ends it."""
    if period.incident in t.episodes:
        t.episodes[period.incident].family = PAST
    period.past = period.past + bool(period.incident) if period.buckets else 0
    period.incident = ""


def _decides_no_more(limit: Limit | None, period: Period, reach: int) -> bool:
    """A rolling window when nothing is left in it, as older money never joins it; any other 35 days after its end or its last spend."""
    if limit is not None and limit.rolling_minutes:
        return not period.buckets
    return (period.last_ms if period.end_ms == ENDLESS_MS else period.end_ms) + KEPT_MS < reach


def _is_over(limit: Limit | None, period: Period, reach: int) -> bool:
    """A calendar period ends, a rolling one when no line is reached any more, and any when a policy took its budget or its kind of period away."""
    if limit is None:
        return True
    return not period.told if limit.rolling_minutes else reach >= period.end_ms + 5 * MINUTE_MS
