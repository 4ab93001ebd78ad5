"""One message per incident: its blocks, its fallback text and the metadata by which anyone finds it again."""

from __future__ import annotations

from typing import Any, Final

from service.facts import Incident, Notice, Order
from service.messages.acts import people
from service.messages.build import of_incident, of_notice, of_order
from service.messages.message import Message, plain
from service.messages.slack.presses import Offers, actions
from service.messages.slack.text import FIELD_MAX, HEADER_MAX, SECTION_MAX, bold, escaped, fitted, mention, mrkdwn, person, plain_text
from service.phrases import called, capital

TEXT_MAX: Final = 3_500  # Slack cuts from 40,000 on and advises 4,000
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
        {"type": "header", "text": plain_text(fitted(_header(incident), HEADER_MAX))},
        *_body(message),
        *([_context("\n".join(fitted_lines(lines)))] if lines else []),
        *([_context(fitted(note, SECTION_MAX))] if note else []),
        _context(fitted(_foot(message), SECTION_MAX)),
        actions(incident, url, offers),
    ]
    if mentioned:
        blocks.insert(1, _section(mention(mentioned)))
    text = " ".join(part for part in (mention(mentioned) if mentioned else "", fitted(plain(message), TEXT_MAX)) if part)
    return {"text": text, "blocks": blocks, "metadata": {"event_type": EVENT, "event_payload": {"incident": incident.id, "revision": incident.revision}}}


def reply(notice: Notice, public_url: str, mentioned: str = "") -> dict[str, Any]:
    """One step of an incident, in its thread: what is new, and only that."""
    message, about = of_notice(notice, public_url), notice.about
    new = [line for act, line in zip(about.acts, people(about, person), strict=True) if act.time_ms == about.time_ms]
    rest = new or [escaped(line) for line in (message.done if about.ordered is not None else (message.lead,)) if line]
    words = [mention(mentioned)] if mentioned else []
    words += [f"{_SIGNS.get(message.severity, '')} {bold(message.headline, SECTION_MAX // 2)}".strip(), *rest]
    text = " ".join(part for part in (mention(mentioned) if mentioned else "", fitted(f"{message.headline} (incident {about.id})", TEXT_MAX)) if part)
    payload = {"incident": about.id, "notice": notice.id, "revision": about.revision}
    return {"text": text, "blocks": [_section(_joined(words))], "metadata": {"event_type": EVENT_REPLY, "event_payload": payload}}


def digest(notice: Notice, public_url: str) -> dict[str, Any]:
    """Many incidents of one minute as one message: the newest of them, and how many more there are."""
    message = of_notice(notice, public_url)
    url = f"{public_url.rstrip('/')}/v1/incidents"
    lines = [
        bold(message.headline, SECTION_MAX // 2),
        "More began in this minute than are told one by one. Each of them is watched, and what gets worse is told by itself.",
        f"All of them: {escaped(url)}",
    ]
    blocks = [
        {"type": "header", "text": plain_text(f"{_SIGNS.get(message.severity, '')} Many incidents at once")},
        _section(_joined(lines)),
        _context(fitted(f"incident {notice.incident}, notice {notice.id}", SECTION_MAX)),
    ]
    payload = {"incident": notice.incident, "notice": notice.id}
    text = fitted(f"{message.headline} (incident {notice.incident})", TEXT_MAX)
    return {"text": text, "blocks": blocks, "metadata": {"event_type": EVENT_REPLY, "event_payload": payload}}


def report(notice: Notice, public_url: str) -> dict[str, Any]:
    """Figures of a day or a week, whole: there is nothing to press."""
    message = of_notice(notice, public_url)
    body = _body(message)
    body += [_section(_joined([bold(head), *(f"• {escaped(line)}" for line in lines)])) for head, lines in message.sections]
    payload = {"incident": notice.incident, "notice": notice.id}
    blocks = [*body, _context(fitted(_foot(message), SECTION_MAX))]
    return {"text": fitted(plain(message), TEXT_MAX), "blocks": blocks, "metadata": {"event_type": EVENT_REPLY, "event_payload": payload}}


def kept_back(notice: Notice) -> dict[str, Any]:
    """The members of a storm, for its thread."""
    lines = [f"• {fitted(each.title, 250)} ({escaped(each.incident)})" for each in notice.kept]
    payload = {"incident": notice.incident, "notice": members_id(notice)}
    return {"text": _joined(lines), "blocks": [_section(_joined(lines))], "metadata": {"event_type": EVENT_REPLY, "event_payload": payload}}


def members_id(notice: Notice) -> str:
    """The id of the reply that names a storm's members."""
    return f"{notice.id}/kept"


def order(item: Order, public_url: str) -> dict[str, Any]:
    """An order, for people to see; nobody can obey it from here."""
    message = of_order(item, public_url)
    blocks = [
        {"type": "header", "text": plain_text(fitted(f"{_SIGNS.get(message.severity, '')} {message.headline}", HEADER_MAX))},
        *_body(message, headline=False),
        _context(fitted(_foot(message), SECTION_MAX)),
    ]
    payload = {"order": item.id, "incident": item.incident}
    return {"text": fitted(plain(message), TEXT_MAX), "blocks": blocks, "metadata": {"event_type": EVENT_ORDER, "event_payload": payload}}


def fitted_lines(lines: tuple[str, ...] | list[str], limit: int = SECTION_MAX) -> list[str]:
    """As many whole lines, escaped before, as fit; how many are left out is said."""
    kept: list[str] = []
    used = 0
    for at, line in enumerate(lines):
        used += len(line) + 1
        if used > limit - 40:
            return [*kept, f"… and {len(lines) - at:,} more lines"]
        kept.append(line)
    return kept


def _header(incident: Incident) -> str:
    who = called(incident.scope)
    if incident.state == "resolved":
        return f"✅ Resolved: {who}"
    state = f" ({incident.state})" if incident.state in ("acknowledged", "snoozed") else ""
    return f"{_SIGNS.get(incident.severity, '')} {capital(incident.severity)}{state}: {who}".strip()


def _body(message: Message, *, headline: bool = True) -> list[dict[str, Any]]:
    blocks = [_section("\n".join((bold(message.headline, SECTION_MAX // 2), fitted(message.lead, SECTION_MAX // 2 - 1))).rstrip())] if headline else []
    if message.done:
        blocks.append(_section(_joined(["*What was done*", *(f"• {escaped(line)}" for line in message.done)])))
    fields = [mrkdwn(f"*{escaped(label)}*\n{fitted(value, FIELD_MAX)}") for label, value in message.fields[:FIELDS_MAX]]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    if message.why:
        causes = [f"• {escaped(' '.join(line.split()))}" for line in message.causes[:CAUSES_MAX]]  # columns do not line up here
        left = len(message.causes) - len(causes)
        blocks.append(_section(_joined([bold(message.why), *causes, *([f"… and {left} more in the evidence"] if left else [])])))
    return blocks


def _foot(message: Message) -> str:
    return " · ".join(message.foot)


def _joined(lines: list[str]) -> str:
    return "\n".join(fitted_lines(lines))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [mrkdwn(text)]}
