"""The policy that a command is asked about: of a file, of a data folder, or of a service on Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from service.cli.failures import USAGE, fail, read_policy
from service.policy import Policy

PolicyFile: TypeAlias = Annotated[Path | None, typer.Option(help="A policy's file.")]
DataFolder: TypeAlias = Annotated[Path | None, typer.Option(help="A service's data folder: the policy that was published last.")]
Brokers: TypeAlias = Annotated[str | None, typer.Option(help="The brokers of a service on Kafka: the policy that was published last.")]


def chosen(path: Path | None, data: Path | None, brokers: str | None) -> Policy:
    """The policy of the one that is given; ends where not exactly one is."""
    if [path, data, brokers].count(None) != 2:
        fail("give one of --policy FILE, --data DIR and --brokers HOST:PORT", USAGE)
    if path is not None:
        return read_policy(path)
    if brokers is not None:
        from service.cli.cluster import published as on_kafka  # noqa: PLC0415

        return on_kafka(brokers)
    from service.cli.folder import published  # noqa: PLC0415 -- only a data folder needs the logs

    assert data is not None
    return published(data)
