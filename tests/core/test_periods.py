"""Calendar periods divide time without gap or overlap, whatever clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.policy import Period
from service.warden.periods import HOUR_MS, MINUTE_MS, period_of

ZONES = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
UNITS = [Period("hour"), Period("day"), Period("week"), Period("month")]
EDGY = ["Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns", "Asia/Beirut"]
BERLIN = ZoneInfo("Europe/Berlin")


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60


def local(ms: int, zone: ZoneInfo) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone).isoformat(timespec="minutes")


@given(st.integers(0, 35_000_000), st.sampled_from(UNITS), st.one_of(st.sampled_from(EDGY), st.sampled_from(ZONES)))
def test_spans_divide_time(at: int, period: Period, name: str) -> None:
    zone = ZoneInfo(name)
    span = period_of(at, period, zone)
    assert span.start_ms <= at * MINUTE_MS < span.end_ms
    first, last = -(-span.start_ms // MINUTE_MS), (span.end_ms - 1) // MINUTE_MS
    assert period_of(first, period, zone) == span == period_of(last, period, zone)
    assert period_of(last + 1, period, zone).start_ms == span.end_ms
    assert period_of(first - 1, period, zone).end_ms == span.start_ms
    assert period_of(last + 1, period, zone).key != span.key != period_of(first - 1, period, zone).key


@given(st.lists(st.integers(20_000_000, 30_000_000), min_size=2, max_size=20), st.sampled_from(UNITS), st.sampled_from(EDGY))
def test_a_key_is_one_span(minutes: list[int], period: Period, name: str) -> None:
    spans: dict[str, tuple[int, int]] = {}
    for at in minutes:
        span = period_of(at, period, ZoneInfo(name))
        assert spans.setdefault(span.key, (span.start_ms, span.end_ms)) == (span.start_ms, span.end_ms)


@pytest.mark.parametrize(
    ("at", "unit", "key", "start", "end"),
    [
        ("2026-11-24T08:30:00+01:00", "hour", "2026-11-24T08+0100", "2026-11-24T08:00+01:00", "2026-11-24T09:00+01:00"),
        ("2026-11-24T00:00:00+01:00", "day", "2026-11-24", "2026-11-24T00:00+01:00", "2026-11-25T00:00+01:00"),
        ("2026-11-29T23:59:00+01:00", "week", "2026-W48", "2026-11-23T00:00+01:00", "2026-11-30T00:00+01:00"),
        ("2026-12-31T23:59:00+01:00", "month", "2026-12", "2026-12-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("2027-01-01T00:00:00+01:00", "week", "2026-W53", "2026-12-28T00:00+01:00", "2027-01-04T00:00+01:00"),
        ("2026-03-29T12:00:00+02:00", "day", "2026-03-29", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
    ],
)
def test_periods_of_berlin(at: str, unit: str, key: str, start: str, end: str) -> None:
    span = period_of(minute(at), Period(unit), BERLIN)  # type: ignore[arg-type]
    assert (span.key, local(span.start_ms, BERLIN), local(span.end_ms, BERLIN)) == (key, start, end)


def test_days_in_which_clocks_change() -> None:
    spring = period_of(minute("2026-03-29T12:00:00+02:00"), Period("day"), BERLIN)
    autumn = period_of(minute("2026-10-25T12:00:00+01:00"), Period("day"), BERLIN)
    assert (spring.end_ms - spring.start_ms, autumn.end_ms - autumn.start_ms) == (23 * HOUR_MS, 25 * HOUR_MS)


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    first = period_of(minute("2026-10-25T02:30:00+02:00"), Period("hour"), BERLIN)
    second = period_of(minute("2026-10-25T02:30:00+01:00"), Period("hour"), BERLIN)
    assert (first.key, second.key) == ("2026-10-25T02+0200", "2026-10-25T02+0100")
    assert first.end_ms == second.start_ms


def test_a_day_without_midnight_begins_when_clocks_skip_it() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    span = period_of(minute("2018-11-04T12:00:00-02:00"), Period("day"), zone)
    assert local(span.start_ms, zone) == "2018-11-04T01:00-02:00"
    assert span.end_ms - span.start_ms == 23 * HOUR_MS


def test_the_day_that_samoa_skipped_is_empty() -> None:
    zone = ZoneInfo("Pacific/Apia")
    before = period_of(minute("2011-12-29T12:00:00-10:00"), Period("day"), zone)
    after = period_of(minute("2011-12-31T12:00:00+14:00"), Period("day"), zone)
    assert (before.key, after.key) == ("2011-12-29", "2011-12-31")
    assert before.end_ms == after.start_ms


@pytest.mark.parametrize(
    ("name", "around"),
    [
        ("Australia/Lord_Howe", "2026-04-05T02:00:00+11:00"),  # back by half an hour
        ("Australia/Lord_Howe", "2026-10-04T02:00:00+10:30"),  # forward by half an hour
        ("America/St_Johns", "2010-11-07T00:01:00-02:30"),  # back over midnight
        ("America/Toronto", "1919-03-30T23:30:00-05:00"),  # forward over midnight
        ("Africa/Monrovia", "1972-01-07T00:00:00-00:44"),  # an offset with seconds
        ("Pacific/Apia", "2011-12-30T00:00:00-10:00"),  # a day skipped
    ],
)
@pytest.mark.parametrize("period", UNITS)
def test_no_minute_is_lost_around_a_change_of_clocks(name: str, around: str, period: Period) -> None:
    zone, middle = ZoneInfo(name), minute(around)
    last = period_of(middle - 3000, period, zone)
    for at in range(middle - 3000, middle + 3000):
        span = period_of(at, period, zone)
        assert span.start_ms <= at * MINUTE_MS < span.end_ms
        assert span == last or (span.start_ms == last.end_ms and span.key != last.key)
        last = span


def test_a_clock_put_back_over_midnight_does_not_open_the_day_again() -> None:
    zone = ZoneInfo("America/St_Johns")
    assert period_of(minute("2010-11-06T23:30:00-03:30"), Period("day"), zone).key == "2010-11-07"
    assert period_of(minute("2010-11-06T23:30:00-02:30"), Period("day"), zone).key == "2010-11-06"


def test_a_rolling_period_ends_with_its_minute() -> None:
    span = period_of(100, Period("rolling", 60 * MINUTE_MS), BERLIN)
    assert (span.key, span.start_ms, span.end_ms) == ("rolling", 41 * MINUTE_MS, 101 * MINUTE_MS)


@pytest.mark.parametrize("at", [-(10**15), -(10**9), 10**10, 10**15])
@pytest.mark.parametrize("period", UNITS)
def test_a_producers_wild_clock_stops_nothing(at: int, period: Period) -> None:
    assert period_of(at, period, ZoneInfo("America/New_York")).key
