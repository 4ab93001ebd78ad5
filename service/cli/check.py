"""`spendwarden check`: what a policy watches, what will not work in it, or every mistake in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from service.cli.examples import examples
from service.cli.failures import USAGE, fail, mistakes, read_text, usable
from service.cli.json_page import print_json
from service.policy import Mistake, PolicyError
from service.policy.advice import advice
from service.settings import secret

SECTIONS: Final = ("owners", "budgets", "caps", "quotas", "tiers", "batch", "planned", "receivers", "routes", "sources")

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog=examples("spendwarden check policy.yaml", "spendwarden check policy.yaml --json"))
def command(
    policy: Annotated[Path, typer.Argument(metavar="POLICY", help="The policy: one YAML file.")],
    json: Annotated[bool, typer.Option("--json", help="Print an object: ok, digest, mistakes, warnings, watches.")] = False,
) -> None:
    """Check a policy: every mistake in one go by its path (exit code 2), or what it watches and what in it will not work.

    A warning is no mistake: a secret that points nowhere here may be there where the service runs.
    """
    text = read_text(policy)
    try:
        found = usable(text)
    except PolicyError as wrong:
        if json:
            print_json({"policy": str(policy), "ok": False, "mistakes": _listed(wrong.mistakes)})
            raise typer.Exit(USAGE) from None
        fail(mistakes(policy, map(str, wrong.mistakes)), USAGE)
    from service.couriers.registry import COURIERS  # noqa: PLC0415 -- the couriers' libraries are slow to import; a policy with mistakes needs none

    warnings = advice(found, secret, COURIERS)
    if json:
        watches = {**{section: len(getattr(found, section)) for section in SECTIONS}, "pauses": found.pauses.mode}
        print_json({"policy": str(policy), "ok": True, "digest": found.digest, "mistakes": [], "warnings": _listed(warnings), "watches": watches})
    else:
        from service.cli.check_page import show  # noqa: PLC0415 -- rich is not needed for --json

        show(policy, found, warnings)


def _listed(found: list[Mistake]) -> list[dict[str, str]]:
    return [mistake._asdict() for mistake in found]
