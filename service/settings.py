"""Where the live service runs and where its secrets are: the one place that reads the environment.

Each setting is an option of the command line too, which wins; `SPENDWARDEN_LISTEN` and so on stand in for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
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


class KafkaSettings(BaseSettings):
    """Where the Kafka cluster is and how it lets us in: `SPENDWARDEN_BROKERS`, `SPENDWARDEN_KAFKA_SECURITY_PROTOCOL` and so on.

    The names are those of every Kafka client; files are in PEM. Every process of one service has the same `topic_prefix`.

    >>> KafkaSettings(brokers="a:9092", security_protocol="SASL_SSL", username="sw", password="hush").sasl_mechanism
    'SCRAM-SHA-512'
    """

    model_config = SettingsConfigDict(env_prefix="SPENDWARDEN_KAFKA_", frozen=True, extra="ignore", populate_by_name=True)

    brokers: Annotated[str, Field(validation_alias=AliasChoices("brokers", "SPENDWARDEN_BROKERS"))] = "127.0.0.1:9092"
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,100}$")] = "spendwarden."
    request_timeout_ms: Annotated[int, Field(ge=100, le=600_000)] = 30_000
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr = SecretStr("")

    @field_validator("brokers")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        for each in text.split(","):
            host, _, port = each.strip().rpartition(":")
            if not host or not port.isdigit() or int(port) > 65535:
                raise ValueError("must be HOST:PORT, or several of them with commas between")
        return ",".join(each.strip() for each in text.split(","))

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.username and self.password.get_secret_value()):
            raise ValueError(f"{self.security_protocol} needs SPENDWARDEN_KAFKA_USERNAME and SPENDWARDEN_KAFKA_PASSWORD")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("SPENDWARDEN_KAFKA_KEY_FILE needs SPENDWARDEN_KAFKA_CERT_FILE")
        return self


def told(wrong: ValidationError, prefix: str = "", **named: str) -> str:
    """Every mistake in one line, each by the option in `named` or its variable; never a value, which may be a secret.

    >>> try: KafkaSettings(brokers="a", request_timeout_ms=5)
    ... except ValidationError as wrong: print(told(wrong, "KAFKA_", brokers="--brokers a"))
    --brokers a: must be HOST:PORT, or several of them with commas between; SPENDWARDEN_KAFKA_REQUEST_TIMEOUT_MS: must be greater than or equal to 100
    """
    return "; ".join(_told(str(mistake["loc"][0]) if mistake["loc"] else "", mistake["msg"], prefix, named) for mistake in wrong.errors(include_url=False))


def _told(name: str, text: str, prefix: str, named: Mapping[str, str]) -> str:
    said = text.removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return f"{named.get(name, f'SPENDWARDEN_{prefix}{name.upper()}')}: {said}" if name else said


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


def allowed_commands() -> frozenset[str]:
    """The programs that a policy may have run on this machine: the paths in `SPENDWARDEN_COMMANDS`, none by default."""
    return frozenset(filter(None, os.environ.get("SPENDWARDEN_COMMANDS", "").split(os.pathsep)))


def variables(names: Iterable[str]) -> dict[str, str]:
    """What a program that we run sees of our environment: these variables, as far as they are set, and a plain path and language."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **{name: os.environ[name] for name in names if name in os.environ}}
