"""A cluster of one's own on the shared broker: topics under a prefix that no other test has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from service.log.kafka import Cluster
from service.settings import KafkaSettings
from tests.kafka.broker import Addressed


@pytest.fixture
def prefix() -> str:
    return f"{uuid4()}."


@pytest.fixture
def connect(prefix: str) -> Iterator[Callable[..., Cluster]]:
    """Connects to a broker with further settings, as one process does; closed behind the test."""
    with ExitStack() as opened:

        def connected(broker: Addressed, **settings: Any) -> Cluster:
            cluster = Cluster(KafkaSettings(**{"brokers": broker.address(), "topic_prefix": prefix, "request_timeout_ms": 10_000, **settings}))
            opened.callback(cluster.close)
            return cluster

        yield connected
