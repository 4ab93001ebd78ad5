"""The rivals' programs: a windowed sum of cost per agent, each by its own project's ways. Run inside of the rival's environment.

`python -P windowed.py NAME BROKERS TOPIC RECORDS FOLDER` reads the topic from its beginning and prints one line of JSON: wall and CPU
seconds of this process from the first record to the last one, imports and joins not counted. The topic is keyed by agent, so that none
of them has to distribute it again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

WINDOW_S: Final = 60
WAIT: Final = timedelta(minutes=10)


class Pace:
    """Counts to the last record, says how long it took, and ends the process."""

    def __init__(self, records: int) -> None:
        self.records, self.seen = records, 0
        self._wall_s = self._cpu_s = 0.0

    def one(self) -> None:
        if not self.seen:
            self._wall_s, self._cpu_s = perf_counter(), process_time()
        self.seen += 1
        if self.seen == self.records:
            print(json.dumps({"wall_s": perf_counter() - self._wall_s, "cpu_s": process_time() - self._cpu_s}), file=sys.__stdout__, flush=True)
            os._exit(0)


def bytewax(brokers: str, topic: str, _: str, pace: Pace) -> None:
    import orjson  # noqa: PLC0415 -- each only in its rival's environment
    from bytewax import operators as op  # type: ignore[import-not-found] # noqa: PLC0415
    from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found] # noqa: PLC0415
    from bytewax.connectors.stdio import StdOutSink  # type: ignore[import-not-found] # noqa: PLC0415
    from bytewax.dataflow import Dataflow  # type: ignore[import-not-found] # noqa: PLC0415
    from bytewax.operators import windowing  # type: ignore[import-not-found] # noqa: PLC0415
    from bytewax.run import cli_main  # type: ignore[import-not-found] # noqa: PLC0415

    def decoded(messages: Iterable[Any]) -> list[tuple[str, tuple[datetime, float]]]:
        found = []
        for message in messages:
            record = orjson.loads(message.value)
            found.append((record.get("agent", ""), (datetime.fromtimestamp(record["time"], UTC), float(record.get("cost_usd", 0)))))
        return found

    def add(total: float, record: tuple[datetime, float]) -> float:
        pace.one()
        return total + record[1]

    flow = Dataflow("sums")
    heard = op.input("heard", flow, KafkaSource([brokers], [topic], tail=True))
    keyed = op.flat_map_batch("decoded", heard, decoded)
    clock = windowing.EventClock(lambda record: record[0], wait_for_system_duration=WAIT)
    windower = windowing.TumblingWindower(length=timedelta(seconds=WINDOW_S), align_to=datetime(2026, 1, 1, tzinfo=UTC))
    sums = windowing.fold_window("sums", keyed, clock, windower, float, add, lambda a, b: a + b, ordered=False)
    op.output("told", op.map("text", sums.down, str), StdOutSink())
    cli_main(flow)


def quix(brokers: str, topic: str, folder: str, pace: Pace) -> None:
    from quixstreams import Application  # type: ignore[import-not-found] # noqa: PLC0415

    app = Application(broker_address=brokers, consumer_group=Path(folder).name, auto_offset_reset="earliest", state_dir=folder, loglevel="ERROR")
    heard = app.topic(topic, value_deserializer="json", timestamp_extractor=lambda value, *_: int(value["time"] * 1000))
    costs = app.dataframe(heard).apply(lambda record: float(record.get("cost_usd", 0)))
    sums = costs.tumbling_window(timedelta(seconds=WINDOW_S), grace_ms=WAIT).sum().current()
    sums.update(lambda _: pace.one())
    app.run()


def faust(brokers: str, topic: str, folder: str, pace: Pace) -> None:
    import faust as rival  # noqa: PLC0415

    app = rival.App(
        Path(folder).name,
        broker=f"kafka://{brokers}",
        consumer_auto_offset_reset="earliest",
        datadir=folder,
        store="memory://",
        topic_disable_leader=True,
        web_enabled=False,
        value_serializer="json",
    )
    sums = app.Table("sums", default=float, partitions=int(os.environ["PARTITIONS"])).tumbling(timedelta(seconds=WINDOW_S), expires=WAIT)

    async def add(stream: Any) -> None:
        async for record in stream:
            sums[record.get("agent", "")] += float(record.get("cost_usd", 0))
            pace.one()

    app.agent(app.topic(topic))(add)
    sys.argv = ["faust", "worker", "--loglevel", "error", "--without-web"]
    app.main()


RIVALS: Final[dict[str, Callable[[str, str, str, Pace], None]]] = {"bytewax": bytewax, "quix": quix, "faust": faust}

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    name, brokers, topic, records, folder = sys.argv[1:]
    RIVALS[name](brokers, topic, folder, Pace(int(records)))
