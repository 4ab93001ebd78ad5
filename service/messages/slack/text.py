"""Text as Slack reads it: escaped, so that no name can mention anybody, cut to a limit that is said to be reached, and set in blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from service.phrases import named

SLACK: Final = "slack:"  # before a Slack user's id, where a person is named in the journal
SECTION_MAX: Final = 2_800  # Slack's is 3,000
FIELD_MAX: Final = 1_900  # Slack's is 2,000
HEADER_MAX: Final = 145  # Slack's is 150
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS: Final = frozenset("*_~`")
_WHOLE: Final = re.compile(r"<(?:@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!here|!channel|!everyone)>")
_USER: Final = re.compile(r"@?([UW][A-Z0-9]{6,})")
_GROUP: Final = re.compile(r"@?(S[A-Z0-9]{6,})")
_ALL: Final = re.compile(r"@?(here|channel|everyone)")


def escaped(text: str) -> str:
    """The text with the three characters that mean something to Slack written as entities.

    >>> escaped("a<!channel> & b")
    'a&lt;!channel&gt; &amp; b'
    """
    return "".join(_ENTITIES.get(char, char) for char in text)


def fitted(text: str, limit: int) -> str:
    """The text escaped, no longer than `limit`; what is cut is said to be, and no entity is cut in two.

    >>> fitted("a & b", 20), fitted("<" * 100, 45)
    ('a &amp; b', '&lt;&lt;&lt;&lt;&lt;… (95 more characters)')
    """
    whole = escaped(text)
    if len(whole) <= limit:
        return whole
    room = limit - len(f"… ({len(text):,} more characters)")
    kept, used = 0, 0
    for char in text:
        used += len(_ENTITIES.get(char, char))
        if used > room:
            break
        kept += 1
    return f"{escaped(text[:kept])}… ({len(text) - kept:,} more characters)"


def bold(text: str, limit: int = SECTION_MAX) -> str:
    """In bold, escaped; a text that holds marks of its own stays as it is, since Slack knows no escape for them.

    >>> bold("agent kyc-reader"), bold("agent *x*")
    ('*agent kyc-reader*', 'agent *x*')
    """
    fit = fitted(text, limit - 2)
    return fit if _MARKS & set(fit) else f"*{fit}*"


def mention(written: str) -> str:
    """Whom the policy names, as a mention: a user's or a group's id, `here` and the like, or a whole mention; any other name as plain text.

    >>> mention("U024BE7LH"), mention("S0614TZR7"), mention("@here"), mention("<!subteam^S0614TZR7>"), mention("Maria <x>")
    ('<@U024BE7LH>', '<!subteam^S0614TZR7>', '<!here>', '<!subteam^S0614TZR7>', 'Maria &lt;x&gt;')
    """
    if _WHOLE.fullmatch(written):
        return written
    for form, shape in ((_USER, "<@{}>"), (_GROUP, "<!subteam^{}>"), (_ALL, "<!{}>")):
        found = form.fullmatch(written)
        if found:
            return shape.format(found[1])
    return escaped(written)


def person(name: str) -> str:
    """Who did something: a Slack user as a mention, which in an edit calls nobody; anyone else by name.

    >>> person("slack:U024BE7LH"), person("maria"), person("slack:<!channel>")
    ('<@U024BE7LH>', 'maria', '“slack:&lt;!channel&gt;”')
    """
    found = _USER.fullmatch(name.removeprefix(SLACK)) if name.startswith(SLACK) else None
    return f"<@{found[1]}>" if found else escaped(named(name))


def mrkdwn(text: str) -> dict[str, Any]:
    """A text object; `verbatim` keeps Slack from making links and mentions of names."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain_text(text: str) -> dict[str, Any]:
    """A text object without mark-up."""
    return {"type": "plain_text", "text": text, "emoji": True}


def whispered(words: str) -> dict[str, Any]:
    """A message for the one who asked or pressed, and nobody else."""
    return {"response_type": "ephemeral", "text": words}


def header(text: str) -> dict[str, Any]:
    """A block of large letters; the text is escaped and cut here."""
    return {"type": "header", "text": plain_text(fitted(text, HEADER_MAX))}


def section(text: str) -> dict[str, Any]:
    """A block of text with mark-up, escaped before."""
    return {"type": "section", "text": mrkdwn(text)}


def columns(texts: Iterable[str]) -> dict[str, Any]:
    """A block of short texts side by side, escaped before."""
    return {"type": "section", "fields": [mrkdwn(each) for each in texts]}


def context(text: str) -> dict[str, Any]:
    """A block of small letters, escaped before."""
    return {"type": "context", "elements": [mrkdwn(text)]}
