"""What entries of a policy say of each other: names that clash, names that nobody has, dates that end before they begin.

Everything here reads the tree as it was written and skips what it does not understand, since other passes speak of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.facts import Kind
from service.intake import FORMATS
from service.policy.mistakes import Mistake, meant
from service.policy.scopes import ALL, SEVERITIES
from service.policy.times import instant_ms, zone
from service.records import DEFAULT_TENANT

TIERS: Final = ("small", "mid", "large", "embedding")
Tree = Mapping[str, Any]


def checked(tree: Tree) -> list[Mistake]:
    """Every mistake between entries."""
    return [
        *_twice(tree, "budgets"),
        *_twice(tree, "receivers"),
        *_twice(tree, "sources", "topic"),
        *_twice(tree, "rotas"),
        *_twice(tree, "detection.detectors"),
        *_unknown_rotas(tree),
        *_reports_nobody_reads(tree),
        *_reports_twice(tree),
        *_tenants_of_one_app(tree),
        *_unknown_receivers(tree),
        *_unknown_tiers(tree),
        *_unknown_findings(tree),
        *_unknown_formats(tree),
        *_two_periods(tree),
        *_spans(tree),
    ]


def _entries(tree: Tree, *keys: str) -> Iterator[tuple[str, Tree]]:
    """The mappings of a list in the tree, with their paths."""
    section: Any = tree
    for key in keys:
        section = section.get(key) if isinstance(section, dict) else None
    for index, entry in enumerate(section if isinstance(section, list) else []):
        if isinstance(entry, dict):
            yield f"{'.'.join(keys)}[{index}]", entry


def _names(value: Any) -> Iterator[tuple[int, str]]:
    """The names in a list, with their places."""
    for index, name in enumerate(value if isinstance(value, list) else []):
        if isinstance(name, str | int):
            yield index, str(name)


def _twice(tree: Tree, section: str, key: str = "name") -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for path, entry in _entries(tree, *section.split(".")):
        name = entry.get(key)
        if isinstance(name, str | int):
            if str(name) in first:
                yield Mistake(f"{path}.{key}", f"`{name}` is the {key} of {first[str(name)]} too")
            first.setdefault(str(name), path)


def _unknown_receivers(tree: Tree) -> Iterator[Mistake]:
    known = [str(entry.get("name")) for _, entry in _entries(tree, "receivers")]
    pauses = tree.get("pauses")
    lists = [(f"{path}.to", entry.get("to")) for path, entry in _entries(tree, "routes")]
    lists += [(f"{path}.escalate_to", entry.get("escalate_to")) for path, entry in _entries(tree, "owners")]
    lists += [(f"{path}.to", entry.get("to")) for path, entry in _entries(tree, "reports")]
    lists += [("pauses.second_route", pauses.get("second_route"))] if isinstance(pauses, dict) else []
    for path, names in lists:
        for index, name in _names(names):
            if name not in known:
                yield Mistake(f"{path}[{index}]", f"no receiver is called `{name}`{meant(name, known)}")


def _unknown_rotas(tree: Tree) -> Iterator[Mistake]:
    known = [str(entry.get("name")) for _, entry in _entries(tree, "rotas")]
    for path, entry in _entries(tree, "owners"):
        name = entry.get("rota")
        if isinstance(name, str | int) and str(name) not in known:
            yield Mistake(f"{path}.rota", f"no rota is called `{name}`{meant(str(name), known)}")


def _reports_nobody_reads(tree: Tree) -> Iterator[Mistake]:
    """An issue or a call at night is no place for yesterday's figures."""
    kinds = {str(entry.get("name")): entry.get("kind") for _, entry in _entries(tree, "receivers")}
    for path, entry in _entries(tree, "reports"):
        for index, name in _names(entry.get("to")):
            if kinds.get(name) in ("jira", "pagerduty"):
                yield Mistake(f"{path}.to[{index}]", f"`{name}` is of the kind {kinds[name]}, which tells no reports")


def _reports_twice(tree: Tree) -> Iterator[Mistake]:
    """The day before is the same at every hour, the week before on every day: who is told of it again reads nothing new."""
    first: dict[tuple[str, ...], str] = {}
    for path, entry in _entries(tree, "reports"):
        kind = str(entry.get("kind"))
        about = kind, str(entry.get("by", "agent")), str(entry.get("per") or {"showback": "owner"}.get(kind, "all"))
        for index, name in _names(entry.get("to")):
            here = f"{path}.to[{index}]"
            known = first.setdefault((*about, name), here)
            if known != here:
                yield Mistake(here, f"`{name}` gets the same {kind} by {known}; at another hour it would say nothing new")


def _tenants_of_one_app(tree: Tree) -> Iterator[Mistake]:
    """Slack says by whose secret it asks, not by which receiver: who asks for one tenant's spend is never told another's."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for path, entry in _entries(tree, "receivers"):
        for key in ("signing_secret", "app_token"):
            if entry.get("kind") == "slack" and (secret := entry.get(key)) is not None:
                tenant = str(entry.get("tenant") or DEFAULT_TENANT)
                known, its = first.setdefault((key, str(secret)), (path, tenant))
                if its != tenant:
                    yield Mistake(f"{path}.tenant", f"must be that of {known}, which has the same {key}: another tenant needs an app of its own")


def _unknown_tiers(tree: Tree) -> Iterator[Mistake]:
    own = [str(entry["tier"]) for _, entry in _entries(tree, "prices", "overrides") if entry.get("tier")]
    known = [*TIERS, *own]
    for path, entry in _entries(tree, "tiers"):
        for index, allowed in _names(entry.get("allow")):
            if allowed not in known:
                yield _no_tier(f"{path}.allow[{index}]", allowed, known)
    for section in ("caps", "quotas"):
        for path, entry in _entries(tree, section):
            name = entry.get("tier")
            if isinstance(name, str | int) and str(name) not in known:
                yield _no_tier(f"{path}.tier", str(name), known)


def _no_tier(path: str, name: str, known: list[str]) -> Mistake:
    return Mistake(path, f"no tier is called `{name}`{meant(name, known)}; tiers are {', '.join(dict.fromkeys(known))}")


def _unknown_findings(tree: Tree) -> Iterator[Mistake]:
    for path, entry in _entries(tree, "routes"):
        match = entry.get("match")
        for key, known in (("severity", SEVERITIES), ("kind", tuple(Kind))):
            wanted = match.get(key, []) if isinstance(match, dict) else []
            for word in wanted if isinstance(wanted, list) else [wanted]:
                if isinstance(word, str) and word not in known and word != ALL:
                    yield Mistake(f"{path}.match.{key}", f"must be one of {', '.join(known)}{meant(word, known)}")


def _unknown_formats(tree: Tree) -> Iterator[Mistake]:
    for path, entry in _entries(tree, "sources"):
        name = entry.get("format")
        if isinstance(name, str) and name not in FORMATS:
            yield Mistake(f"{path}.format", f"must be one of {', '.join(FORMATS)}{meant(name, FORMATS)}")


def _two_periods(tree: Tree) -> Iterator[Mistake]:
    for section in ("budgets", "quotas"):
        for path, entry in _entries(tree, section):
            if "rolling" in entry and "period" in entry:
                yield Mistake(f"{path}.rolling", "stands beside `period`; only one of them may")


def _spans(tree: Tree) -> Iterator[Mistake]:
    try:
        own = zone(tree.get("timezone", "UTC"))
    except (ValueError, TypeError):
        own = zone("UTC")
    for keys in (("planned",), ("currencies",), ("prices", "overrides")):
        for path, entry in _entries(tree, *keys):
            try:
                empty = entry.get("from") is not None and entry.get("to") is not None and instant_ms(entry["from"], own) >= instant_ms(entry["to"], own)
            except ValueError:
                continue
            if empty:
                yield Mistake(f"{path}.to", "must be later than `from`")
