"""`spendwarden explain`: the numbers behind an incident, and each that follows from others worked out once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeAlias

import msgspec
import typer

from service.books import Books
from service.cli.books import Data
from service.cli.cluster import database_or_fail
from service.cli.cluster import published as on_kafka
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.folder import books_url, published
from service.cli.json_page import print_json
from service.cli.pictures import checked, write
from service.cli.reckoning import Check, budget_step, checks, paces
from service.cli.story import Story, of_books, of_transcript
from service.facts import Incident
from service.log.ports import LogError
from service.policy import Policy

if TYPE_CHECKING:
    from service.localise import Where

Told: TypeAlias = "tuple[Story, list[Check], Where | None]"  # a transcript holds no spend, so it cannot say where
NAMED_MAX = 5  # incidents named where the one that was asked for is not there

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden explain inc-0fc5c13fbc6c6368371f --data ./data",
        "spendwarden explain inc-0fc5c13fbc6c6368371f --data ./data --json | jq '.checks[] | select(.agrees == false)'",
        "spendwarden explain inc-0fc5c13fbc6c6368371f --data ./data --plot incident.svg",
        "spendwarden replay calls.jsonl --json > transcript.jsonl && spendwarden explain inc-0fc5c13fbc6c6368371f --transcript transcript.jsonl",
    )
)
def command(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, as every message carries it.")],
    *,
    data: Data = None,
    database: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_DATABASE", help="The database of `serve`, instead of a folder; needs --brokers.")] = None,
    brokers: Annotated[str | None, typer.Option(envvar="SPENDWARDEN_BROKERS", help="With --database: where its policy is.")] = None,
    transcript: Annotated[Path | None, typer.Option(help="A transcript of `replay --json` or `export`.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it into this file too, .png or .svg; needs the books.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Show the numbers behind an incident: its steps, evidence, cause, budget, orders, and who was told.

    What follows from other numbers is worked out again and says whether it agrees: drivers add up to the excess, a detector's score follows
    from its evidence and its past, the pace from spend, limit and time, and with --data the spend is counted again from the books, which
    know nothing of incidents. They also say where the money lies: the fewest values (agent, model, ...) that carry the difference to before.
    """
    if plot is not None and transcript is not None:
        fail("--plot needs the books, for a transcript holds no spend: give --data or --database, or draw by `spendwarden replay FILE --plot OUT`", USAGE)
    path = checked(plot) if plot is not None else None
    if transcript is not None:
        told = _of_transcript(transcript, incident)
    elif database is not None:
        if brokers is None:
            fail("--database needs --brokers, those that `serve` was started with", USAGE)
        database_or_fail(database)
        told = _of_books(database, on_kafka(brokers), incident, path)
    elif data is not None:
        told = _of_books(books_url(data), published(data), incident, path)
    else:
        fail("give --data DIR, --database URL or --transcript FILE", USAGE)
    if json:
        print_json(account(*told))
        return
    from service.cli.explain_page import show  # noqa: PLC0415 -- rich is not needed for --json

    show(*told)


def account(story: Story, found: list[Check], where: Where | None) -> dict[str, Any]:
    """Everything as one object: the incident as it is, how it got there, the numbers worked out again, and where its money lies."""
    step = budget_step(story)
    return {
        **story.now,
        "history": story.steps,
        "orders": story.orders,
        "notices": story.notices,
        "controls": story.controls,
        "paces_per_hour": paces(step) if step is not None else {},
        "checks": [check._asdict() for check in found],
        **({"where": _lies(where)} if where is not None else {}),
    }


def _lies(where: Where) -> dict[str, Any]:
    from service.localise import where_line  # noqa: PLC0415 -- numpy is slow to import, and a transcript does not need it

    return where_line(where)


def _of_books(database: str, policy: Policy, incident: str, plot: Path | None) -> Told:
    from service.books import ListQuestion  # noqa: PLC0415 -- a transcript needs no database
    from service.cli.recount import recount  # noqa: PLC0415
    from service.ledger import Ledger  # noqa: PLC0415
    from service.localise import of_incident  # noqa: PLC0415

    try:
        with closing(Ledger(database)) as books:
            told = books.incident(incident, None)
            if told is None:
                _unknown(incident, (known.id for known in books.incidents(ListQuestion(limit=NAMED_MAX)).items))
            if plot is not None:
                _draw(plot, books, told.steps[-1])
            story = of_books(told)
            return story, checks(story) + recount(books, policy, budget_step(story)), of_incident(books, told.steps)
    except LogError as failed:
        fail(str(failed))


def _draw(path: Path, books: Books, now: Incident) -> None:
    from service.plots import of_incident  # noqa: PLC0415

    write(path, of_incident(books, now), aside=True)


def _of_transcript(path: Path, incident: str) -> Told:
    try:
        lines = [line for line in _lines(path) if isinstance(line, dict)]
    except (OSError, msgspec.DecodeError) as failed:
        fail(f"{path}: {getattr(failed, 'strerror', None) or failed}; give what `spendwarden replay --json` prints", USAGE)
    story = of_transcript(lines, incident)
    if story is None:
        newest = dict.fromkeys(line["id"] for line in reversed(lines) if line.get("type") == "incident")
        _unknown(incident, list(newest)[:NAMED_MAX])
    return story, checks(story), None


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for raw in file:
            yield msgspec.json.decode(raw)


def _unknown(incident: str, others: Iterable[str]) -> NoReturn:
    named = ", ".join(others)
    fail(f"there is no incident {incident}; {f'the newest are {named}' if named else 'there is none at all'}")
