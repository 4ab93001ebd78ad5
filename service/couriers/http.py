"""The HTTP courier: an order becomes a request by templates, for whatever has an HTTP interface: GitHub, flags, a job queue's admin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from service.couriers.port import Delivered, Item, Outcome, Parts, Receiver, not_taken
from service.couriers.templates import UnfitError, ended, json_of, sent, url_of, values_of
from service.couriers.wire import Wire, address_shown
from service.facts import Order


class HttpCourier:
    """Sends what the templates say, each value escaped. Raises ValueError when the address is of no use."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name, self._options, self._url = receiver.name, receiver.options, receiver.url
        token = receiver.secrets.get("token", "")
        headers = {**receiver.options.get("headers", {}), **_carrying(token, receiver.options)}
        self._wire = Wire(receiver.url, parts, [token], headers={"content-type": "application/json", **{key.lower(): value for key, value in headers.items()}})
        self._public_url, self._memory = parts.public_url, parts.memory(receiver.name)

    async def deliver(self, item: Item) -> Outcome:
        """Sends once; a 2xx is `accepted` only where the policy says that it means so, or the answer does."""
        if not isinstance(item, Order):
            return not_taken(item, "orders")
        if item.action not in self._options.get("actions", ("pause", "resume")):
            return Delivered("refused", f"the policy does not say how to {item.action} here; see `actions` of this receiver")
        values = values_of(item, self._public_url)
        request: Mapping[str, Any] = self._options.get("requests", {}).get(item.action) or {}
        try:
            url = url_of(request.get("url") or self._url, values)
        except UnfitError as unfit:
            return Delivered("refused", str(unfit))
        template = request.get("body")
        body = json_of(self._options.get("body") if template is None else template, values)
        await self._memory.keep(sent(item), b"sent")
        content = json.dumps(body).encode() if body is not None else b""
        method = request.get("method") or self._options.get("method", "POST")
        outcome = self._wire.outcome(await self._wire.ask(method, url, content=content, headers={"idempotency-key": item.id}))
        return Delivered("accepted", outcome.reason) if outcome == Delivered() and self._options.get("done") else outcome

    async def let_go(self, order: Order) -> Outcome:
        """See Acts; what was never sent is not undone."""
        return await self.deliver(ended(order)) if await self._memory.kept(sent(order)) else Delivered()

    async def probe(self) -> Outcome:
        """Asks `check`, if the policy names it: a request by the templates would be taken for an order."""
        check = self._options.get("check")
        if not check:
            return Delivered(reason=f"nothing was sent to {address_shown(self._url)}; name an address to `check`, which is asked by GET")
        outcome = self._wire.outcome(await self._wire.ask("GET", check))
        return Delivered(reason=f"{address_shown(check)} answers; no order was sent") if isinstance(outcome, Delivered) else outcome

    async def close(self) -> None:
        """Closes the connections."""
        await self._wire.close()


def _carrying(token: str, options: Mapping[str, Any]) -> dict[str, str]:
    if not token:
        return {}
    return {options.get("auth_header", "Authorization"): f"{options.get('auth_scheme', 'Bearer')} {token}".strip()}
