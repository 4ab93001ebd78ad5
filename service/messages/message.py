"""A message before any medium: parts a person reads, in the order they are read, each already safe and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BASIS: Final = "Metered AI spend in USD, counted call by call from what callers report and from list prices; the provider's bill may differ."
_LABEL_WIDTH: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `lead` says what happens in a sentence or two, `done` what was or was not done about it; `causes` follow `why`; `people` is who did what.

    `sections` are lists under headings of their own: of a report, which is about no incident.
    """

    headline: str
    severity: str
    lead: str = ""
    done: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    why: str = ""
    causes: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    ids: tuple[tuple[str, str], ...] = ()
    basis: str = BASIS

    @property
    def head(self) -> str:
        """Its first line where nothing but text is shown: the severity as a word, and the headline."""
        return f"[{self.severity.upper()}] {self.headline}"

    @property
    def foot(self) -> tuple[str, ...]:
        """Its last lines: what its figures rest on, and what it goes by."""
        return tuple(part for part in (self.basis, ", ".join(f"{label} {value}" for label, value in self.ids)) if part)


def plain(message: Message) -> str:
    """The message as text without mark-up, also what a screen reader or a notification shows; ends with a newline.

    >>> print(plain(Message(headline="Agent indexer has stopped", severity="info", fields=(("Owner", "search"),), basis="USD")), end="")
    [INFO] Agent indexer has stopped
    <BLANKLINE>
    Owner:       search
    <BLANKLINE>
    USD
    """
    parts = [
        message.head,
        message.lead,
        _section("What was done:", message.done),
        "\n".join(f"{label + ':':<{_LABEL_WIDTH}} {value}" for label, value in message.fields),
        _section(f"{message.why}:", message.causes) if message.causes else message.why,
        _section("What people did:", message.people),
        *(_section(f"{head}:", lines) for head, lines in message.sections),
        "\n".join(f"{label}: {url}" for label, url in message.links),
        "\n".join(message.foot),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(head: str, lines: tuple[str, ...]) -> str:
    return "\n".join([head, *(f"  {text}" for text in lines)]) if lines else ""
