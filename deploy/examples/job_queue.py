"""Workers of a job queue that hear orders at once: what is paused waits in its place, everybody else's jobs go on.

    SPENDWARDEN_SECRET=change-me .venv/bin/python deploy/examples/job_queue.py

and in the policy, with the same secret in the service's environment (`spendwarden notify test queue --policy FILE` tries it):

    receivers: [{name: queue, kind: webhook, url: "http://127.0.0.1:8486/hooks/spend", secret: "env:SPENDWARDEN_SECRET", takes: orders}]
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import uvicorn

from service.sdk import OrderReceiver, Switch, restoring

WORKERS = 4


@dataclass
class Job:
    """One piece of work for one agent, and the run it belongs to."""

    agent: str
    execution: str


async def do(job: Job) -> None:
    """Here the job would call its model."""
    print(f"{job.agent} works on {job.execution}")
    await asyncio.sleep(1)


async def worker(switch: Switch, jobs: asyncio.Queue[Job], do: Callable[[Job], Awaitable[None]] = do) -> None:
    """Takes jobs for ever. A paused one goes aside until it is let go, so that it keeps no worker from the others."""
    aside: set[asyncio.Task[None]] = set()
    while True:
        job = await jobs.get()
        if switch.may_go_on(agent=job.agent, execution=job.execution):
            await do(job)
        else:
            waiting = asyncio.create_task(_again(switch, jobs, job))
            aside.add(waiting)
            waiting.add_done_callback(aside.discard)
        jobs.task_done()


async def _again(switch: Switch, jobs: asyncio.Queue[Job], job: Job) -> None:
    await switch.waited(agent=job.agent, execution=job.execution)
    await jobs.put(job)


async def produce(jobs: asyncio.Queue[Job]) -> None:
    """Two agents that always have something to do."""
    for number in count():
        await jobs.put(Job("indexer" if number % 2 else "triage", f"run-{number}"))


async def main() -> None:
    """Orders come in at port 8486; what came while nobody listened is asked of the service, if its address is known."""
    switch, jobs = Switch(), asyncio.Queue[Job](maxsize=8)
    server = uvicorn.Server(uvicorn.Config(OrderReceiver(None, switch=switch, secrets=os.environ["SPENDWARDEN_SECRET"]), port=8486, log_level="warning"))
    async with asyncio.TaskGroup() as group:
        if url := os.environ.get("SPENDWARDEN_URL"):
            group.create_task(restoring(switch, url, os.environ.get("SPENDWARDEN_TOKEN", "")))
        group.create_task(server.serve())
        group.create_task(produce(jobs))
        for _ in range(WORKERS):
            group.create_task(worker(switch, jobs))


if __name__ == "__main__":
    asyncio.run(main())
