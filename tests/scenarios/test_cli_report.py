"""`spendwarden report`: what was told, printed again, and drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.books import Span, SpendQuestion
from service.bootstrap.picturing import pictures_of
from service.facts import TOTAL
from service.folder import LEDGER
from service.ledger import Ledger
from service.money import usd
from service.policy import load
from service.replay.booked import Booked
from tests.scenarios.commands import run, transcript
from tests.scenarios.lives import call
from tests.scenarios.small_service import NOON_MS, SmallService
from tests.scenarios.test_reports import Fortnight


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address = f"sqlite:///{tmp_path_factory.mktemp('books') / 'ledger.db'}"
    with closing(Ledger(address)) as ledger:
        books = Booked(ledger, None)
        Fortnight(hours=11 * 24, books=books)
        books.flush()
        yield address


def test_the_newest_is_printed_or_that_of_a_day(url: str) -> None:
    newest = run("report", "digest", "--database", url)
    assert newest.exit_code == 0, newest.output
    assert newest.stdout.startswith("[INFO] All AI spend on Thu 29 Oct: $46.56")
    assert "All AI spend on Wed 21 Oct" in run("report", "digest", "--database", url, "--day", "2026-10-21").stdout


def test_each_owner_s_week_is_printed_once_whoever_was_told(url: str) -> None:
    both = run("report", "showback", "--database", url).stdout
    assert [line for line in both.splitlines() if line.startswith("[INFO]")] == [
        "[INFO] AI spend of “KYC team” in the week from Mon 19 Oct to Sun 25 Oct: $45.56",
        "[INFO] AI spend of “Platform team” in the week from Mon 19 Oct to Sun 25 Oct: $36.25",
    ]
    one = run("report", "showback", "--database", url, "--owner", "KYC team", "--day", "2026-10-22").stdout
    assert both.startswith(one)


@pytest.mark.parametrize("kind", ["digest", "showback"])
def test_it_is_drawn(url: str, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.svg"
    done = run("report", kind, "--database", url, "--plot", str(path))
    assert done.exit_code == 0, done.output
    assert "by agent" in done.stdout.splitlines()[-1]
    picture = path.read_text()
    assert "indexer" in picture
    assert ("All AI spend, US dollars per 10 minutes" in picture) == (kind == "digest")


async def test_couriers_get_the_same_picture(url: str) -> None:
    with closing(Ledger(url)) as books:
        [told, *_] = [notice for notice in books.reports() if notice.reason == "digest"]
        picture = await pictures_of(lambda: books)(told.incident)
        assert await pictures_of(lambda: books)("rep-nobody") is None
    assert picture is not None
    assert picture.alt.startswith("All AI spend on Thu 29 Oct: $46.56")


def test_what_was_not_told_is_not_made_up(url: str) -> None:
    done = run("report", "digest", "--database", url, "--day", "2020-01-01")
    assert (done.exit_code, "no digest was told of 2020-01-01" in done.stderr) == (1, True)
    done = run("report", "digest", "--database", url, "--day", "tomorrow")
    assert (done.exit_code, "must be a day such as 2026-11-24" in done.stderr) == (2, True)


POLICY = """
receivers: [{name: here, kind: console}]
reports: [{kind: digest, at: "08:00", to: [here]}]
"""


async def a_night(data: Path) -> int:
    """Twenty hours pass in a moment, and while the day is told the service is killed twice. Returns what was spent, in nanos."""
    service = await SmallService.begun(data, load(POLICY))
    for number in range(5):
        await service.hear([call(number, service.now_ms)])
        await service.live(2_000)
    await service.engine.save(service.now_ms)
    service.now_ms = NOON_MS + 20 * 3_600_000 - 5_000
    await service.live(90_000)
    for _ in range(2):
        service.kill()
        service = await SmallService.begun(data, load(POLICY), now_ms=service.now_ms)
        await service.live(5_000)
    spent: int = service.engine.held.wardens[0].state.tenants["default"].totals[TOTAL][1]
    await service.stop()
    return spent


def test_a_service_that_is_killed_while_it_tells_has_told_once(tmp_path: Path) -> None:
    """The books, read afterwards, hold one digest, with their own figures."""
    data, day = tmp_path / "data", NOON_MS // 86_400_000 * 1440
    spent = asyncio.run(a_night(data))
    told = [line for line in transcript(data) if line["type"] == "notice" and line["reason"] == "digest"]
    assert [(line["time"][:17], line["report"]["total"]["usd"]) for line in told] == [("2025-11-26T08:01:", usd(spent))]
    assert "All AI spend on Tue 25 Nov: $0.50" in run("report", "digest", "--data", str(data)).stdout
    with closing(Ledger(f"sqlite:///{data / LEDGER}")) as books:
        assert len(list(books.reports())) == 1
        assert books.spend(SpendQuestion("default", span=Span(day, day + 1440))).nanos == spent
