"""The Kubernetes courier: a deployment is scaled to zero and back through the API server, with a service account's token.

How many replicas there were is kept before they are taken away, with the scopes that hold the deployment; it comes back when the last
of them is resumed, and only if nobody has scaled it in between. An autoscaler rests while there are no replicas.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from pathlib import Path
from typing import Any, Final

from service.couriers.port import Delivered, GaveUp, Item, Memory, Outcome, Parts, Receiver, RetryLater, not_taken
from service.couriers.templates import ended, values_of
from service.couriers.wire import Answer, Wire
from service.facts import Order
from service.phrases import named
from service.policy.templates import filled, places
from service.settings import secret

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_CONFLICT: Final = 409


class KubernetesCourier:
    """Scales deployments. Raises ValueError when the address or the certificate of the cluster is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        options = receiver.options
        self._namespace, self._deployment, self._token = options.get("namespace", ""), options.get("deployment", ""), f"file:{options.get('token_file', '')}"
        self._wire = Wire(receiver.url, parts, verify=_authority(options.get("ca_file", "")))
        self._public_url, self._memory = parts.public_url, parts.memory(receiver.name)
        self._one_at_a_time = asyncio.Lock()  # two scopes may be the same deployment

    async def deliver(self, item: Item) -> Outcome:
        """Scales, and answers for it at once."""
        if not isinstance(item, Order):
            return not_taken(item, "orders")
        if item.action not in ("pause", "resume"):
            return Delivered("refused", f"a deployment can be paused and resumed, and there is nothing to {item.action}")
        values = values_of(item, self._public_url)
        namespace, deployment = filled(self._namespace, values), filled(self._deployment, values)
        if (unfit := _unfit(namespace=namespace, deployment=deployment)) is not None:
            return unfit
        async with self._one_at_a_time:
            place = _Place(self._wire, self._memory, self._token, namespace, deployment)
            return await (place.hold(item) if item.action == "pause" else place.let_go(item))

    async def let_go(self, order: Order) -> Outcome:
        """See Acts."""
        return await self.deliver(ended(order))

    async def probe(self) -> Outcome:
        """Asks the cluster whether this service account may scale deployments: there, or everywhere where each order has a namespace of its own."""
        fixed = {what: text for what, text in (("namespace", self._namespace), ("deployment", self._deployment)) if not places(text)}
        if (unfit := _unfit(**fixed)) is not None:
            return unfit
        wanted = {"group": "apps", "resource": "deployments", "subresource": "scale", "verb": "patch", "namespace": fixed.get("namespace", "")}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": wanted}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._wire.good(await _asked(self._wire, self._token, "POST", path, body, {"content-type": "application/json"}))
        if not isinstance(answer, Answer):
            return answer
        status, everywhere = answer.json().get("status"), "namespace" not in fixed
        if isinstance(status, dict) and status.get("allowed") is True:
            return Delivered(reason=f"the service account may scale deployments {'in every namespace' if everywhere else 'there'}; none was touched")
        if everywhere:
            return Delivered(reason=f"the cluster knows the service account; whether it may scale in {self._namespace} only an order can tell")
        return GaveUp("403: the service account may not patch deployments/scale there")

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()


class _Place:
    """One deployment, while an order about it is carried out."""

    def __init__(self, wire: Wire, memory: Memory, token: str, namespace: str, deployment: str) -> None:
        self._wire, self._memory, self._token = wire, memory, token
        self._path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}/scale"
        self._about, self._called = f"deployment\0{namespace}/{deployment}", f"{namespace}/{deployment}"

    async def hold(self, order: Order) -> Outcome:
        """Zero replicas; how many there were is kept first."""
        scale = await self._scale()
        if not isinstance(scale, tuple):
            return scale
        replicas, version = scale
        kept = await self._kept()
        was = kept["replicas"] if kept["holds"] else replicas
        await self._keep(was, {*kept["holds"], _holder(order)})
        if replicas == 0:
            return Delivered("accepted", f"{self._called} has no replicas already")
        return await self._set(0, version, order, f"{self._called} scaled from {replicas} to 0")

    async def let_go(self, order: Order) -> Outcome:
        """As many replicas as there were, unless another scope holds it or somebody has scaled it."""
        kept = await self._kept()
        if _holder(order) not in kept["holds"]:
            return Delivered("accepted", f"nothing of ours holds {self._called}")
        others = {*kept["holds"]} - {_holder(order)}
        if others:
            await self._keep(kept["replicas"], others)
            return Delivered("accepted", f"{self._called} is still held by another order")
        scale = await self._scale()
        if not isinstance(scale, tuple):
            return scale
        replicas, version = scale
        if replicas or not kept["replicas"]:
            outcome: Outcome = Delivered("accepted", f"{self._called} has {replicas} replicas and is left so")
        else:
            outcome = await self._set(kept["replicas"], version, order, f"{self._called} scaled back to {kept['replicas']}")
        if isinstance(outcome, Delivered):
            await self._keep(0, set())
        return outcome

    async def _kept(self) -> dict[str, Any]:
        return json.loads(await self._memory.kept(self._about) or b'{"replicas": 0, "holds": []}')  # type: ignore[no-any-return]

    async def _keep(self, replicas: int, holds: set[str]) -> None:
        await self._memory.keep(self._about, json.dumps({"replicas": replicas, "holds": sorted(holds)}).encode())

    async def _scale(self) -> tuple[int, str] | RetryLater | GaveUp:
        """How many replicas are wanted now, and the version that says so."""
        answer = self._wire.good(await _asked(self._wire, self._token, "GET", self._path))
        if not isinstance(answer, Answer):
            return answer
        told = answer.json()
        spec, metadata = told.get("spec"), told.get("metadata")
        if not isinstance(spec, dict) or not isinstance(metadata, dict) or told.get("kind") != "Scale":
            return RetryLater(None, "the cluster does not say how many replicas there are")
        replicas = spec.get("replicas", 0)  # the API leaves a zero out
        if not isinstance(replicas, int):
            return RetryLater(None, "the cluster's number of replicas is none")
        return replicas, str(metadata.get("resourceVersion", ""))

    async def _set(self, replicas: int, version: str, order: Order, words: str) -> Outcome:
        body = {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}} if version else {"spec": {"replicas": replicas}}
        headers = {"content-type": "application/merge-patch+json", "idempotency-key": order.id}
        answer = await _asked(self._wire, self._token, "PATCH", f"{self._path}?fieldManager=spendwarden", body, headers)
        if isinstance(answer, Answer) and answer.status == _CONFLICT:
            return RetryLater(None, f"somebody else is scaling {self._called} too")
        good = self._wire.good(answer)
        return Delivered("accepted", words) if isinstance(good, Answer) else good


async def _asked(
    wire: Wire, token_at: str, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Answer | RetryLater:
    """The token is read each time: the cluster replaces it every hour."""
    token = secret(token_at)
    if token is None:
        return RetryLater(None, f"no token is in {token_at.removeprefix('file:')}")
    wire.hide(token)
    content = json.dumps(body).encode() if body is not None else b""
    return await wire.ask(method, wire.below(path), content=content, headers={"authorization": f"Bearer {token}", **(headers or {})})


def _unfit(**names: str) -> Outcome | None:
    """The refusal of the first of these that no object of a cluster can be called."""
    for what, name in names.items():
        if not _NAME.fullmatch(name):
            return Delivered("refused", f"{named(name)} cannot be the name of a {what}; see `{what}` of this receiver")
    return None


def _holder(order: Order) -> str:
    return f"{order.tenant}\0{order.scope.kind}\0{order.scope.name}"


def _authority(path: str) -> ssl.SSLContext | bool:
    """The cluster's own authority where its file is there, else those the machine trusts."""
    if not path or not Path(path).is_file():
        return True
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as wrong:
        raise ValueError(f"its ca_file is no certificate ({type(wrong).__name__})") from None
