"""`spendwarden effective`: everything of the policy that holds for one scope, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.chosen import Brokers, DataFolder, PolicyFile, chosen
from service.cli.examples import examples
from service.cli.failures import USAGE, fail
from service.cli.json_page import print_json
from service.cli.scopes import scope_from
from service.facts import Scope
from service.policy import effective
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
    policy: PolicyFile = None,
    data: DataFolder = None,
    brokers: Brokers = None,
    tenant: Annotated[str, typer.Option(help="Whose scope it is.")] = DEFAULT_TENANT,
    also: Annotated[list[str] | None, typer.Option(help="What else is known of it, as kind:name; may be given several times.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Show every budget, cap, quota, owner and route that applies to a scope, and why.

    What depends on something that the scope does not fix says so: "where severity is critical".
    """
    held = chosen(policy, data, brokers)
    whose = _scope("SCOPE", scope)
    known = dict(_scope("--also", text) for text in also or [])
    found = effective(held, tenant, whose, known)
    if json:
        print_json(found)
    else:
        from service.cli.effective_page import show  # noqa: PLC0415 -- rich is not needed for --json

        show(found, whose)


def _scope(where: str, text: str) -> Scope:
    try:
        return scope_from(text)
    except ValueError as wrong:
        fail(f"{where} {text}: {wrong}", USAGE)
