"""`spendwarden`: every command by name, with help that teaches."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from service.shells.collector import seldom

# command -> (module, line of help); a command's module is imported when it is asked for, so `replay` starts in under a second
COMMANDS: Final = {
    "run": ("service.cli.run", "Start the service: HTTP door, detection, alerts and orders, in one process on SQLite."),
    "worker": ("service.cli.worker", "Start a worker on Kafka: as many as wanted share the work, and take over from those that die."),
    "serve": ("service.cli.serve", "Start the door and the books on Kafka; workers decide and deliver."),
    "replay": ("service.cli.replay", "Read files of records as the stream and print what the service would have decided."),
    "demo": ("service.cli.demo", "Forty agents, one runs away: see the alert, its cause, the pause and the proof, in a minute."),
    "feed": ("service.cli.feed", "The demo's traffic, sent to a service that runs elsewhere."),
    "check": ("service.cli.check", "Check a policy: every mistake in one go, by its path."),
    "explain": ("service.cli.explain", "The numbers behind an incident, recomputable."),
    "report": ("service.cli.report", "A daily digest or a weekly showback, as it was told."),
    "plot": ("service.cli.plot", "A picture of a scope's spend: its usual range, alerts, pauses, and why it cost more."),
    "effective": ("service.cli.effective", "Every budget, cap, quota, owner and route that applies to a scope, and why."),
    "policy": ("service.cli.policy", "Put another policy in force: `spendwarden policy apply FILE`."),
    "notify": ("service.cli.notify", "Try a receiver: `spendwarden notify test RECEIVER` sends a real sample and says what happened."),
    "schema": ("service.cli.schema", "Print the JSON Schema of records or of the policy."),
    "token": ("service.cli.token", "Create, list and revoke bearer tokens."),
    "ledger": ("service.cli.ledger", "Build the books anew from the logs: `spendwarden ledger rebuild`."),
    "topics": ("service.cli.topics", "Make the topics of the service in a Kafka cluster."),
    "audit": ("service.cli.audit", "Who asked, approved, ordered and stopped what: `spendwarden audit verify`."),
    "export": ("service.cli.export", "Write a log, or the transcript of a live service, to a file or standard output."),
}
EPILOG: Final = "Try: `spendwarden demo`, then `spendwarden replay FILE --policy POLICY`. Exit codes: 0 fine, 1 failed, 2 wrong usage or policy."


class Lazy(TyperGroup):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 -- click's signature
        """The command itself, or for the overview only its name and help."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = typer.main.get_command(import_module(module).app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- click's signature
        """The overview needs no command's module."""
        formatter.write_usage("spendwarden", "COMMAND [ARGS]...")
        formatter.write_paragraph()
        formatter.write_text("Watches what AI agents spend, call by call, and stops the runaway ones.")
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        with formatter.section("Every command"):
            formatter.write_text("spendwarden COMMAND --help teaches it, with examples.")
        formatter.write_paragraph()
        formatter.write_text(EPILOG.replace("`", ""))


app = typer.Typer(cls=Lazy, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def root() -> None:
    """Watches what AI agents spend, call by call, and stops the runaway ones."""


def main() -> None:
    """The entry point of the package."""
    seldom()
    run: Callable[[], Any] = app
    run()
