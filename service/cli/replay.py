"""`spendwarden replay`: files of records as the stream."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import msgspec
import typer

from service.cli.examples import examples
from service.cli.failures import USAGE, fail, read_policy, warn_of_secrets
from service.cli.pictures import Picture, picture_of, pictured
from service.facts import PolicySet
from service.folder import PARTITIONS
from service.intake import FORMATS, Unknown
from service.policy import Policy, dump
from service.replay.engine import Engine
from service.replay.files import FilesError, arrivals, expand
from service.replay.run import Line, Tallies, finish, replay, summary_line

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_encode = msgspec.json.Encoder().encode


@app.command(
    epilog=examples(
        "spendwarden replay calls.jsonl.gz --policy policy.yaml",
        "cat calls.jsonl | spendwarden replay - --json",
        "spendwarden replay 'logs/*.jsonl' --json > transcript.jsonl",
        "spendwarden replay calls.jsonl --plot runaway.svg",
        "spendwarden replay --journal ./data --json",
    )
)
def command(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="Files or globs of records, one JSON object a line, plain or .gz; - is standard input.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="The policy; without one everything has its default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the transcript, a JSON object a line, instead of a summary to read.")] = False,
    form: Annotated[str, typer.Option("--format", help=f"How the records are written: {', '.join(FORMATS)}.")] = "spendwarden",
    partitions: Annotated[int, typer.Option(min=1, max=1024, help="Stream partitions; the same number gives the same ids.")] = PARTITIONS,
    batch: Annotated[int, typer.Option(min=1, help="How many records are read before what they decided is printed; changes nothing else.")] = 1000,
    state: Annotated[Path | None, typer.Option(help="Go on from this file if it is there, and save to it when stopped.")] = None,
    stop_after: Annotated[int | None, typer.Option(min=0, help="Stop after so many records of the input, with --state to go on later.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Repeat a live service's journal bit for bit: its data folder, or an exported journal.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the incident that cost most into this file, .png or .svg.")] = None,
    scope: Annotated[str | None, typer.Option(help="With --plot: draw this scope instead, as kind:name or total.")] = None,
) -> None:
    """Read files of records as the stream and print what the service would have decided, had it heard each at its time.

    Arrival is the greatest time so far; several files are merged by time. A month takes seconds.
    """
    if journal is not None and files:
        fail("--journal repeats a journal alone; give no files of records beside it", USAGE)
    if plot is not None and (journal is not None or state is not None):
        fail("--plot draws files of records that are read whole; of a service's folder draw with `spendwarden plot SCOPE --data DIR`", USAGE)
    if scope is not None and plot is None:
        fail("--scope says what --plot FILE draws; give that too", USAGE)
    if journal is not None:
        from service.cli.journal import repeat  # noqa: PLC0415 -- only this option needs it

        repeat(journal, as_json=json)
        return
    if not files:
        fail("give at least one file of records, - for standard input, or --journal DIR", USAGE)
    if form not in FORMATS:
        fail(f"--format {form}: must be one of {', '.join(FORMATS)}", USAGE)
    if stop_after is not None and state is None:
        fail("--stop-after needs --state FILE, or what was read is lost", USAGE)
    chosen = read_policy(policy)
    warn_of_secrets(policy, chosen)
    try:
        _replay(expand(files), chosen, json, form, partitions, batch, state, stop_after, picture_of(plot, scope))
    except FilesError as wrong:
        fail(str(wrong))
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None


def policy_set(policy: Policy, version: int = 1) -> PolicySet:
    """A policy as it travels in the logs."""
    return PolicySet(version, policy.digest, dump(policy))


def _replay(
    paths: list[str], policy: Policy, as_json: bool, form: str, partitions: int, batch: int, state: Path | None, stop_after: int | None, picture: Picture | None
) -> None:
    from service.cli.screen import Progress, show_summary  # noqa: PLC0415 -- rich is not needed for --json

    engine, seen = _restored(state, policy, partitions)
    before = seen.events
    started = perf_counter()
    unknown = Unknown()
    with Progress(paths, sys.stderr.isatty()) as progress, pictured(picture, engine):
        heard = arrivals(paths, form, unknown, progress.advance)
        for _ in range(before):
            next(heard, None)
        kept = _Kept(as_json, batch)
        for lines in replay(engine, heard, seen, stop_after):
            kept.take(lines)
            progress.saw(seen.events)
        stopped = stop_after is not None and seen.events >= stop_after
        if not stopped:
            kept.take(finish(engine, seen))
    kept.flush()
    if state is not None:
        state.write_bytes(msgspec.msgpack.encode((vars(seen), engine.dump())))
    if stopped:
        return
    summary = summary_line(engine, seen, perf_counter() - started) | ({"unknown_fields": unknown.counts} if unknown.counts else {})
    if as_json:
        sys.stdout.buffer.write(_encode(summary) + b"\n")
        sys.stdout.buffer.flush()
    else:
        show_summary([engine.warden], summary, kept.lines)
    if seen.refused and seen.refused == seen.events:
        fail(f"every record was refused, all {seen.refused:,} of them; is --format {form} how they are written?")


def _restored(state: Path | None, policy: Policy, partitions: int) -> tuple[Engine, Tallies]:
    if state is None or not state.exists():
        return Engine(policy_set(policy), partitions), Tallies()
    seen, saved = msgspec.msgpack.decode(state.read_bytes(), type=tuple[dict[str, Any], dict[str, bytes]])
    return Engine.load(saved), Tallies(**seen)


class _Kept:
    """Lines on their way out: printed batch by batch, or kept for the summary."""

    def __init__(self, as_json: bool, batch: int) -> None:
        self._as_json, self._batch = as_json, batch
        self.lines: list[Line] = []

    def take(self, lines: list[Line]) -> None:
        self.lines += lines
        if self._as_json and len(self.lines) >= self._batch:
            self.flush()

    def flush(self) -> None:
        if self._as_json and self.lines:
            sys.stdout.buffer.write(b"".join(_encode(line) + b"\n" for line in self.lines))
            sys.stdout.buffer.flush()
            self.lines = []
