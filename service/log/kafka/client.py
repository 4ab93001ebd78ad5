"""What every client of the cluster is given: where it is, who we are, how long to wait; and how much aiokafka may say."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError

from service.settings import KafkaSettings

SAY_EVERY_S: Final = 10.0  # aiokafka repeats itself a thousand times a second while a broker is away
KINDS_MAX: Final = 1_000
ANOTHER_S: Final = 0.1


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments that producer, consumer and admin client share; raises OSError where a certificate cannot be read.

    >>> options = client_options(KafkaSettings(brokers="a:9092,b:9092"))
    >>> options["bootstrap_servers"], options["security_protocol"], options["ssl_context"]
    (['a:9092', 'b:9092'], 'PLAINTEXT', None)
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.brokers.split(","),
        "client_id": "spendwarden",
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings) if settings.security_protocol.endswith("SSL") else None,
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password.get_secret_value(),
        }
    return options


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    """The system's authorities or the one that is named; with a certificate of our own the broker can know us by it (mTLS)."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file, settings.key_password.get_secret_value() or None)
    return context


class Admin(AIOKafkaAdminClient):  # type: ignore[misc]  # aiokafka brings no types
    """Asks another broker where the one that it drew is gone: its list of them may be older than that. Whoever waits for it sets the bound."""

    async def _send_request(self, request: Any, node_id: int | None = None) -> Any:
        while True:
            try:
                return await super()._send_request(request, node_id)
            except (NodeNotReadyError, KafkaConnectionError):
                if node_id is not None:
                    raise
                await asyncio.sleep(ANOTHER_S)


class Said(NamedTuple):
    """A warning of aiokafka's: when, what, and the error of Kafka's that it was about."""

    at_s: float
    text: str
    error: type[BaseException] | None


class Rarely(logging.Filter):
    """Lets one warning of a kind through in SAY_EVERY_S, with how many were kept back; the last one of each logger is remembered."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._said: dict[str, Said] = {}
        self._kinds: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Kinds are told apart by their template: there are about as many as aiokafka has calls of its loggers."""
        if record.levelno < logging.WARNING:
            return True
        now_s, kind = self.clock(), (record.name, record.msg)
        said = self._said[record.name] = Said(now_s, record.getMessage(), _error(record))
        shown_s, kept_back = self._kinds.get(kind, (now_s - SAY_EVERY_S, 0))
        if now_s - shown_s < SAY_EVERY_S:
            self._kinds[kind] = (shown_s, kept_back + 1)
            return False
        if len(self._kinds) >= KINDS_MAX:
            self._kinds.clear()
        self._kinds[kind] = (now_s, 0)
        if kept_back:
            record.msg, record.args = f"{said.text} (and {kept_back} more like this)", None
        return True

    def since(self, began_s: float, loggers: str) -> Said | None:
        """The last warning of these loggers, unless it is older."""
        said = [said for name, said in self._said.items() if name.startswith(loggers) and said.at_s >= began_s]
        return max(said, key=lambda said: said.at_s, default=None)


def _error(record: logging.LogRecord) -> type[BaseException] | None:
    """Aiokafka gives its logger an error, or only its class."""
    args = record.args if isinstance(record.args, tuple) else ()
    kinds = [arg if isinstance(arg, type) else type(arg) for arg in args]
    return next((kind for kind in kinds if issubclass(kind, KafkaError)), None)


RARELY: Final = Rarely()


def quieten() -> None:
    """Puts RARELY in front of all of aiokafka's loggers; to be called once it is imported. Doing it again changes nothing."""
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "aiokafka"]:
        logging.getLogger(name).addFilter(RARELY)
