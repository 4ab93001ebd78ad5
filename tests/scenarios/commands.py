"""The commands in process, as a person or a script meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from service.cli.app import app

Line = dict[str, Any]


def run(*words: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def page(done: Result) -> str:
    """What a person sees, whatever the width of the screen."""
    return " ".join(done.stdout.split())


def lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def transcript(data: Path) -> list[Line]:
    """All that was decided on a data folder."""
    return [json.loads(line) for line in lines(run("export", "--what", "transcript", "--data", str(data)))]


def incidents(data: Path) -> dict[str, Line]:
    """The last step of every incident, by its id."""
    return {line["id"]: line for line in transcript(data) if line["type"] == "incident"}
