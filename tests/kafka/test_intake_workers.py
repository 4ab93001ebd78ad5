"""Workers that die or sleep while they pass records on: none is lost, and what is passed on twice is counted once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from service.log.kafka.topics import IN
from service.log.ports import STREAM
from tests.kafka.broker import Broker
from tests.kafka.producers import PARTITIONS, Connect, has_counted, heard, heard_all, line, made, until, worker, write


async def test_a_worker_killed_in_between_loses_nothing(broker: Broker, connect: Connect, prefix: str, tmp_path: Path) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    count = 60_000
    await write(cluster, prefix + IN, [line(number) for number in range(count)])

    async def has_begun() -> bool:
        return sum([(await log.span(STREAM, partition))[1] for partition in range(PARTITIONS)]) > count // 10

    with worker(broker, prefix, tmp_path, "first") as first:
        await until(has_begun)
        first.send_signal(signal.SIGKILL)
    before = {record.id for record in await heard(log)}
    assert len(before) < count, "it was killed in between"
    with worker(broker, prefix, tmp_path, "second"):
        found = await heard_all(log, {str(number) for number in range(count)})
        await until(lambda: has_counted(log, count))
    assert len(found) >= count
    assert {(record.id, record.execution_id) for record in found} == {(str(number), f"run-{number % 97}") for number in range(count)}


async def test_a_worker_that_slept_past_its_session_only_repeats(broker: Broker, connect: Connect, prefix: str, tmp_path: Path) -> None:
    cluster = connect(broker)
    log = await made(cluster)
    sent = 0

    async def more() -> None:
        nonlocal sent
        await write(cluster, prefix + IN, [line(number) for number in range(sent, sent + 2_000)])
        sent += 2_000

    async def has_begun() -> bool:
        await more()
        return bool(await heard(log))

    with worker(broker, prefix, tmp_path, "first") as first, worker(broker, prefix, tmp_path, "second"):
        await until(has_begun)
        first.send_signal(signal.SIGSTOP)
        for _ in range(30):
            await more()
            await asyncio.sleep(0.1)
        await heard_all(log, {str(number) for number in range(sent)})  # the other one has taken over
        first.send_signal(signal.SIGCONT)
        await more()
        found = await heard_all(log, {str(number) for number in range(sent)})
        await until(lambda: has_counted(log, sent))
    assert {(record.id, record.execution_id) for record in found} == {(str(number), f"run-{number % 97}") for number in range(sent)}
