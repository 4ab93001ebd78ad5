"""Where the live service runs and where its secrets are: the one place that reads the environment.

Each setting is an option of the command line too, which wins; `SPENDWARDEN_LISTEN` and so on stand in for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRET_BYTES_MAX: Final = 64 * 1024
DEFAULT_LISTEN: Final = "127.0.0.1:8484"


class Settings(BaseSettings):
    """What a process of the live service is told from outside; nothing of it changes what is decided but `partitions`.

    `partitions` is fixed when a data directory or the topics are made.

    >>> Settings(listen="0.0.0.0:80").address
    ('0.0.0.0', 80)
    """

    model_config = SettingsConfigDict(env_prefix="SPENDWARDEN_", frozen=True, extra="ignore")

    policy: Path | None = None
    data: Path = Path("spendwarden-data")
    listen: str = DEFAULT_LISTEN
    public_url: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1024)] = 12
    insecure_loopback: bool = False
    brokers: str | None = None
    database: str | None = None
    id: str | None = None
    log_json: bool = False

    @field_validator("listen")
    @classmethod
    def _is_address(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be HOST:PORT such as 127.0.0.1:8484")
        return text

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def secret(reference: str) -> str | None:
    """What `env:NAME` or `file:PATH` names, without space around it; None where it names nothing or what cannot be read.

    >>> secret("env:SPENDWARDEN_NO_SUCH_NAME") is None, secret("file:/no/such/file") is None
    (True, True)
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        return os.environ.get(name, "").strip() or None
    if kind != "file":
        return None
    try:
        with Path(name).open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1)
        return text.decode().strip() or None if len(text) <= SECRET_BYTES_MAX else None
    except (OSError, ValueError):
        return None
