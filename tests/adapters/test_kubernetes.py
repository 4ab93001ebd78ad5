"""Kubernetes: a deployment goes to zero and comes back as it was, once nobody holds it, whatever is lost on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.couriers.port import Acts, Delivered, GaveUp, Probes, Receiver, RetryLater
from tests.adapters.world import Far, World, order

PATH = "/apis/apps/v1/namespaces/agents/deployments/"


@dataclass
class Cluster:
    """The API server, as far as we use it: scales with versions, a token that changes, and what a service account may."""

    token: str = "one"
    allowed: tuple[str, ...] = ("agents",)  # the namespaces in which the service account may scale; "" is every one
    replicas: dict[str, int] = field(default_factory=lambda: {"indexer": 3, "shared": 2})
    version: int = 1
    meddle: int | None = None  # somebody else scales directly before our patch

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer {self.token}":
            return httpx.Response(401, json={"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"})
        if request.url.path.endswith("selfsubjectaccessreviews"):
            wanted = json.loads(request.content)["spec"]["resourceAttributes"]
            assert wanted["subresource"] == "scale"
            return httpx.Response(201, json={"status": {"allowed": "" in self.allowed or wanted["namespace"] in self.allowed}})
        name = request.url.path.removeprefix(PATH).removesuffix("/scale")
        if name not in self.replicas:
            return httpx.Response(404, json={"kind": "Status", "reason": "NotFound", "message": f'deployments.apps "{name}" not found'})
        if request.method == "PATCH":
            return self._patch(name, json.loads(request.content), request.headers["content-type"])
        spec = {"replicas": self.replicas[name]} if self.replicas[name] else {}
        return httpx.Response(200, json={"kind": "Scale", "metadata": {"name": name, "resourceVersion": str(self.version)}, "spec": spec})

    def _patch(self, name: str, body: dict[str, Any], kind: str) -> httpx.Response:
        assert kind == "application/merge-patch+json"
        if self.meddle is not None:
            self.replicas[name], self.version, self.meddle = self.meddle, self.version + 1, None
        if body["metadata"]["resourceVersion"] != str(self.version):
            return httpx.Response(409, json={"kind": "Status", "reason": "Conflict"})
        self.replicas[name], self.version = body["spec"]["replicas"], self.version + 1
        return httpx.Response(200, json={"kind": "Scale"})


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def world(cluster: Cluster, tmp_path: Path) -> World:
    (tmp_path / "token").write_text("one\n")
    options = {"namespace": "agents", "deployment": "{name}", "token_file": str(tmp_path / "token"), "ca_file": str(tmp_path / "no-such-file")}
    return World(Receiver(name="cluster", kind="kubernetes", url="https://cluster.example", takes="orders", options=options), Far(cluster.answer))


async def test_a_pause_scales_to_zero_and_a_resume_back(world: World, cluster: Cluster) -> None:
    assert await world.deliver(order("pause")) == Delivered("accepted", "agents/indexer scaled from 3 to 0")
    assert await world.deliver(order("pause")) == Delivered("accepted", "agents/indexer has no replicas already")
    assert cluster.replicas["indexer"] == 0
    assert await world.deliver(order("resume")) == Delivered("accepted", "agents/indexer scaled back to 3")
    assert await world.deliver(order("resume")) == Delivered("accepted", "nothing of ours holds agents/indexer")
    assert cluster.replicas["indexer"] == 3


@pytest.mark.parametrize("lost", ["pause", "resume"])
async def test_an_answer_that_got_lost_changes_nothing_in_the_end(world: World, cluster: Cluster, lost: str) -> None:
    for action in ("pause", "resume"):
        if action == lost:
            world.far.deaf = True
            assert isinstance(await world.deliver(order(action)), RetryLater)
            world.far.deaf = False
        outcome = await world.deliver(order(action))
        assert isinstance(outcome, Delivered)
        assert outcome.state == "accepted"
        assert cluster.replicas["indexer"] == (0 if action == "pause" else 3)


async def test_a_pause_that_was_lost_and_overtaken_by_a_resume_is_undone(world: World, cluster: Cluster) -> None:
    world.far.deaf = True
    await world.deliver(order("pause"))
    world.far.deaf = False
    await world.deliver(order("resume"))
    assert cluster.replicas["indexer"] == 3


async def test_two_scopes_of_one_deployment_hold_it_together(world: World, cluster: Cluster) -> None:
    world.receiver = Receiver(
        name="cluster", kind="kubernetes", url="https://cluster.example", takes="orders", options={**world.receiver.options, "deployment": "shared"}
    )
    await world.deliver(order("pause", name="a"))
    await world.deliver(order("pause", name="b"))
    assert await world.deliver(order("resume", name="a")) == Delivered("accepted", "agents/shared is still held by another order")
    assert cluster.replicas["shared"] == 0
    await world.deliver(order("resume", name="b"))
    assert cluster.replicas["shared"] == 2


async def test_what_somebody_scaled_in_between_is_left_so(world: World, cluster: Cluster) -> None:
    await world.deliver(order("pause"))
    cluster.replicas["indexer"] = 1
    assert await world.deliver(order("resume")) == Delivered("accepted", "agents/indexer has 1 replicas and is left so")
    assert cluster.replicas["indexer"] == 1


async def test_who_scales_at_the_same_moment_is_not_overwritten(world: World, cluster: Cluster) -> None:
    cluster.meddle = 7
    assert await world.deliver(order("pause")) == RetryLater(None, "somebody else is scaling agents/indexer too")
    await world.deliver(order("pause"))
    assert cluster.replicas["indexer"] == 0


async def test_the_token_is_read_anew_each_time(world: World, cluster: Cluster, tmp_path: Path) -> None:
    courier = world.courier()
    assert await courier.deliver(order("pause")) == Delivered("accepted", "agents/indexer scaled from 3 to 0")
    cluster.token = "two"
    assert await courier.deliver(order("resume")) == GaveUp("401 Unauthorized: Unauthorized")
    (tmp_path / "token").write_text("two")
    assert await courier.deliver(order("resume")) == Delivered("accepted", "agents/indexer scaled back to 3")
    (tmp_path / "token").unlink()
    assert await courier.deliver(order("pause")) == RetryLater(None, f"no token is in {tmp_path / 'token'}")


async def test_what_cannot_be_done_is_refused_with_the_reason(world: World) -> None:
    assert await world.deliver(order("throttle")) == Delivered("refused", "a deployment can be paused and resumed, and there is nothing to throttle")
    odd = await world.deliver(order("pause", name="Loan Review/../x"))
    assert odd == Delivered("refused", "“Loan Review/../x” cannot be the name of a deployment; see `deployment` of this receiver")
    assert world.far.asked == []
    assert await world.deliver(order("pause", name="gone")) == GaveUp("404 Not Found: NotFound")


async def test_a_trial_asks_what_the_service_account_may(world: World, cluster: Cluster) -> None:
    courier = world.courier()
    assert isinstance(courier, Probes)
    assert await courier.probe() == Delivered(reason="the service account may scale deployments there; none was touched")
    cluster.allowed = ("others",)
    assert await courier.probe() == GaveUp("403: the service account may not patch deployments/scale there")
    assert cluster.replicas == {"indexer": 3, "shared": 2}


@pytest.mark.parametrize(
    ("namespace", "allowed", "said"),
    [
        ("team-{tenant}", "", "the service account may scale deployments in every namespace; none was touched"),
        ("team-{tenant}", "agents", "the cluster knows the service account; whether it may scale in team-{tenant} only an order can tell"),
        ("Team", "", "Team cannot be the name of a namespace; see `namespace` of this receiver"),
    ],
)
async def test_a_trial_of_a_namespace_that_is_each_order_s_own_says_what_it_could_try(
    world: World, cluster: Cluster, namespace: str, allowed: str, said: str
) -> None:
    cluster.allowed = (allowed,)
    world.receiver = replace(world.receiver, options={**world.receiver.options, "namespace": namespace})
    courier = world.courier()
    assert isinstance(courier, Probes)
    outcome = await courier.probe()
    assert isinstance(outcome, Delivered)
    assert outcome.reason == said


def test_a_certificate_that_is_none_is_said_to_be(world: World, tmp_path: Path) -> None:
    (tmp_path / "no-such-file").write_text("nonsense")
    with pytest.raises(ValueError, match="receiver cluster: its ca_file is no certificate"):
        world.courier()


async def test_a_pause_whose_answer_never_came_is_undone_when_it_is_over(world: World, cluster: Cluster) -> None:
    world.far.deaf = True
    await world.deliver(order("pause"))
    world.far.deaf = False
    courier = world.courier()
    assert isinstance(courier, Acts)
    assert await courier.let_go(order("pause")) == Delivered("accepted", "agents/indexer scaled back to 3")
    assert await courier.let_go(order("pause", name="other")) == Delivered("accepted", "nothing of ours holds agents/other")
