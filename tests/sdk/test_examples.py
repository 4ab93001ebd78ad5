"""The examples for receivers run: a plain loop, a job queue, and a LangGraph graph where langgraph is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.couriers.events import event_of
from service.sdk import Switch
from tests.core.hooks import NOW_MS, ORDER

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
PAUSE, RESUME = event_of(ORDER, ""), {**event_of(ORDER, ""), "id": "ord-2"}
RESUME["data"] = {**PAUSE["data"], "id": "ord-2", "action": "resume", "sequence": 4}


def example(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


async def test_the_loop_stops_while_it_is_paused_and_goes_on_after(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    switch, done = Switch(lambda: NOW_MS), list[int]()
    paused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def do(number: int) -> None:
        done.append(number)
        if number == 1:
            switch.obey(PAUSE)
            loop.call_soon_threadsafe(paused.set)

    working = asyncio.create_task(asyncio.to_thread(example("loop", monkeypatch).work, switch, 4, do))
    await paused.wait()
    assert done == [0, 1]
    switch.obey(RESUME)
    await working
    assert done == [0, 1, 2, 3]


async def test_a_paused_job_waits_and_keeps_nobody_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = example("job_queue", monkeypatch)
    switch, jobs, done = Switch(lambda: NOW_MS), asyncio.Queue[Any](), list[str]()

    async def do(job: Any) -> None:
        done.append(job.agent)

    switch.obey(PAUSE)
    for agent in ("indexer", "triage", "indexer", "triage"):
        jobs.put_nowait(queue.Job(agent, "run-1"))
    worker = asyncio.create_task(queue.worker(switch, jobs, do))
    await jobs.join()
    assert done == ["triage", "triage"]
    switch.obey(RESUME)
    async with asyncio.timeout(20):
        while len(done) < 4:  # noqa: ASYNC110 -- the jobs come back one by one, by a task of the example's own
            await asyncio.sleep(0)
    worker.cancel()


def test_the_graph_ends_at_its_gate_and_goes_on_after(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("langgraph", reason="langgraph is not installed: the example is not run")
    switch = Switch(lambda: NOW_MS)
    graph, run = example("langgraph_gate", monkeypatch).graph_of(switch), {"configurable": {"thread_id": "run-1"}}
    switch.obey(PAUSE)
    assert graph.invoke({"steps": 2, "goal": 5, "paused_by": ""}, run) == {"steps": 2, "goal": 5, "paused_by": "ord-1"}
    switch.obey(RESUME)
    assert graph.invoke({"paused_by": ""}, run) == {"steps": 5, "goal": 5, "paused_by": ""}


def test_the_graph_s_example_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langgraph", None)
    with pytest.raises(SystemExit, match="pip install langgraph"):
        example("langgraph_gate", monkeypatch)
