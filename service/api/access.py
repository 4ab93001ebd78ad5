"""Who may come in: a bearer token of the right role, or, only if it was asked for by name, anybody on this very machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from service.api.problems import Problem
from service.api.tokens import MAY, Action, Grant, Tokens
from service.log.ports import LogError

CACHE_MS: Final = 5_000  # a revoked token works this long at most
CACHE_MAX: Final = 10_000
AWAY_MS: Final = 3_600_000  # so long whoever was known comes in while the tokens' database cannot be asked: records are taken without it
LOOPBACK: Final = Grant("loopback", "operate", None)
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_bearer: Final = HTTPBearer(auto_error=False, description="`spendwarden token create --role ingest|read|operate|receipt --tenant NAME`")


class Access:
    """Looks tokens up and remembers them for a few seconds; with `insecure_loopback` this machine needs none."""

    def __init__(self, tokens: Tokens | None, now_ms: Callable[[], int], *, insecure_loopback: bool = False) -> None:
        self._tokens, self._now_ms, self._insecure_loopback = tokens, now_ms, insecure_loopback
        self._known: dict[str, tuple[int, Grant | None]] = {}

    async def grant(self, request: Request, token: str | None, action: Action) -> Grant:
        """What the caller may do; raises a Problem where that is not `action`."""
        if self._insecure_loopback and token is None:
            return _loopback(request)
        if token is None:
            raise _unauthorized("There is no bearer token.", "Send `Authorization: Bearer TOKEN`.")
        grant = await self._find(token)
        if grant is None:
            raise _unauthorized("The token is unknown or was revoked.", "Make a new one with `spendwarden token create`.")
        if action not in MAY[grant.role]:
            roles = ", ".join(role for role, actions in MAY.items() if action in actions)
            raise Problem(403, "Forbidden", f"A token of role {grant.role} may not do this.", f"Use a token of role {roles}.")
        return grant

    async def _find(self, token: str) -> Grant | None:
        now_ms = self._now_ms()
        known = self._known.get(token)
        if known is not None and now_ms - known[0] < CACHE_MS:
            return known[1]
        try:
            grant = await run_in_threadpool(self._tokens.find, token) if self._tokens else None
        except LogError:
            if known is not None and known[1] is not None and now_ms - known[0] < AWAY_MS:
                return known[1]
            raise
        if len(self._known) >= CACHE_MAX:
            self._known.clear()
        self._known[token] = (now_ms, grant)
        return grant


def needs(action: Action) -> Callable[..., Awaitable[Grant]]:
    """The dependency of an endpoint that only callers who may do `action` reach."""

    async def grant(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Grant:
        access: Access = request.app.state.access
        return await access.grant(request, bearer.credentials if bearer else None, action)

    return grant


def tenant_of(grant: Grant, asked: str | None) -> str | None:
    """Whose books a caller looks into; raises a Problem where they are not theirs. None: those of all tenants."""
    if grant.tenant is None or asked in (None, "", grant.tenant):
        return grant.tenant or asked or None
    raise Problem(403, "Forbidden", "The token belongs to another tenant.", "Leave `tenant` out, or use a token of that tenant.", "tenant")


def _loopback(request: Request) -> Grant:
    """Anybody on this machine; a page in a browser that calls us by another name is not one of them."""
    host = request.headers.get("host", "").rsplit(":", 1)[0] if not request.headers.get("host", "").endswith("]") else "[::1]"
    if request.client is None or not _is_loopback(request.client.host) or host not in LOOPBACK_NAMES:
        raise _unauthorized("Without a token only this machine itself is served, as 127.0.0.1 or localhost.", "Send `Authorization: Bearer TOKEN`.")
    return LOOPBACK


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _unauthorized(detail: str, fix: str) -> Problem:
    return Problem(401, "Unauthorized", detail, fix, "Authorization", headers={"WWW-Authenticate": "Bearer"})
