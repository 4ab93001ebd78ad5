"""What aiokafka raises, as a LogError that says what was wanted, where, what came back and what helps."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka import errors

from service.log.kafka.client import RARELY
from service.log.ports import LogError
from service.settings import KafkaSettings

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
    (errors.KafkaTimeoutError, "no broker answered in time"),
    (errors.RequestTimedOutError, "no broker answered in time"),
    (errors.CorruptRecordException, "a row arrived damaged; look at the broker's disks"),
    (errors.OutOfOrderSequenceNumber, "the broker has lost rows of this producer; another one is begun"),
    (TimeoutError, "no broker answered in time"),
    (ssl.SSLError, "the certificates do not fit; look at SPENDWARDEN_KAFKA_CA_FILE, _CERT_FILE and _KEY_FILE"),
    (OSError, "a certificate cannot be read or the network fails"),
)


@contextmanager
def saying(what: str, settings: KafkaSettings) -> Iterator[None]:
    """Turns whatever a client raises inside into a LogError: `cannot WHAT at BROKERS: ...`."""
    try:
        yield
    except (errors.KafkaError, errors.ConsumerStoppedError, OSError) as broken:  # TimeoutError is an OSError
        advice = next((text for kind, text in _ADVICE if isinstance(broken, kind)), "")
        raise LogError("; ".join(filter(None, (f"cannot {what} at {settings.brokers}: {_told(broken)}", advice)))) from broken


def _told(broken: BaseException) -> str:
    """The error's name and text; where no connection came about, only the log knows why."""
    text = str(broken) or type(broken).__name__
    name = type(broken).__name__
    told = text if name in text else f"{name}: {text}"
    return f"{told} ({RARELY.said})" if isinstance(broken, errors.KafkaConnectionError) and RARELY.said else told
