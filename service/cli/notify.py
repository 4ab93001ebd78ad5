"""`spendwarden notify test`: a real sample goes the real way to a receiver, and what happened is said in words."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from service.cli.chosen import Brokers, DataFolder, PolicyFile, chosen
from service.cli.examples import examples
from service.cli.failures import FAILED, USAGE, fail
from service.cli.json_page import print_json
from service.clock import now_ms
from service.couriers.port import Courier, Parts, Receiver
from service.couriers.receivers import receivers_of
from service.couriers.registry import COURIERS, couriers_of
from service.couriers.trial import Step, places, signatures, trial
from service.phrases import named, shown
from service.policy import Policy, secret_warnings
from service.settings import DEFAULT_LISTEN, secret

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Try a receiver.",
    epilog=examples("spendwarden notify test spend --policy policy.yaml", "spendwarden notify test orchestrator --data ./data"),
)


@app.callback()
def root() -> None:
    """Try a receiver."""


@app.command(
    "test",
    epilog=examples(
        "spendwarden notify test spend --policy policy.yaml",
        "spendwarden notify test orchestrator --data ./data --json",
    ),
)
def sample(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="Its name in the policy.")],
    *,
    policy: PolicyFile = None,
    data: DataFolder = None,
    brokers: Brokers = None,
    json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Send a sample to a receiver and say what happened: where it went, how it was signed, what was answered, what to mend.

    A receiver of notices is told of an incident that says it is a test, then of its end. Who takes orders is given none: a signed test
    event is sent, or what an order would need is asked for. Secrets are read here, from this command's own environment.
    """
    held = chosen(policy, data, brokers)
    whom = _find(held, receiver)
    parts = Parts(public_url=held.public_url or f"http://{DEFAULT_LISTEN}", clock=now_ms)
    steps = asyncio.run(_try(whom, couriers_of([whom], parts)[whom.name]))
    lost = [str(mistake) for mistake in secret_warnings(held, secret, only=whom.name)]
    if json:
        print_json(_object(whom, steps, lost))
    else:
        sys.stdout.write(_page(whom, steps, lost))
    if not all(step.good for step in steps):
        raise typer.Exit(FAILED)


def _find(policy: Policy, name: str) -> Receiver:
    found = {receiver.name: receiver for receiver in receivers_of(policy)}
    if name in found:
        return found[name]
    kind = next((entry.kind for entry in policy.receivers if entry.name == name), None)
    if kind is not None:
        fail(f"receiver {named(name)}: there is no courier for `{kind}`; there are {', '.join(COURIERS)}", USAGE)
    return fail(f"no receiver {named(name)} in the policy; there are {', '.join(map(shown, found))}", USAGE)


async def _try(receiver: Receiver, courier: Courier) -> list[Step]:
    try:
        return await trial(receiver, courier, now_ms)
    finally:
        await courier.close()


def _page(receiver: Receiver, steps: list[Step], lost: list[str]) -> str:
    rows = [("to", places(receiver))]
    if keys := signatures(receiver):
        rows.append(("signed", f"with {keys} keys, so that either opens it" if keys > 1 else "with 1 key"))
    rows += [(step.what, f"{step.said} ({step.took_ms} ms)") for step in steps]
    rows += [("mend", step.mend) for step in steps if step.mend]
    rows += [("mend", each) for each in lost]
    lines = [f"Receiver {named(receiver.name)}, {receiver.kind}, takes {receiver.takes}:", *(f"  {label:<16}{text}" for label, text in rows)]
    return "\n".join(lines) + "\n"


def _object(receiver: Receiver, steps: list[Step], lost: list[str]) -> dict[str, Any]:
    return {
        "receiver": receiver.name,
        "kind": receiver.kind,
        "takes": receiver.takes,
        "to": places(receiver),
        "signatures": signatures(receiver),
        "ok": all(step.good for step in steps),
        "warnings": lost,
        "steps": [{"what": step.what, "ok": step.good, "said": step.said, "mend": step.mend, "took_ms": step.took_ms} for step in steps],
    }
