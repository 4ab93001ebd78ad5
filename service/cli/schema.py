"""`spendwarden schema`: the JSON Schemas, for producers and for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from service.cli.examples import examples
from service.cli.json_page import print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class What(StrEnum):
    """What there is a schema of."""

    RECORDS = "records"
    POLICY = "policy"


@app.command(epilog=examples("spendwarden schema records > record.schema.json", "spendwarden schema policy > policy.schema.json"))
def command(what: Annotated[What, typer.Argument(metavar="records|policy", help="records: what producers send; policy: the file that people write.")]) -> None:
    """Print the JSON Schema (2020-12) of a record of the stream, or of the policy.

    With the policy's schema an editor completes and checks while you write: put
    `# yaml-language-server: $schema=policy.schema.json` into its first line.
    """
    match what:
        case What.RECORDS:
            from service.records_schema import records_schema as schema_of  # noqa: PLC0415 -- only one of the two is needed
        case What.POLICY:
            from service.policy import policy_schema as schema_of  # noqa: PLC0415
    print_json(schema_of())
