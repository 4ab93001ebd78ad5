"""How a command ends when something is wrong: one clear text on standard error, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import typer

from service.policy import Policy, PolicyError, load, secret_warnings

FAILED = 1
USAGE = 2


def fail(text: str, code: int = FAILED) -> NoReturn:
    """Says what is wrong and ends."""
    sys.stderr.write(f"spendwarden: {text}\n")
    raise typer.Exit(code)


def read_policy(path: Path | None) -> Policy:
    """The policy of a file, or the empty one; ends with every mistake by its path."""
    if path is None:
        return Policy()
    text = read_text(path)
    try:
        return usable(text)
    except PolicyError as wrong:
        fail(mistakes(path, (f"{m.path}: {m.problem}" if m.path else m.problem for m in wrong.mistakes)), USAGE)


def usable(text: str) -> Policy:
    """The policy of a text whose detectors can be used too; raises PolicyError with every mistake."""
    policy = load(text)
    if policy.detection.detectors:
        from service.warden.named import mistakes as unusable  # noqa: PLC0415 -- river takes seconds to import

        wrong = list(unusable(policy))
        if wrong:
            raise PolicyError(wrong)
    return policy


def read_text(path: Path) -> str:
    """What a person wrote; ends where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{path}: is not UTF-8 text", USAGE)
    except OSError as failed:
        fail(f"{path}: {failed.strerror or failed}", USAGE)


def warn_of_secrets(path: Path | None, policy: Policy) -> None:
    """Says which secrets are left out or point nowhere: no error to who only reads the policy."""
    if not policy.receivers:
        return
    from service.settings import secret  # noqa: PLC0415 -- the environment is only looked at where a secret is named

    found = secret_warnings(policy, secret)
    if found and path is not None:
        sys.stderr.write(f"{mistakes(path, map(str, found), 'warning')}\n")


def mistakes(path: Path, lines: Iterable[str], word: str = "mistake") -> str:
    """All mistakes (or warnings) of a policy, a line each."""
    told = list(lines)
    return "\n  ".join([f"{path}: {len(told)} {word}{'s' if len(told) != 1 else ''}", *told])
