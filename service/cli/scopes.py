"""A scope as it is written on a command line and in a query: `kind:name`, or `total`."""

from __future__ import annotations

from service.facts import TOTAL, Scope
from service.policy import KINDS
from service.policy.scopes import LABEL


def scope_from(text: str) -> Scope:
    """Raises ValueError with what must be written.

    >>> scope_from("agent:indexer"), scope_from("total")
    (Scope(kind='agent', name='indexer'), Scope(kind='total', name='total'))
    """
    if text == TOTAL.kind:
        return TOTAL
    kind, colon, name = text.partition(":")
    if not colon or not name:
        raise ValueError("must be kind:name such as agent:indexer, or total")
    if kind not in KINDS and not (kind.startswith(LABEL) and len(kind) > len(LABEL)):
        raise ValueError(f"kind must be one of {', '.join(KINDS)} or label.NAME")
    return Scope(kind, name)
