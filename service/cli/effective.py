"""`spendwarden effective`: everything of the policy that holds for one scope, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from service.cli.examples import examples
from service.cli.failures import USAGE, fail, read_policy
from service.cli.scopes import scope_from
from service.facts import Scope
from service.policy import Policy, effective
from service.records import DEFAULT_TENANT

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "spendwarden effective agent:indexer --policy policy.yaml",
        "spendwarden effective agent:indexer --also use_case:kyc --policy policy.yaml",
        "spendwarden effective total --tenant acme --data ./data --json",
    )
)
def command(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="kind:name such as agent:indexer, use_case:kyc, label.team:core; or total.")],
    *,
    policy: Annotated[Path | None, typer.Option(help="A policy's file.")] = None,
    data: Annotated[Path | None, typer.Option(help="A service's data folder: the policy that was published last.")] = None,
    brokers: Annotated[str | None, typer.Option(help="The brokers of a service on Kafka: the policy that was published last.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose scope it is.")] = DEFAULT_TENANT,
    also: Annotated[list[str] | None, typer.Option(help="What else is known of it, as kind:name; may be given several times.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Show every budget, cap, quota, owner and route that applies to a scope, and why.

    What depends on something that the scope does not fix says so: "where severity is critical".
    """
    if [policy, data, brokers].count(None) != 2:
        fail("give one of --policy FILE, --data DIR and --brokers HOST:PORT", USAGE)
    whose = _scope("SCOPE", scope)
    known = dict(_scope("--also", text) for text in also or [])
    found = effective(_policy(policy, data, brokers), tenant, whose, known)
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    else:
        from service.cli.effective_page import show  # noqa: PLC0415 -- rich is not needed for --json

        show(found, whose)


def _scope(where: str, text: str) -> Scope:
    try:
        return scope_from(text)
    except ValueError as wrong:
        fail(f"{where} {text}: {wrong}", USAGE)


def _policy(path: Path | None, data: Path | None, brokers: str | None) -> Policy:
    """Of the one that is given."""
    if path is not None:
        return read_policy(path)
    if brokers is not None:
        from service.cli.cluster import published as on_kafka  # noqa: PLC0415

        return on_kafka(brokers)
    from service.cli.folder import published  # noqa: PLC0415 -- only a data folder needs the logs

    assert data is not None
    return published(data)
