"""The demo, whole: real sockets, the real service, and an end that the generator's own sum agrees with."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from service.books import ListQuestion
from service.cli import demo
from service.demo.agents import AGENTS
from service.demo.ending import Ending, reaction_ms
from service.demo.story import SEED
from service.demo.traffic import REPEATED_CALL_NANOS, records
from service.folder import LEDGER
from service.ledger import Ledger
from service.money import usd
from service.policy import Policy
from service.prices import PriceBook
from service.records import Outcome, Usage, instant

DAY_MS = 86_400_000
NOON_MS = 1_764_072_000_000


async def played(folder: Path) -> tuple[Ending, str]:
    """The story in a hurry, on free ports, and what it showed."""
    screen = io.StringIO()
    with demo.bound() as free:
        port = free.getsockname()[1]
    ending = await demo.perform("127.0.0.1", port, folder, Console(file=screen, width=110, color_system=None), seconds=0, fast=True)
    assert ending is not None
    return ending, screen.getvalue()


async def test_the_runaway_is_found_stopped_and_proved_to_have_stopped(tmp_path: Path) -> None:
    ending, shown = await played(tmp_path)
    run = ending.calls[0].execution_id

    assert ending.order["state"] == "effective"
    assert [step["state"] for step in ending.order["states"]][-2:] == ["accepted", "effective"]
    assert float(ending.order["states"][-1]["saved_usd"]) > 5
    assert [(held.scope, held.order) for held in ending.stage.orchestrator.switch.holding()] == [(("execution", run), ending.order["id"])]
    assert ending.incident["kinds"] == ["loop"]
    assert ending.incident["cause"]["driver"] == "calls_per_execution"
    assert reaction_ms(ending) is not None
    assert {cost_nanos(call) for call in ending.calls} == {REPEATED_CALL_NANOS}
    orders = Ledger(f"sqlite:///{tmp_path / LEDGER}").orders(ListQuestion()).items
    assert [(story.order.action, story.order.scope.name) for story in orders] == [("pause", run)]
    assert_exact(ending)
    for told in ("repeats itself in a loop", "85 % of budget claims-day", "has stopped: the pause works", "Overshoot after the order"):
        assert told in shown


def assert_exact(ending: Ending) -> None:
    """What the service counted is what was sent, to the nano-dollar, by use case and in all."""
    sent = [record for record in records(SEED, ending.feed.from_ms, ending.feed.sent_to_ms) if isinstance(record, Usage)]
    by: dict[str, int] = defaultdict(int)
    for record in [*sent, *ending.calls]:
        by[record.use_case] += cost_nanos(record)
    assert ending.spend["records"] == len(sent) + len(ending.calls)
    assert ending.spend["by"] == {name: usd(nanos) for name, nanos in by.items()}
    assert ending.spend["spend_usd"] == usd(sum(by.values()))


PRICES = PriceBook.of(demo.policy("http://127.0.0.1:1", fast=False))


def cost_nanos(record: Usage) -> int:
    """A record's price from the table, worked out apart from the meter."""
    if record.layer == "retrieval":
        return int(record.quantity or 0) * 400_000
    rates = PRICES.rates(record.provider, record.model, instant(record.time))
    assert rates is not None, record.model
    pico = record.input_tokens * rates.input + record.cache_read_tokens * rates.cache_read
    return (pico + record.cache_write_tokens * rates.cache_write + record.output_tokens * rates.output) // 1000


async def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    main = "from service.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", main, "demo", "--listen", "127.0.0.1:0", "--data", str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"The service is up" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, complaints = await process.communicate()
    assert (process.returncode, said.splitlines()[-1], complaints) == (0, b"Ended.", b"")


@pytest.mark.parametrize(("listen", "said"), [("0.0.0.0:8484", "this machine only"), ("nowhere", "HOST:PORT")])
def test_an_address_that_will_not_do_is_told(listen: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        demo._address(listen)
    assert ended.value.exit_code == 2
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with demo.bound() as taken:
        taken.listen()
        with pytest.raises(typer.Exit) as ended:
            demo._address(f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.value.exit_code == 1
    assert "give another port" in capsys.readouterr().err


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 32), st.lists(st.integers(0, 1 << 16), min_size=1, max_size=3))
def test_stretches_that_touch_share_no_record_and_miss_none(seed: int, picks: list[int]) -> None:
    hour = records(seed, NOON_MS, NOON_MS + 3_600_000)
    at_records = [instant(hour[pick % len(hour)].time) for pick in picks]  # the sharpest cuts are those at a record's own time
    cuts = [NOON_MS, *sorted(at_records), NOON_MS + 3_600_000]
    assert [record for start, end in pairwise(cuts) for record in records(seed, start, end)] == hour


def test_a_day_of_traffic_is_plausible() -> None:
    day = records(SEED, NOON_MS - DAY_MS, NOON_MS)
    usages = [record for record in day if isinstance(record, Usage)]
    ended = Counter(record.execution_id for record in day if isinstance(record, Outcome))
    by_hour = Counter(instant(record.time) // 3_600_000 % 24 for record in usages)

    assert {record.agent for record in usages} == {agent.name for agent in AGENTS}
    assert len({record.id for record in day}) == len(day)
    assert max(ended.values()) == 1
    assert [record.time for record in day] == sorted(record.time for record in day)
    assert by_hour[15] > 2 * by_hour[3]
    assert 50 < sum(map(cost_nanos, usages)) / 1e9 < 200


@pytest.mark.parametrize("day", [3, 16, 21, 27])
def test_on_a_poor_day_a_budget_passes_a_line_too(day: int) -> None:
    """The demo shows it whenever it is played; these days hold the least of eighty."""
    (budget,) = (budget for budget in demo.policy("http://127.0.0.1:1", fast=False).budgets if budget.name == "claims-day")
    calls = records(SEED, NOON_MS + day * DAY_MS, NOON_MS + (day + 1) * DAY_MS)
    spent = sum(cost_nanos(call) for call in calls if isinstance(call, Usage) and call.use_case == "claims-triage")
    assert spent * 100 > budget.limit_nanos * 85


def test_the_policy_reaches_the_orchestrator_wherever_it_is() -> None:
    read: Policy = demo.policy("http://127.0.0.1:1", fast=True)
    addresses: list[Any] = [receiver.url for receiver in read.receivers if receiver.kind == "webhook"]
    assert addresses == ["http://127.0.0.1:1/hooks/spend"]
    assert (read.pauses.mode, read.pauses.proof_s) == ("enforce", 1)
