"""Whom an entry of the policy is about: scopes that limits are kept for, and matches that select.

A scope is `total`, or kinds with a name or `"*"` for every member. Of several kinds one is the *focus*, whose members get the
limit (the first starred one, else the first written); the others are conditions. A match is a list of conditions that must all
hold. Both are pure and look at one mapping of attributes: `agent`, `tenant`, `label.team`, ... to a text; empty means absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from service.facts import TOTAL, Scope
from service.policy.mistakes import meant
from service.policy.values import Name, some

ALL: Final = "*"
KINDS: Final = ("agent", "use_case", "business_unit", "workflow", "model", "provider", "user", "customer", "api_key", "execution")
SEVERITIES: Final = ("info", "warning", "critical")
LABEL: Final = "label."


class ScopePattern(NamedTuple):
    """`tenant` is empty where every tenant has a limit of its own.

    >>> each = ScopePattern((("agent", "*"), ("use_case", "kyc")))
    >>> each.member({"agent": "indexer", "use_case": "kyc"}), each.member({"agent": "indexer", "use_case": "aml"})
    (Scope(kind='agent', name='indexer'), None)
    """

    terms: tuple[tuple[str, str], ...] = ()
    tenant: str = ""

    @property
    def focus(self) -> tuple[str, str]:
        """The kind whose members get the limit, and their name or `*`."""
        return next((term for term in self.terms if term[1] == ALL), self.terms[0] if self.terms else TOTAL)

    @property
    def kind(self) -> str:
        """The focus' kind; `total` for the total."""
        return self.focus[0]

    @property
    def name(self) -> str:
        """The focus' name, or `*`."""
        return self.focus[1]

    def covers(self, attributes: Mapping[str, str]) -> bool:
        """Whether spend with these attributes counts."""
        if self.tenant and attributes.get("tenant") != self.tenant:
            return False
        for kind, name in self.terms:
            value = attributes.get(kind)
            if not value or (name not in (ALL, value)):
                return False
        return True

    def member(self, attributes: Mapping[str, str]) -> Scope | None:
        """Whose limit spend with these attributes counts against; None where it does not."""
        if not self.covers(attributes):
            return None
        kind = self.kind
        return Scope(kind, attributes[kind]) if self.terms else TOTAL

    def plain(self) -> str | dict[str, str]:
        """As it is written in a policy."""
        pairs = dict(self.terms) | ({"tenant": self.tenant} if self.tenant else {})
        return pairs or "total"

    def __str__(self) -> str:
        """As a person reads it.

        >>> str(ScopePattern()), str(ScopePattern((("agent", "*"),), "acme"))
        ('total', 'agent:* tenant:acme')
        """
        pairs = [*self.terms, *([("tenant", self.tenant)] if self.tenant else [])]
        return " ".join(f"{kind}:{name}" for kind, name in pairs) or "total"


class Match(NamedTuple):
    """Conditions by key, each with the texts that satisfy it; no condition matches everything."""

    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def plain(self) -> dict[str, str | list[str]]:
        """As it is written in a policy."""
        return {key: values[0] if len(values) == 1 else list(values) for key, values in self.conditions}


def matches(match: Match, attributes: Mapping[str, str]) -> bool:
    """Whether every condition holds; `*` asks only that there is something.

    >>> matches(Match((("agent", ("a", "b")), ("user", ("*",)))), {"agent": "b", "user": "u-1"})
    True
    >>> matches(Match((("agent", ("a", "b")),)), {"agent": "c"})
    False
    """
    for key, values in match.conditions:
        value = attributes.get(key)
        if not value or (value not in values and ALL not in values):
            return False
    return True


def _kind(word: str, known: tuple[str, ...]) -> str:
    if word in known or (word.startswith(LABEL) and len(word) > len(LABEL)):
        return word
    raise ValueError(f"must be one of {', '.join(known)} or label.NAME{meant(word, known)}")


def order_kind(word: str) -> str:
    """A kind of scope that an order can be about; raises ValueError with the kinds there are.

    >>> order_kind("label.team")
    'label.team'
    """
    return _kind(word, ("total", *KINDS))


def _scope_kind(word: str) -> str:
    return _kind(word, (*KINDS, "tenant"))


def _finding_key(word: str) -> str:
    return _kind(word, (*KINDS, "tenant", "severity", "kind"))


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


_Names = Annotated[tuple[Name, ...], BeforeValidator(_listed), AfterValidator(some)]
_Pairs = dict[Annotated[str, AfterValidator(_scope_kind)], Name]
_RecordPairs = dict[Annotated[str, AfterValidator(_scope_kind)], _Names]
_FindingPairs = dict[Annotated[str, AfterValidator(_finding_key)], _Names]
_NAMES: Final = {"anyOf": [{"type": ["string", "integer"]}, {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}]}


def _spread_scope(value: object) -> object:
    if isinstance(value, ScopePattern):
        value = value.plain()
    if value == "total":
        return {}
    if not isinstance(value, dict):
        raise ValueError('must be total, or a kind with a name such as {agent: indexer} or {agent: "*"}')  # noqa: TRY004
    if not value:
        raise ValueError("must name a kind; write total for everything")
    return value


def _to_scope(pairs: dict[str, str]) -> ScopePattern:
    tenant = pairs.get("tenant", ALL)
    return ScopePattern(tuple((kind, name) for kind, name in pairs.items() if kind != "tenant"), "" if tenant == ALL else tenant)


def _spread_match(value: object) -> object:
    return value.plain() if isinstance(value, Match) else value


def _to_match(pairs: dict[str, tuple[str, ...]]) -> Match:
    return Match(tuple(sorted(pairs.items())))


@dataclass(frozen=True)
class _Form:
    """How pydantic gets from what is written to one of the two types above, and back, with mistakes by key."""

    pairs: Any
    spread: Any
    build: Any
    keys: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.no_info_before_validator_function(self.spread, handler.generate_schema(self.pairs))
        return core_schema.no_info_after_validator_function(
            self.build, inner, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.plain())
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        value: dict[str, Any] = {"type": ["string", "integer"]} if self.build is _to_scope else _NAMES
        mapping = {
            "type": "object",
            "properties": dict.fromkeys(self.keys, value),
            "patternProperties": {r"^label\..+": value},
            "additionalProperties": False,
        }
        return {"anyOf": [{"const": "total"}, {**mapping, "minProperties": 1}]} if self.build is _to_scope else mapping


ScopeText: TypeAlias = Annotated[ScopePattern, _Form(_Pairs, _spread_scope, _to_scope, (*KINDS, "tenant"))]
RecordMatch: TypeAlias = Annotated[Match, _Form(_RecordPairs, _spread_match, _to_match, (*KINDS, "tenant"))]
FindingMatch: TypeAlias = Annotated[Match, _Form(_FindingPairs, _spread_match, _to_match, (*KINDS, "tenant", "severity", "kind"))]
