"""The command adapter: no shell, no option by a name, few variables, a bounded time and output, and only programs that are allowed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from service.couriers.port import Courier, Delivered, GaveUp, Parts, Probes, Receiver, RetryLater
from service.couriers.registry import courier_of
from service.policy import PolicyError, load
from tests.adapters.world import order
from tests.samples import NIGHT_MS

PARTS = Parts(public_url="https://spend.example", clock=lambda: NIGHT_MS)


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDWARDEN_COMMANDS", f"/bin/no-such-program:/bin/sh:{sys.executable}")


def runs(code: str, *argv: str, timeout: str = "20s", environment: tuple[str, ...] = ()) -> Courier:
    options = {"argv": [sys.executable, "-c", code, *argv], "timeout": timeout, "environment": environment}
    return courier_of(Receiver(name="stopper", kind="command", takes="orders", options=options), PARTS)


async def test_it_is_told_the_order_by_its_arguments_and_its_input(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import json, sys; open({str(told)!r}, 'w').write(json.dumps([sys.argv[1:], json.load(sys.stdin)])); print('stopped')"
    assert await runs(code, "{action}", "--agent={name}").deliver(order("pause", name="$(id); x")) == Delivered("accepted", "stopped")
    argv, event = json.loads(told.read_text())
    assert argv == ["pause", "--agent=$(id); x"]
    assert (event["type"], event["data"]["sequence"]) == ("spendwarden.order.pause", 3)


async def test_it_sees_few_variables_and_their_values_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHERS_SECRET", "xyzzy-others")
    monkeypatch.setenv("STOPPER_TOKEN", "xyzzy-mine")
    outcome = await runs("import os; print(sorted(os.environ), os.environ['STOPPER_TOKEN'])", environment=("STOPPER_TOKEN", "NOT_SET")).deliver(order("pause"))
    assert isinstance(outcome, Delivered)
    assert "OTHERS_SECRET" not in outcome.reason
    assert outcome.reason.endswith("[secret]")


@pytest.mark.parametrize("name", ["-rf", "--all"])
async def test_a_name_cannot_become_an_option(name: str) -> None:
    outcome = await runs("raise SystemExit(1)", "{name}").deliver(order("pause", name=name))
    assert outcome == Delivered("refused", "a field begins with a hyphen, so the program would take it for an option")


async def test_how_it_ends_is_what_it_means() -> None:
    why = f"{sys.executable} ended with "
    assert await runs("import sys; print('no such agent'); sys.exit(3)").deliver(order("pause")) == GaveUp(why + "3: no such agent")
    assert await runs("import sys; sys.exit(75)").deliver(order("pause")) == RetryLater(None, why + "75")
    assert await runs("import os; os.kill(os.getpid(), 9)").deliver(order("pause")) == GaveUp(why + "-9")


async def test_when_its_time_is_up_it_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    options = {"argv": ["/bin/sh", "-c", f"echo $$ > {pids}; sleep 60 & echo $! >> {pids}; wait"], "timeout": "2s"}
    courier = courier_of(Receiver(name="stopper", kind="command", takes="orders", options=options), PARTS)
    assert await courier.deliver(order("pause")) == RetryLater(None, "/bin/sh did not end within 2 s and was killed")
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    async with asyncio.timeout(20):
        while any(map(_lives, started)):  # noqa: ASYNC110 -- dying takes the kernel a moment, and tells nobody
            await asyncio.sleep(0.001)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_flood_is_read_and_its_end_is_kept() -> None:
    outcome = await runs("import sys\nfor _ in range(40): print('x' * 65536)\nprint('the end')").deliver(order("pause"))
    assert outcome == Delivered("accepted", "the end")


async def test_what_it_leaves_behind_is_not_waited_for() -> None:
    code = "import os, time\nif os.fork(): os._exit(0)\nos.setsid(); time.sleep(3)"
    assert await runs(code).deliver(order("pause")) == Delivered("accepted")


async def test_an_order_that_it_does_not_read_is_no_fault() -> None:
    executions = [f"run-{number}" for number in range(20_000)]
    assert await runs("print('done')").deliver(order("pause", executions=executions)) == Delivered("accepted", "done")


async def test_a_program_that_is_not_there_is_given_up() -> None:
    courier = courier_of(Receiver(name="stopper", kind="command", takes="orders", options={"argv": ["/bin/no-such-program"]}), PARTS)
    assert await courier.deliver(order("pause")) == GaveUp("/bin/no-such-program: No such file or directory")
    assert isinstance(courier, Probes)
    assert await courier.probe() == GaveUp("404: /bin/no-such-program is not there, or this user may not run it")


def test_a_program_that_is_not_allowed_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPENDWARDEN_COMMANDS")
    with pytest.raises(ValueError, match="receiver stopper: its program is not allowed"):
        runs("print()")


@pytest.mark.parametrize(("argv", "why"), [("[stop]", "whole path"), ('["{name}"]', "whole path"), ("[]", ""), ('["/bin/x", "{nam}"]', "no field of an order")])
def test_what_is_wrong_in_the_policy_is_said(argv: str, why: str) -> None:
    with pytest.raises(PolicyError, match=rf"receivers\[0\].argv.*{why}"):
        load(f"receivers: [{{name: x, kind: command, argv: {argv}}}]")
