"""What broken producers and clocks send, through the whole of it: refused or counted, told a handful of times at most, and over within two days."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.scenarios.commands import Line, run

Call = dict[str, Any]
Storm = Callable[[list[Call]], list[Call]]

START_S: Final = 1_764_547_200
DAY_S: Final = 86_400
STORM_DAY: Final = 6
STORM_S: Final = START_S + STORM_DAY * DAY_S
RECOVERY_DAYS: Final = 2
DAYS: Final = 17
HANDFUL: Final = 3
RUNAWAY: Final = 36  # calls of the last six hours, each at forty times the usual


def usual() -> list[Call]:
    """Two agents that work day and night as agents do, now for less and now for more; in the last hours one of them costs forty times as much."""
    chance = random.Random(7)
    made = []
    for k in range(DAYS * 144):
        for agent, every in (("indexer", 1), ("reader", 2)):
            if k % every == 0:
                dear = 40 if agent == "indexer" and k >= DAYS * 144 - RUNAWAY else 1
                made.append(
                    {
                        "id": f"{agent}-{k}",
                        "time": START_S + 600 * k + 7 * (k % 60),
                        "agent": agent,
                        "use_case": "kyc",
                        "execution_id": f"{agent}-{k}",
                        "cost_usd": round(dear * chance.lognormvariate(-1.5, 0.6), 4),
                    }
                )
    return made


def within(call: Call, days: float) -> bool:
    return bool(STORM_S <= call["time"] < STORM_S + days * DAY_S)


def zeros(made: list[Call]) -> list[Call]:
    return [call | {"cost_usd": 0} if within(call, 7) else call for call in made]


def nothing(made: list[Call]) -> list[Call]:
    return [call for call in made if not within(call, 1)]


def huge(made: list[Call]) -> list[Call]:
    return [call | {"cost_usd": 1e6} if call["id"] == f"indexer-{144 * STORM_DAY}" else call for call in made]


def missing(made: list[Call]) -> list[Call]:
    return [call for call in made if not within(call, 1) or call["time"] // 600 % 3]


def once(made: list[Call]) -> list[Call]:
    strangers = ({"id": f"once-{n}", "time": STORM_S + n, "agent": f"once-{n}", "execution_id": f"once-{n}", "cost_usd": 0.01} for n in range(30))
    return sorted([*made, *strangers], key=lambda call: call["time"])


def ahead(made: list[Call]) -> list[Call]:
    """From one record to the next a day is gone."""
    return [call | {"time": call["time"] + DAY_S} if call["time"] >= STORM_S else call for call in made]


def behind(made: list[Call]) -> list[Call]:
    """One agent's clock is a day behind for six hours; its records arrive with the others."""
    return [call | {"time": call["time"] - DAY_S} if within(call, 0.25) and call["agent"] == "reader" else call for call in made]


def season(made: list[Call]) -> list[Call]:
    return [call | {"time": call["time"] + 100 * DAY_S} if call["time"] >= STORM_S else call for call in made]


STORMS: Final[dict[str, Storm]] = {
    "zeros for a week": zeros,
    "nothing for a day": nothing,
    "one huge value": huge,
    "missing minutes": missing,
    "agents seen once": once,
    "a clock that jumps a day": ahead,
    "a clock that is a day behind": behind,
    "a hundred days of silence": season,
}


def replayed(folder: Path, made: list[Call], more: bytes = b"") -> list[Line]:
    file = folder / "calls.jsonl"
    file.write_bytes(b"".join(json.dumps(call).encode() + b"\n" for call in made) + more)
    done = run("replay", str(file), "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def opened(transcript: list[Line]) -> list[Line]:
    return [line for line in transcript if line["type"] == "incident" and line["action"] in ("opened", "reopened")]


def seconds(line: Line) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


@pytest.mark.parametrize("name", STORMS)
def test_a_storm_tells_a_handful_is_over_in_two_days_and_hides_nothing(name: str, tmp_path: Path) -> None:
    made = STORMS[name](usual())
    transcript = replayed(tmp_path, made)
    assert (transcript[-1]["accepted"], transcript[-1]["refused"]) == (len(made), 0)
    assert Decimal(transcript[-1]["spend_usd"]) == sum((Decimal(str(call["cost_usd"])) for call in made), Decimal())
    runaway_s = max(call["time"] for call in made) - 600 * RUNAWAY
    before = [line for line in opened(transcript) if seconds(line) < runaway_s]
    assert len({line["id"] for line in before}) <= HANDFUL, before
    assert [line for line in before if seconds(line) > runaway_s - RECOVERY_DAYS * DAY_S] == []
    found = {(line["scope"]["name"], vote["detector"]) for line in opened(transcript) if seconds(line) >= runaway_s for vote in line["evidence"]}
    assert ("indexer", "surprise") in found, "what is plain is found again"


NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity", '"nan"', "1e400", "null1")


def test_a_producer_that_says_no_numbers_is_refused_by_field_and_disturbs_nothing(tmp_path: Path) -> None:
    made = usual()
    broken = b"".join(
        f'{{"id": "broken-{n}", "time": {made[-1]["time"]}, "agent": "indexer", "cost_usd": {value}}}\n'.encode() for n in range(100) for value in NO_NUMBERS
    )
    transcript = replayed(tmp_path, made, broken)
    refused = [line for line in transcript if line["type"] == "refused"]
    assert transcript[-1]["refused"] == len(NO_NUMBERS) * 100
    assert transcript[-1]["accepted"] == len(made)
    assert {line["field"] for line in refused} <= {"cost_usd", "", None}
    assert opened(transcript) == opened(replayed(tmp_path, made))
