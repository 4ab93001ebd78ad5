"""On Kafka a pause that is refused takes its second way: a deployment, which comes back although the worker that took its replicas was killed meanwhile."""

from __future__ import annotations

import json
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
pauses: {{mode: enforce, on: [], allow: [{{execution: "*"}}], min_loss_usd: 0, proof_s: 2, expires: 15s, second_route: [cluster]}}
receivers:
  - {{name: orchestrator, kind: webhook, url: "{url}/hook", secret: "env:BENCH_SECRET", takes: orders}}
  - {{name: cluster, kind: kubernetes, url: "{url}", namespace: agents, deployment: "{{name}}", token_file: "{token}", scopes: [execution]}}
"""

pytestmark = pytest.mark.slow


async def test_a_worker_killed_while_it_scales_leaves_nothing_scaled(
    broker: Broker, cluster: KafkaCluster, workers: Workers, prefix: str, tmp_path: Path
) -> None:
    far = Cluster(replicas={"run-7": 3})
    asked, killed = list[str](), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/hook":
            asked.append(json.loads(request.content)["subject"])
            return httpx.Response(200, json={"state": "refused", "reason": "it is none of mine"})
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
            assert (asked, far.replicas) == (["execution/run-7"], {"run-7": 0}), "who refused was asked first"
            workers.begun("second", "--policy", str(policy))
            await workers.until(lambda: far.replicas == {"run-7": 3})  # by itself, when the pause is over
