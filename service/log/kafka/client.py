"""What every client of the cluster is given: where it is, who we are, how long to wait; and how much aiokafka may say."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from service.settings import KafkaSettings

SAY_EVERY_S: Final = 10.0  # aiokafka repeats itself a thousand times a second while a broker is away
KINDS_MAX: Final = 1_000


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


class Rarely(logging.Filter):
    """Lets one warning of a kind through in SAY_EVERY_S, with how many were kept back; the last text of all is remembered in `said`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self.said = ""
        self._clock = clock
        self._kinds: dict[tuple[str, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Kinds are told apart by their template: there are about as many as aiokafka has calls of its loggers."""
        if record.levelno < logging.WARNING:
            return True
        self.said = record.getMessage()
        now_s, kind = self._clock(), (record.name, record.msg)
        shown_s, kept_back = self._kinds.get(kind, (now_s - SAY_EVERY_S, 0))
        if now_s - shown_s < SAY_EVERY_S:
            self._kinds[kind] = (shown_s, kept_back + 1)
            return False
        if len(self._kinds) >= KINDS_MAX:
            self._kinds.clear()
        self._kinds[kind] = (now_s, 0)
        if kept_back:
            record.msg, record.args = f"{self.said} (and {kept_back} more like this)", None
        return True


RARELY: Final = Rarely()


def quieten() -> None:
    """Puts RARELY in front of all of aiokafka's loggers; to be called once it is imported. Doing it again changes nothing."""
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "aiokafka"]:
        logging.getLogger(name).addFilter(RARELY)
