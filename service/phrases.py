"""How things are said: names from outside made safe to show, spans, instants, percentages, scopes and kinds in plain words.

Law of this file: whatever comes from a record (a name, a detail, a reason) passes `shown` before a person sees it, so that
no newline, control character or writing-direction mark reaches a screen and no length is unbounded. Mark-up of one medium
(rich's brackets, Slack's angle brackets) is escaped by that medium's courier, which alone knows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from service.facts import Scope

NAME_MAX: Final = 80
DETAIL_MAX: Final = 300
LIST_MAX: Final = 5

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLAIN: Final = re.compile(r"[\w.@:/#+-]+")
_KIND_WORDS: Final = {"api_key": "API key"}


def counted(number: int, one: str, many: str = "") -> str:
    """So many of a thing.

    >>> counted(1, "more incident"), counted(1_200, "more incident"), counted(2, "entry", "entries")
    ('1 more incident', '1,200 more incidents', '2 entries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def shown(text: str, limit: int = NAME_MAX) -> str:
    r"""Text from outside on one line: what cannot be printed is written as its escape, what is too long is cut and said to be.

    >>> shown("a\nb\u202e"), shown("x" * 1000, 4)
    ('a\\nb\\u202e', 'xxxx… (996 more characters)')
    """
    parts: list[str] = []
    used = 0
    for at, char in enumerate(text):
        part = char if char.isprintable() else char.encode("unicode_escape").decode()
        used += len(part)
        if used > limit:
            return f"{''.join(parts)}… ({counted(len(text) - at, 'more character')})"
        parts.append(part)
    return "".join(parts)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, the longest first, since one may be a part of another.

    >>> redacted("key-1-of-two at key-1", ["key-1", "key-1-of-two", ""])
    '[secret] at [secret]'
    """
    for secret in sorted(filter(None, secrets), key=lambda each: (-len(each), each)):
        text = text.replace(secret, "[secret]")
    return text


def named(name: str) -> str:
    """A name inside a sentence: in quotation marks unless it is one plain word.

    >>> named("indexer"), named("loan review"), named("")
    ('indexer', '“loan review”', '“”')
    """
    return shown(name) if _PLAIN.fullmatch(name) else f"“{shown(name)}”"


def called(scope: Scope) -> str:
    """A scope inside a sentence.

    >>> called(Scope("use_case", "kyc")), called(Scope("label.team", "core")), called(Scope("total", "total"))
    ('use case kyc', 'label team core', 'all AI spend')
    """
    kind, name = scope
    if kind == "total":
        return "all AI spend"
    if kind.startswith("label."):
        return f"label {named(kind.removeprefix('label.'))} {named(name)}"
    return f"{_KIND_WORDS.get(kind) or spelt(kind)} {named(name)}"


def capital(sentence: str) -> str:
    """The sentence with its first letter large and the rest untouched.

    >>> capital("agent KYC is back")
    'Agent KYC is back'
    """
    return sentence[:1].upper() + sentence[1:]


def spelt(code: str) -> str:
    """A code of a published list as words.

    >>> spelt("line_crossed")
    'line crossed'
    """
    return shown(code.replace("_", " "))


def span(ms: int) -> str:
    """A length of time in its two largest units; a negative one counts as none.

    >>> span(4_000), span(38 * 60_000), span(125 * 60_000), span(50 * 3_600_000)
    ('4 s', '38 min', '2 h 5 min', '2 days 2 h')
    """
    if ms < _MINUTE:
        return f"{max(ms, 0) // 1000} s"
    if ms < _HOUR:
        return f"{ms // _MINUTE} min"
    if ms < _DAY:
        hours, rest = divmod(ms, _HOUR)
        return _pair(f"{hours} h", rest // _MINUTE, "min")
    days, rest = divmod(ms, _DAY)
    return _pair(counted(days, "day"), rest // _HOUR, "h")


def _pair(large: str, small: int, unit: str) -> str:
    return f"{large} {small} {unit}" if small else large


def moment(ms: int) -> str:
    """An instant as a person reads it, always in UTC and always saying so.

    >>> moment(1_763_562_840_000)
    'Wed 19 Nov 14:34 UTC'
    """
    at = _EPOCH + timedelta(milliseconds=ms)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.hour:02d}:{at.minute:02d} UTC"


def day(ms: int, zone: tzinfo = UTC) -> str:
    """The calendar day of an instant where that zone's clocks are.

    >>> day(1_763_562_840_000)
    'Wed 19 Nov'
    """
    at = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"


def percent(share: float) -> str:
    """A share of 1 in percent: whole ones, tenths where they matter.

    >>> percent(0.85), percent(0.8512), percent(0.004), percent(12.0)
    ('85 %', '85.1 %', '0.4 %', '1,200 %')
    """
    return f"{line(round(share * 100, 1))} %"


def line(percentage: float) -> str:
    """A configured percentage as it was written, without idle zeros.

    >>> line(85.0), line(99.95), line(1200.0)
    ('85', '99.95', '1,200')
    """
    return f"{percentage:,.4f}".rstrip("0").rstrip(".")


def times(ratio: float) -> str:
    """A ratio in words: two digits below ten, whole above.

    >>> times(1.72), times(14.2), times(2.0)
    ('1.7 times', '14 times', '2 times')
    """
    return f"{line(round(ratio, 1) if ratio < 10 else round(ratio))} times"


def listed(names: Sequence[str], limit: int = LIST_MAX) -> str:
    """The first few names, as a list that needs no quotation marks, and how many more there are.

    >>> listed(["a", "b", "c"], 2), listed(["a"])
    ('a, b and 1 more', 'a')
    """
    kept = ", ".join(shown(name) for name in names[:limit])
    return f"{kept} and {len(names) - limit:,} more" if len(names) > limit else kept
