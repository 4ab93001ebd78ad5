"""One message per incident: its blocks, its fallback text and the metadata by which anyone finds it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from service.facts import Incident, Notice, Order
from service.messages.acts import people
from service.messages.build import of_incident, of_notice, of_order
from service.messages.message import Message, plain
from service.messages.remedies import achieved
from service.messages.slack.presses import Offers, actions
from service.messages.slack.text import FIELD_MAX, SECTION_MAX, bold, columns, context, escaped, fitted, header, mention, person, section
from service.phrases import called, capital

TEXT_MAX: Final = 3_500  # Slack cuts from 40,000 on and advises 4,000
RESUMED: Final = "resume_ordered"
FIELDS_MAX: Final = 10
CAUSES_MAX: Final = 8
EVENT: Final = "spendwarden_incident"
EVENT_REPLY: Final = "spendwarden_notice"
EVENT_ORDER: Final = "spendwarden_order"
_SIGNS: Final = {"critical": "🔴", "warning": "🟠", "info": "🔵"}


def root(incident: Incident, public_url: str, offers: Offers, note: str = "", mentioned: str = "") -> dict[str, Any]:
    """An incident as it stands. `note` is a word about the telling itself; `mentioned` is whom the first post calls, never an edit."""
    message = of_incident(incident, public_url)
    lines = people(incident, person)
    url = message.links[0][1] if message.links else ""
    blocks = [
        header(_header(incident)),
        *_body(message),
        *([context(_joined(lines))] if lines else []),
        *([context(fitted(note, SECTION_MAX))] if note else []),
        context(fitted(_foot(message), SECTION_MAX)),
        actions(incident, url, offers),
    ]
    if mentioned:
        blocks.insert(1, section(mention(mentioned)))
    return _said(_calling(mentioned, plain(message)), blocks, EVENT, incident=incident.id, revision=incident.revision)


def reply(notice: Notice, public_url: str) -> dict[str, Any]:
    """One step of an incident, in its thread: what is new, and only that."""
    message, about = of_notice(notice, public_url), notice.about
    new = [line for act, line in zip(about.acts, people(about, person), strict=True) if act.time_ms == about.time_ms]
    if new and notice.reason == RESUMED and about.ordered is not None:
        new += [escaped(line) for line in achieved(about.ordered, about.time_ms)]
    rest = new or [escaped(line) for line in (message.done if about.ordered is not None else (message.lead,)) if line]
    words = [mention(notice.mention)] if notice.mention else []
    words += [f"{_SIGNS.get(message.severity, '')} {bold(message.headline, SECTION_MAX // 2)}".strip(), *rest]
    text = _calling(notice.mention, f"{message.headline} (incident {about.id})")
    return _said(text, [section(_joined(words))], EVENT_REPLY, incident=about.id, notice=notice.id, revision=about.revision)


def digest(notice: Notice, public_url: str) -> dict[str, Any]:
    """Many incidents of one minute as one message: the newest of them, and how many more there are."""
    message = of_notice(notice, public_url)
    url = f"{public_url.rstrip('/')}/v1/incidents"
    lines = [
        *([mention(notice.mention)] if notice.mention else []),
        bold(message.headline, SECTION_MAX // 2),
        "More began in this minute than are told one by one. Each of them is watched, and what gets worse is told by itself.",
        f"All of them: {escaped(url)}",
    ]
    blocks = [
        header(f"{_SIGNS.get(message.severity, '')} Many incidents at once"),
        section(_joined(lines)),
        context(fitted(f"incident {notice.incident}, notice {notice.id}", SECTION_MAX)),
    ]
    text = _calling(notice.mention, f"{message.headline} (incident {notice.incident})")
    return _said(text, blocks, EVENT_REPLY, incident=notice.incident, notice=notice.id)


def report(notice: Notice, public_url: str) -> dict[str, Any]:
    """Figures of a day or a week, whole: there is nothing to press."""
    message = of_notice(notice, public_url)
    body = _body(message)
    body += [section(_joined([bold(head), *(f"• {escaped(line)}" for line in lines)])) for head, lines in message.sections]
    blocks = [*body, context(fitted(_foot(message), SECTION_MAX))]
    return _said(fitted(plain(message), TEXT_MAX), blocks, EVENT_REPLY, incident=notice.incident, notice=notice.id)


def kept_back(notice: Notice) -> dict[str, Any]:
    """The members of a storm, for its thread."""
    text = _joined([f"• {fitted(each.title, 250)} ({escaped(each.incident)})" for each in notice.kept])
    return _said(text, [section(text)], EVENT_REPLY, incident=notice.incident, notice=members_id(notice))


def members_id(notice: Notice) -> str:
    """The id of the reply that names a storm's members."""
    return f"{notice.id}/kept"


def order(item: Order, public_url: str) -> dict[str, Any]:
    """An order, for people to see; nobody can obey it from here."""
    message = of_order(item, public_url)
    blocks = [
        header(f"{_SIGNS.get(message.severity, '')} {message.headline}"),
        *_body(message, headline=False),
        context(fitted(_foot(message), SECTION_MAX)),
    ]
    return _said(fitted(plain(message), TEXT_MAX), blocks, EVENT_ORDER, order=item.id, incident=item.incident)


def _header(incident: Incident) -> str:
    who = called(incident.scope)
    if incident.state == "resolved":
        return f"✅ Resolved: {who}"
    state = f" ({incident.state})" if incident.state in ("acknowledged", "snoozed") else ""
    return f"{_SIGNS.get(incident.severity, '')} {capital(incident.severity)}{state}: {who}".strip()


def _body(message: Message, *, headline: bool = True) -> list[dict[str, Any]]:
    blocks = [section("\n".join((bold(message.headline, SECTION_MAX // 2), fitted(message.lead, SECTION_MAX // 2 - 1))).rstrip())] if headline else []
    if message.done:
        blocks.append(section(_joined(["*What was done*", *(f"• {escaped(line)}" for line in message.done)])))
    if message.fields:
        blocks.append(columns(f"*{escaped(label)}*\n{fitted(value, FIELD_MAX)}" for label, value in message.fields[:FIELDS_MAX]))
    if message.why:
        causes = [f"• {escaped(' '.join(line.split()))}" for line in message.causes[:CAUSES_MAX]]  # columns do not line up here
        left = len(message.causes) - len(causes)
        blocks.append(section(_joined([bold(message.why), *causes, *([f"… and {left} more in the evidence"] if left else [])])))
    return blocks


def _foot(message: Message) -> str:
    return " · ".join(message.foot)


def _joined(lines: Sequence[str]) -> str:
    """As many whole lines, escaped before, as fit; how many are left out is said."""
    kept: list[str] = []
    used = 0
    for at, line in enumerate(lines):
        used += len(line) + 1
        if used > SECTION_MAX - 40:
            kept.append(f"… and {len(lines) - at:,} more lines")
            break
        kept.append(line)
    return "\n".join(kept)


def _said(text: str, blocks: list[dict[str, Any]], event: str, **payload: str | int) -> dict[str, Any]:
    """A message; its metadata says what it is about, so that it is found again."""
    return {"text": text, "blocks": blocks, "metadata": {"event_type": event, "event_payload": payload}}


def _calling(mentioned: str, text: str) -> str:
    return " ".join(part for part in (mention(mentioned), fitted(text, TEXT_MAX)) if part)
