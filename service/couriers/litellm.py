"""The LiteLLM courier: a key of the proxy is blocked, limited, and put back as it was.

What the key was like is asked before it is first touched and kept in memory until it is put back, so that a resume undoes exactly what
orders did: a key that a person had blocked before stays blocked.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from service.couriers.port import Delivered, GaveUp, Item, Outcome, Parts, Receiver, RetryLater, not_taken
from service.couriers.templates import ended
from service.couriers.wire import Answer, Wire
from service.facts import Order

_LIMITS: Final = ("rpm_limit", "tpm_limit", "max_budget")
_DOES: Final = {"pause": frozenset({"block"}), "throttle": frozenset({"limit"}), "resume": frozenset[str]()}


class LiteLLMCourier:
    """Acts on keys by their hash, as the proxy's own log names them. Raises ValueError when the address or the token is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        token = receiver.secrets.get("token", "")
        if not token:
            raise ValueError("needs the proxy's master key, or the key of an admin, as its token")
        self._wire = Wire(receiver.url, parts, [token], headers={"authorization": f"Bearer {token}", "content-type": "application/json"})
        self._limits = _limits(receiver.options.get("throttle") or {})
        self._memory = parts.memory(receiver.name)

    async def deliver(self, item: Item) -> Outcome:
        """Acts, and answers for it at once."""
        if not isinstance(item, Order):
            return not_taken(item, "orders")
        if item.scope.kind != "api_key":
            return Delivered("refused", f"LiteLLM knows keys, and no {item.scope.kind}; give this receiver `scopes: [api_key]`")
        if item.action not in _DOES or (item.action == "throttle" and not self._limits):
            return Delivered("refused", f"the policy does not say how to {item.action} a key; give this receiver `throttle: {{rpm_limit: ...}}`")
        return await self._carry_out(item)

    async def let_go(self, order: Order) -> Outcome:
        """See Acts."""
        return await self.deliver(ended(order))

    async def probe(self) -> Outcome:
        """Asks for a page of keys, which only an admin may see."""
        answer = await self._ask("GET", "/key/list?size=1")
        return Delivered(reason="the proxy lets us see its keys; none was touched") if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()

    async def _carry_out(self, order: Order) -> Outcome:
        key, about, does = order.scope.name, f"key\0{order.scope.name}", _DOES[order.action]
        kept = json.loads(await self._memory.kept(about) or b"{}")
        if not kept and not does:
            return Delivered("accepted", "nothing of ours holds this key")
        if not kept:
            was = await self._was(key)
            if not isinstance(was, dict):
                return was
            kept = {"was": was, "did": []}
        did = set(kept["did"])
        await self._memory.keep(about, json.dumps({"was": kept["was"], "did": sorted(did | does)}).encode())
        for path, body in _steps(key, kept["was"], did, does, self._limits):
            answer = await self._ask("POST", path, body, order.id)
            if not isinstance(answer, Answer):
                return answer
        await self._memory.keep(about, json.dumps({"was": kept["was"], "did": sorted(does)} if does else {}).encode())
        return Delivered("accepted")

    async def _was(self, key: str) -> dict[str, Any] | RetryLater | GaveUp:
        """What the key is like before we touch it."""
        answer = await self._ask("GET", f"/key/info?{urlencode({'key': key})}")
        if not isinstance(answer, Answer):
            return answer
        info = answer.json().get("info")
        if not isinstance(info, dict):
            return RetryLater(None, "the proxy does not say what the key is like")
        return {"blocked": info.get("blocked") is True, **{name: info.get(name) for name in _LIMITS}}

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, order: str = "") -> Answer | RetryLater | GaveUp:
        content = json.dumps(body).encode() if body is not None else b""
        headers = {"litellm-changed-by": "spendwarden", "idempotency-key": order} if order else {}
        return self._wire.good(await self._wire.ask(method, self._wire.below(path), content=content, headers=headers))


def _steps(key: str, was: dict[str, Any], did: set[str], does: frozenset[str], limits: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """First what was done and does not hold any more is undone, then what holds is done, again where it was."""
    steps: list[tuple[str, dict[str, Any]]] = []
    if "limit" in did - does:
        steps.append(("/key/update", {"key": key, **{name: was[name] for name in limits}}))
    if "block" in did - does and not was["blocked"]:
        steps.append(("/key/unblock", {"key": key}))
    if "limit" in does:
        steps.append(("/key/update", {"key": key, **limits}))
    if "block" in does:
        steps.append(("/key/block", {"key": key}))
    return steps


def _limits(written: dict[str, Any]) -> dict[str, Any]:
    """The policy's limits by LiteLLM's names; its budget is a number of dollars."""
    named = {"rpm_limit": written.get("rpm_limit"), "tpm_limit": written.get("tpm_limit")}
    budget = written.get("max_budget_usd")
    return {name: value for name, value in {**named, "max_budget": None if budget is None else float(budget)}.items() if value is not None}
