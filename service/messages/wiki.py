"""A message in the wiki mark-up of Jira Data Center. Pure.

Law of this file: every text that is not ours passes `escaped`, and every line begins with our own words, so that no name can begin a
heading, a list, a macro, a link or a mention.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from service.messages.fitting import fitted
from service.messages.message import Message

WIKI_MAX: Final = 32_767
_MARKS: Final = re.compile(r"[!\[\]^~+?{}()*_|@]|(?<!\w)-|-(?!\w)")  # Jira's renderer lets a backslash escape these; inside a word a hyphen is one
_ENTITIES: Final = {"&": "&amp;", "\\": "&#92;"}  # two backslashes are a line break, so a backslash is written as its number
_COLOURS: Final = {"critical": "#de350b", "warning": "#ff991f"}


def wiki(message: Message) -> str:
    """The message as wiki text: what happens in a panel, then what was done, the figures as a table, the causes, where to look."""
    return "\n\n".join(fitted(_body(message), _foot(message), lambda parts: len("\n\n".join(parts)), WIKI_MAX, lambda text: f"_{text}_"))


def escaped(text: str) -> str:
    r"""Text that shows as it is, whatever mark-up it holds.

    >>> escaped("[~admin] {color:red}"), escaped(r"a\nb & c")
    ('\\[\\~admin\\] \\{color:red\\}', 'a&#92;nb &amp; c')
    """
    entities = "".join(_ENTITIES.get(char, char) for char in text)
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", entities)


def _body(message: Message) -> list[str]:
    table = "\n".join(f"||{escaped(label)}|{escaped(value) or ' '}|" for label, value in message.fields)
    links = " · ".join(f"[{escaped(label)}|{url}]" for label, url in message.links)
    why = _section(message.why, message.causes) if message.causes else f"h4. {escaped(message.why)}" if message.why else ""
    parts = [_panel(message), _section("What was done", message.done), table, why, _section("What people did", message.people), links]
    return [part for part in parts if part]


def _foot(message: Message) -> list[str]:
    ids = ", ".join(f"{label} {escaped(value)}" for label, value in message.ids)
    return [text for text in (f"_{escaped(message.basis)}_" if message.basis else "", ids) if text]


def _panel(message: Message) -> str:
    """Its colour is the severity's, which its first word says too."""
    head = f"*{message.severity.upper()}:* {escaped(message.headline)}"
    lines = [head, *([f"What is seen: {escaped(message.lead)}"] if message.lead else [])]
    return "\n".join(["{panel:borderColor=" + _COLOURS.get(message.severity, "#0052cc") + "}", *lines, "{panel}"])


def _section(head: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return "\n".join([f"h4. {escaped(head)}", *(f"* {escaped(' '.join(line.split()))}" for line in lines)])
