"""Bearer tokens: who may do what, for which tenant. Only a digest of a token is kept; the token itself is shown once.

A token is 256 bits of chance, so a plain SHA-256 of it can be looked up and cannot be turned back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from sqlalchemy import BigInteger, Column, Engine, MetaData, String, Table, create_engine, select
from sqlalchemy.exc import DBAPIError

from service.log.ports import LogError
from service.records import TEXT_MAX

Role: TypeAlias = Literal["ingest", "read", "operate", "receipt"]
Action: TypeAlias = Literal["ingest", "read", "paused", "operate", "receipt"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PREFIX: Final = "swt_"

# What a role may do. An orchestrator that restarts asks what is paused with the token it answers orders with.
MAY: Final[dict[Role, frozenset[Action]]] = {
    "ingest": frozenset({"ingest"}),
    "read": frozenset({"read", "paused"}),
    "operate": frozenset({"read", "paused", "operate"}),
    "receipt": frozenset({"receipt", "paused"}),
}

_meta: Final = MetaData()
_tokens: Final = Table(
    "tokens",
    _meta,
    Column("digest", String(64), primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("tenant", String(TEXT_MAX)),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)


class Grant(NamedTuple):
    """What a token allows: a role in one tenant, or in every tenant where `tenant` is None."""

    id: str
    role: Role
    tenant: str | None


class TokenRow(NamedTuple):
    """A token as it is listed."""

    id: str
    role: Role
    tenant: str | None
    created_ms: int
    revoked_ms: int | None


def _opened(url: str, tables: MetaData) -> Engine:
    engine = create_engine(url)
    tables.create_all(engine)
    return engine


class Tokens:
    """The tokens of one service; `url` as SQLAlchemy writes databases, e.g. `sqlite:///DIR/tokens.db`; `opened` knows how one is begun with."""

    def __init__(self, url: str, draw: Callable[[int], str] = secrets.token_hex, opened: Callable[[str, MetaData], Engine] = _opened) -> None:
        self._engine = opened(url, _meta)
        self._draw = draw

    def create(self, role: Role, tenant: str | None, now_ms: int) -> tuple[str, str]:
        """A new token: its id, and the text that is shown this once; raises ValueError for no role or an overlong tenant."""
        if role not in ROLES:
            raise ValueError(f"role is one of {', '.join(ROLES)}")
        if tenant is not None and not 0 < len(tenant) <= TEXT_MAX:
            raise ValueError(f"tenant has 1 to {TEXT_MAX} characters")
        id_, token = f"tok-{self._draw(5)}", PREFIX + self._draw(32)
        row = {"digest": _digest(token), "id": id_, "role": role, "tenant": tenant, "created_ms": now_ms}
        with self._engine.begin() as db:
            db.execute(_tokens.insert().values(row))
        return id_, token

    def all(self) -> list[TokenRow]:
        """Every token there ever was, oldest first."""
        asked = select(*_tokens.c["id", "role", "tenant", "created_ms", "revoked_ms"]).order_by(_tokens.c.created_ms, _tokens.c.id)
        with self._engine.connect() as db:
            return [TokenRow(*row) for row in db.execute(asked)]

    def revoke(self, id: str, now_ms: int) -> bool:  # noqa: A002 -- what the command line calls it
        """Whether a token of that id was in force; it no longer is, at the latest when the door's cache has forgotten it."""
        change = _tokens.update().where(_tokens.c.id == id, _tokens.c.revoked_ms.is_(None)).values(revoked_ms=now_ms)
        with self._engine.begin() as db:
            return db.execute(change).rowcount > 0

    def find(self, token: str) -> Grant | None:
        """What a token allows; None for one that never was or was revoked. Raises LogError when the database cannot be asked."""
        asked = select(*_tokens.c["id", "role", "tenant"]).where(_tokens.c.digest == _digest(token), _tokens.c.revoked_ms.is_(None))
        try:
            with self._engine.connect() as db:
                row = db.execute(asked).one_or_none()
        except DBAPIError as error:
            raise LogError(f"cannot look up a token: {error.orig}") from error
        return Grant(*row) if row else None

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
