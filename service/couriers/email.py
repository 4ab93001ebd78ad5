"""The mail courier: one incident is one thread, in text and in HTML.

The first mail of an incident is the thread's root, with a Message-ID made of the incident's id; each later one answers it under the same
subject, which is what mail clients thread by. The same notice always has the same Message-ID, so what was sent twice can be seen as one.
Nothing from outside stands in a header but the subject, which is one printable line.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import TYPE_CHECKING, Any, Final

from service.couriers.port import Delivered, GaveUp, Item, Outcome, Parts, Receiver, RetryLater, not_taken
from service.couriers.wire import LOOPBACK
from service.facts import Notice, ident
from service.messages.build import of_notice
from service.messages.message import Message, plain
from service.phrases import DETAIL_MAX, redacted, shown

if TYPE_CHECKING:
    from aiosmtplib import SMTPResponseException

SUBJECT_MAX: Final = 200
_COLOURS: Final = {"critical": "#b3261e", "warning": "#8a5a00", "info": "#1a5fb4"}
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,100}")


class EmailCourier:
    """Writes to the receiver's people. Raises ValueError where that cannot be done, or not without showing the password."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        try:
            import aiosmtplib  # noqa: PLC0415 -- an extra: who sends no mail needs no mail library
        except ImportError:
            raise ValueError("mail needs the extra spendwarden[email]") from None
        self._smtp = aiosmtplib
        self.name, options = receiver.name, receiver.options
        self._host, self._port, self._tls = str(options.get("host", "")), int(options.get("port", 587)), str(options.get("tls", "starttls"))
        self._sender, self._to = str(options.get("from", "")), [str(each) for each in options.get("to", ())]
        self._user, self._password = receiver.secrets.get("user", ""), receiver.secrets.get("password", "")
        self._public_url, self._memory, self._answer_s = parts.public_url, parts.memory(receiver.name), parts.answer_s
        if bool(self._user) != bool(self._password):
            raise ValueError("needs both user and password, or neither")
        if self._password and self._tls == "none" and self._host not in LOOPBACK:
            raise ValueError("would send its password in the clear; set `tls: starttls` or `tls: tls`")

    async def deliver(self, item: Item) -> Outcome:
        """Sends one mail to all its people; who alone is refused by the server is named, and the others have it."""
        if not isinstance(item, Notice):
            return not_taken(item, "notices")
        return await self._attempt(await self._mail(item))

    async def close(self) -> None:
        """Nothing is held: each mail has a connection of its own."""

    async def _attempt(self, mail: EmailMessage) -> Outcome:
        smtp = self._smtp
        try:
            async with asyncio.timeout(self._answer_s):
                refused = await self._send(mail)
        except (TimeoutError, smtp.SMTPTimeoutError):
            return RetryLater(None, f"no answer within {self._answer_s:g} s")
        except smtp.SMTPRecipientsRefused as all_refused:
            return self._refused(all_refused.recipients[0])
        except smtp.SMTPResponseException as refusal:
            return self._refused(refusal)
        except (OSError, smtp.SMTPConnectError, smtp.SMTPServerDisconnected) as broken:
            return RetryLater(None, f"no connection ({type(broken.__cause__ or broken).__name__})")
        except smtp.SMTPException as wrong:
            return GaveUp(self._shown(str(wrong)))
        return Delivered(reason=f"refused for {', '.join(refused)}" if refused else "")

    async def _send(self, mail: EmailMessage) -> list[str]:
        """Whom the server refused, of several."""
        client = self._smtp.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            username=self._user or None,
            password=self._password or None,
            local_hostname=_domain(self._sender),
            timeout=self._answer_s,
        )
        try:
            await client.connect()
            refused, _ = await client.send_message(mail, sender=self._sender, recipients=self._to)
        finally:
            client.close()  # a server that has taken the mail need not say good-bye
        return list(refused)

    def _refused(self, refusal: SMTPResponseException) -> Outcome:
        words = self._shown(f"{refusal.code}: {refusal.message}")
        return GaveUp(words) if refusal.code >= 500 else RetryLater(None, words)

    def _shown(self, text: str) -> str:
        return shown(redacted(text, (self._password, self._user)), DETAIL_MAX)

    async def _mail(self, notice: Notice) -> EmailMessage:
        """Which mail of its thread it is was decided when it was first tried."""
        message = of_notice(notice, self._public_url)
        about = f"thread\0{notice.incident}"
        kept: dict[str, Any] = json.loads(await self._memory.kept(about) or b"{}")
        if not kept:
            kept = {"first": notice.id, "subject": shown(message.head, SUBJECT_MAX)}
            await self._memory.keep(about, json.dumps(kept).encode())
        return mail_of(notice, message, sender=self._sender, to=self._to, subject=kept["subject"], first=kept["first"] == notice.id)


def mail_of(notice: Notice, message: Message, *, sender: str, to: list[str], subject: str, first: bool) -> EmailMessage:
    """The mail, the same for the same notice. Pure."""
    domain = _domain(sender)
    root = f"<{_local(notice.incident)}@{domain}>"
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = subject if first else f"Re: {subject}"
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail["Date"] = datetime.fromtimestamp(notice.time_ms / 1000, UTC)
    mail["Message-ID"] = root if first else f"<{_local(notice.id)}@{domain}>"
    if not first:
        mail["In-Reply-To"] = mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity == "critical":
        mail["Importance"] = "high"
    mail.set_content(plain(message))
    mail.add_alternative(page(message), subtype="html")
    mail.set_boundary(ident("part", notice.id))
    return mail


def page(message: Message) -> str:
    """The message as HTML that loads nothing and whose severity is a word as well as a colour. Pure."""
    colour = _COLOURS.get(message.severity, "#333")
    parts = [
        f'<p style="border-left:4px solid {colour};padding-left:8px"><b style="color:{colour}">{escape(message.severity.upper())}</b><br>',
        f"<b>{escape(message.headline)}</b></p>",
        f"<p>{escape(message.lead)}</p>" if message.lead else "",
        f"<p>{'<br>'.join(map(escape, message.done))}</p>" if message.done else "",
        _table(message.fields),
        f"<p><b>{escape(message.why)}</b></p>" if message.why else "",
        _list(message.causes),
        f"<p><b>What people did</b></p>{_list(message.people)}" if message.people else "",
        *(f"<p><b>{escape(head)}</b></p>{_list(lines)}" for head, lines in message.sections),
        *(f'<p><a href="{escape(url)}">{escape(label)}</a></p>' for label, url in message.links),
        f'<p style="color:#666;font-size:smaller">{"<br>".join(map(escape, message.foot))}</p>',
    ]
    return f'<html><body style="font-family:sans-serif">{"".join(parts)}</body></html>\n'


def _table(fields: tuple[tuple[str, str], ...]) -> str:
    rows = "".join(f'<tr><td style="color:#666;padding-right:16px">{escape(label)}</td><td>{escape(value)}</td></tr>' for label, value in fields)
    return f"<table>{rows}</table>" if rows else ""


def _list(lines: tuple[str, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in lines)}</ul>" if lines else ""


def _local(known: str) -> str:
    """An id as the left part of a Message-ID: ours as they are, anything else by a digest."""
    return known if _ID.fullmatch(known) else ident("id", known)


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2] or "localhost"
