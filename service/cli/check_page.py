"""What a person sees of a policy that can be used: who is limited to what, who may be stopped, who is told, and what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.text import Text

from service.cli.tables import table
from service.money import spoken
from service.phrases import line, span
from service.policy import Cap, Mistake, Policy


def show(path: Path, policy: Policy, warnings: Sequence[Mistake]) -> None:
    """The whole page; empty sections are left out."""
    console = Console()
    console.print(f"[bold green]{escape(str(path))} can be used[/]  [dim]digest {policy.digest}, times in {policy.timezone}[/]")
    for part in _parts(policy):
        console.print(part, "", sep="\n")
    console.print(_pauses(policy))
    if warnings:
        console.print("", table(f"To look at ({len(warnings)})", ("where", "what"), warnings), sep="\n")


def _parts(policy: Policy) -> Iterator[RenderableType]:
    budgets = [(b.name, b.scope, b.period, spoken(b.limit_nanos), _percents(b.thresholds), _at(b.pause_at)) for b in policy.budgets]
    caps = [(cap.scope, _limits(cap), cap.action) for cap in policy.caps]
    quotas = [(quota.scope, quota.period, f"{quota.tokens:,}", quota.action) for quota in policy.quotas]
    rules = [("models of tier", rule.match.plain() or "everything", rule.allow, rule.action) for rule in policy.tiers]
    rules += [("batch interface", rule.match.plain() or "everything", ("must be used",), rule.action) for rule in policy.batch]
    receivers = [(receiver.name, receiver.kind, receiver.takes) for receiver in policy.receivers]
    if budgets:
        yield table("Budgets", ("name", "scope", "period", "limit", "told at", "pause at"), budgets, numbers=("limit",))
    yield table("Caps on one run", ("scope", "limits", "then"), caps or [("every run", "4 times what its workflow usually costs (built in)", "tell")])
    if quotas:
        yield table("Quotas", ("scope", "period", "tokens", "then"), quotas, numbers=("tokens",))
    if rules:
        yield table("Rules", ("about", "whose", "allowed", "then"), rules)
    yield table("Receivers", ("name", "kind", "takes"), receivers or [("console", "console", "notices")])
    rest = {"owners": policy.owners, "routes": policy.routes, "planned": policy.planned, "sources": policy.sources, "price overrides": policy.prices.overrides}
    rest |= {"named detectors": policy.detection.detectors}
    counted = ", ".join(f"{name} {len(entries)}" for name, entries in rest.items() if entries)
    if counted:
        yield Text(f"Beside these: {counted}.")


def _pauses(policy: Policy) -> str:
    pauses = policy.pauses
    allowed = ", ".join(str(pattern) for pattern in pauses.allow)
    sent = "sent" if pauses.mode == "enforce" else "decided and told, not sent"
    if not allowed:
        return "Pauses: nothing is stopped by itself (pauses.allow is empty)."
    kinds = ", ".join(kind.replace("_", " ") for kind in pauses.on)
    return escape(f"Pauses ({pauses.mode}): {sent}, for {allowed}; on {kinds}; from {spoken(pauses.min_loss_nanos)}, at most {pauses.per_hour} an hour.")


def _percents(lines: Sequence[float]) -> str:
    return ", ".join(f"{line(percentage)} %" for percentage in lines)


def _at(percentage: float | None) -> str:
    return "" if percentage is None else f"{line(percentage)} %"


def _limits(cap: Cap) -> str:
    expected = "what is usual" if cap.expected_nanos is None else spoken(cap.expected_nanos)
    said = (
        cap.factor is not None and f"{line(cap.factor)} times {expected}",
        cap.limit_nanos is not None and spoken(cap.limit_nanos),
        cap.calls is not None and f"{cap.calls:,} calls",
        cap.children is not None and f"{cap.children:,} children",
        cap.depth is not None and f"{cap.depth:,} levels",
        cap.duration_s is not None and span(cap.duration_s * 1000),
    )
    return ", ".join(text for text in said if text)
