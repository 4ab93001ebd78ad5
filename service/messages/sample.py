"""What `spendwarden notify test` tells: a notice that says of itself that it is a test, and the one that takes it back."""

from __future__ import annotations

from msgspec.structs import replace

from service.facts import Incident, Kind, Notice, Scope, ident
from service.phrases import named
from service.records import DEFAULT_TENANT


def sample_notices(receiver: str, now_ms: int) -> tuple[Notice, Notice]:
    """Told and resolved, about an incident that there never was; each try is an incident of its own.

    >>> told, over = sample_notices("spend", 0)
    >>> told.title, over.title, told.incident == over.incident
    ('Test of receiver spend: nothing has happened', 'Test of receiver spend: it is over', True)
    """
    incident = Incident(
        time_ms=now_ms,
        action="opened",
        id=ident("test", receiver, now_ms),
        tenant=DEFAULT_TENANT,
        scope=Scope("agent", "spendwarden-test"),
        kinds=[Kind.SPEND_ANOMALY],
        severity="info",
        state="open",
        opened_ms=now_ms,
        revision=1,
        spend_nanos=0,
        excess_nanos=0,
        limit_nanos=None,
        cause=None,
        evidence=[],
        reason="opened",
        detail="A test, sent by hand with `spendwarden notify test`: nothing has happened, no money was spent, and nobody has to act",
    )
    over = replace(incident, action="resolved", state="resolved", revision=2, reason="resolved", detail="The test is over; whatever it opened may be closed")
    return _notice(incident, receiver, "nothing has happened"), _notice(over, receiver, "it is over")


def _notice(about: Incident, receiver: str, words: str) -> Notice:
    return Notice(
        time_ms=about.time_ms,
        id=ident("ntc", about.id, about.revision),
        tenant=about.tenant,
        incident=about.id,
        receiver=receiver,
        reason=about.reason,
        title=f"Test of receiver {named(receiver)}: {words}",
        about=about,
    )
