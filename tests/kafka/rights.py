"""The rights of the runbook, given to users of a broker as its own lines say: what is not written there nobody may do."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from tests.bench.live import ROOT
from tests.kafka.broker import Broker

RUNBOOK: Final = ROOT / "deploy" / "runbook.md"
PREFIX: Final = "spendwarden."
ALLOW: Final = "allow "
ANY_HOST, ALLOWED = "*", 3  # Kafka's own numbers, also of what follows
RESOURCES: Final = {"topic": 2, "group": 3, "cluster": 4}
PATTERNS: Final = {"literal": 3, "prefixed": 4}
OPERATIONS: Final = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Delete": 6,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
    "IdempotentWrite": 12,
}


class Right(NamedTuple):
    """One operation of one user on one resource, or on all whose names begin so."""

    user: str
    resource: str
    name: str
    pattern: str
    operation: str


def written() -> list[Right]:
    """Those of the runbook's lines that begin with `allow`."""
    lines = RUNBOOK.read_text(encoding="utf-8").splitlines()
    return [right for line in lines if line.startswith(ALLOW) for right in _read(shlex.split(line, comments=True)[1:])]


async def give(broker: Broker, rights: list[Right], prefix: str) -> None:
    """By the open door, where everybody may do everything; `prefix` instead of the runbook's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address())
    await admin.start()
    try:
        for it in rights:
            name = it.name.replace(PREFIX, prefix)
            numbers = RESOURCES[it.resource], name, PATTERNS[it.pattern], f"User:{it.user}", ANY_HOST, OPERATIONS[it.operation], ALLOWED
            answer = await admin._send_to_controller(CreateAclsRequest(*numbers))
            assert [code for code, _ in answer.creation_responses] == [0], (it, answer)
    finally:
        await admin.close()


def _read(words: list[str]) -> Iterator[Right]:
    parser = argparse.ArgumentParser()
    parser.add_argument("user")
    parser.add_argument("--operation", action="append")
    parser.add_argument("--resource-pattern-type", default="literal")
    for resource in RESOURCES:
        parser.add_argument(f"--{resource}", action="append", default=[])
    said = parser.parse_args(words)
    for resource in RESOURCES:
        for name in getattr(said, resource):
            for operation in said.operation:
                yield Right(said.user, resource, name, said.resource_pattern_type, operation)
