"""What aiokafka raises, as a LogError that says what was wanted, where, what came back and what helps."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka import errors

from service.log.kafka.client import RARELY, Said
from service.log.ports import LogError
from service.settings import KafkaSettings

LATE: Final = "no broker answered in time"
ALL: Final = "aiokafka"
APPENDING: Final = "aiokafka.producer"
_WAITED: Final = (errors.KafkaTimeoutError, errors.RequestTimedOutError, TimeoutError)  # what for, only the client's log knows
_ADVICE: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (errors.UnknownTopicOrPartitionError, "the topic or the partition is not there; `spendwarden topics` makes them"),
    (errors.MessageSizeTooLargeError, "a row is larger than the topic's max.message.bytes; `spendwarden topics` sets it"),
    (errors.RecordListTooLargeError, "the rows are larger than the topic's max.message.bytes; `spendwarden topics` sets it"),
    (errors.NotEnoughReplicasError, "fewer replicas are in sync than min.insync.replicas asks for: bring the other brokers back"),
    (errors.NotEnoughReplicasAfterAppendError, "fewer replicas are in sync than min.insync.replicas asks for: bring the other brokers back"),
    (errors.TopicAuthorizationFailedError, "the user may not do this here: give it the right on topics of this prefix"),
    (errors.GroupAuthorizationFailedError, "the user may not read as this group: give it the right on groups of this prefix"),
    (errors.ClusterAuthorizationFailedError, "the user may not do this here: it needs IdempotentWrite, and for `topics` Create and AlterConfigs"),
    (errors.PolicyViolationError, "the cluster's policy forbids it"),
    (errors.LeaderNotAvailableError, "no broker leads that partition now"),
    (errors.NotLeaderForPartitionError, "no broker leads that partition now"),
    (errors.KafkaConnectionError, "no broker answers, or none lets us in"),
    (errors.NodeNotReadyError, "a broker is away, and nobody has taken its place yet"),
    (errors.KafkaTimeoutError, LATE),
    (errors.RequestTimedOutError, LATE),
    (errors.CorruptRecordException, "a row arrived damaged; look at the broker's disks"),
    (errors.OutOfOrderSequenceNumber, "the broker has lost rows of this producer; another one is begun"),
    (TimeoutError, LATE),
    (ssl.SSLError, "the certificates do not fit; look at SPENDWARDEN_KAFKA_CA_FILE, _CERT_FILE and _KEY_FILE"),
    (OSError, "a certificate cannot be read or the network fails"),
)


@contextmanager
def saying(what: str, settings: KafkaSettings, loggers: str = ALL) -> Iterator[None]:
    """Turns whatever a client raises inside into a LogError: `cannot WHAT at BROKERS: ...`. `loggers`: whose warnings may be the reason."""
    began_s = RARELY.clock()
    try:
        yield
    except (errors.KafkaError, errors.ConsumerStoppedError, OSError) as broken:  # TimeoutError is an OSError
        raise LogError(f"cannot {what} at {settings.brokers}: {_told(broken, RARELY.since(began_s, loggers))}") from broken


def _told(broken: BaseException, said: Said | None) -> str:
    """The error's name and text, and what helps. Why no connection came about, or what was tried until the time was up, only the client's log knows."""
    text, name = str(broken) or type(broken).__name__, type(broken).__name__
    told = text if name in text else f"{name}: {text}"
    if said is not None and isinstance(broken, errors.KafkaConnectionError):
        return f"{told} ({said.text}); {_advice(type(broken))}"
    if said is not None and said.error is not None and isinstance(broken, _WAITED) and _advice(said.error):
        return f"{told}, after {said.error.__name__}; {_advice(said.error)}"
    return "; ".join(filter(None, (told, _advice(type(broken)))))


def _advice(kind: type[BaseException]) -> str:
    return next((text for known, text in _ADVICE if issubclass(kind, known)), "")
