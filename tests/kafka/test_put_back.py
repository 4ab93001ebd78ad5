"""On Kafka a deployment comes back with the replicas it had, although the worker that took them away was killed before it heard that they were gone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from service.log.kafka import Cluster as KafkaCluster
from service.log.kafka.topics import IN
from tests.adapters.test_kubernetes import Cluster
from tests.adapters.world import served
from tests.kafka.broker import Broker
from tests.kafka.test_told import call, producing
from tests.kafka.test_worker import PARTITIONS, Workers, cluster, workers

__all__ = ["cluster", "workers"]

POLICY = """
caps: [{{scope: {{workflow: "*"}}, limit_usd: 2, action: pause}}]
pauses: {{mode: enforce, on: [], allow: [{{execution: "*"}}], min_loss_usd: 0, proof_s: 2, expires: 25s}}
receivers:
  - {{name: cluster, kind: kubernetes, url: "{url}", namespace: agents, deployment: "{{name}}", token_file: "{token}", scopes: [execution]}}
"""

pytestmark = pytest.mark.slow


async def test_a_worker_killed_while_it_scales_leaves_nothing_scaled(
    broker: Broker, cluster: KafkaCluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    far = Cluster(replicas={"run-7": 3})
    killed: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        response = far.answer(request)
        if request.method == "PATCH" and not killed:
            killed.append(first.name)
            first.kill()
        return response

    policy, token = tmp_path / "policy.yaml", tmp_path / "token"
    token.write_text(far.token)
    with served(answer) as url:
        policy.write_text(POLICY.format(url=url, token=token))
        async with producing(broker, prefix + IN) as producer:
            first = workers.begun("first", "--policy", str(policy))
            await workers.until(lambda: first.holds == set(range(PARTITIONS)))
            for number in range(3):
                await producer.send_and_wait(prefix + IN, call(number, "0.90"))
            await workers.until(lambda: killed)
            assert far.replicas == {"run-7": 0}
            workers.begun("second", "--policy", str(policy))
            await workers.until(lambda: far.replicas == {"run-7": 3})  # by itself, when the pause is over
