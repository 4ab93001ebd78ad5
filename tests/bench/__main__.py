"""`python -m tests.bench NAME [--json]`: what the product's figures are, on this machine, now.

Each bench is a module with `arguments(parser)` and `run(asked) -> list[Figure]`; the load of the machine is told beside its figures. One that also has
`json_lines(asked)` prints those with --json, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from math import isnan
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure

BENCHES: Final = {
    "replay": ("tests.bench.replay", "records a second of meter and warden on one core; memory; growth with the number of records"),
    "detectors": ("tests.bench.detectors", "updates a second of each detector on one core, and bytes of its state"),
    "latency": ("tests.bench.latency", "HTTP accept -> order accepted by a receiver, at several rates"),
    "kafka": ("tests.bench.kafka", "a worker on a real Kafka against Faust, Quix Streams and Bytewax, and 1, 2, 3 workers; fetches the rivals into a cache"),
    "rca": ("tests.bench.rca", "elements to blame for a deviation from the forecast: F1 and seconds a case over the files of a folder"),
    "nab": ("tests.bench.series", "alerts on the series of the Numenta Anomaly Benchmark, and their worth where windows are labelled"),
    "series": ("tests.bench.series", "the same on any other series of that layout, with the same configuration"),
    "world": ("tests.bench.world", "spend incidents in made-up companies over real load (../shared/spendworld): found, false, how early, how well named"),
    "kill": ("tests.bench.kill", "the live service killed again and again while fed: nothing lost, nothing repeated"),
    "soak": ("tests.bench.soak", "workers on a real Kafka killed, stopped and put to sleep while fed: nothing lost, nothing repeated"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, (module, help_text) in BENCHES.items():
        bench = names.add_parser(name, help=help_text, description=help_text)
        bench.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
        import_module(module).arguments(bench)
    asked = parser.parse_args()
    chosen = import_module(BENCHES[asked.name][0])
    if asked.json and hasattr(chosen, "json_lines"):
        for line in chosen.json_lines(asked):
            print(json.dumps(line), flush=True)
        return 0
    before = os.getloadavg()
    figures: list[Figure] = chosen.run(asked)
    load = [round(x, 2) for x in (before[0], os.getloadavg()[0])]
    if asked.json:
        print(
            json.dumps(
                {
                    "bench": asked.name,
                    "cores": os.cpu_count(),
                    "load_before_after": load,
                    "figures": {f.name: None if isnan(f.value) else f.value for f in figures},
                }
            )
        )
    else:
        _show(asked.name, figures, load)
    return 1 if any(f.met is False and f.must for f in figures) else 0


def _show(name: str, figures: list[Figure], load: list[float]) -> None:
    table = Table(title=f"bench {name}  ({os.cpu_count()} cores, load {load[0]} before, {load[1]} after)")
    for heading in ("figure", "value", "unit", "goal"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for f in figures:
        met = "" if f.met is None else " [green]met[/green]" if f.met else " [red]missed[/red]"
        value = f"{f.value:,.0f}" if isinstance(f.value, float) and f.value >= 100 else f"{f.value:,.3g}" if isinstance(f.value, float) else f"{f.value:,}"
        table.add_row(f.name, value, f.unit, f.goal + met)
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
