"""A mail server on this machine that keeps what it is sent, and refuses, stalls or breaks off where it is told to."""

from __future__ import annotations

import atexit
import base64
import socketserver
import ssl
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

HANG, DROP = "hang", "drop"


class MailServer(socketserver.ThreadingTCPServer):
    """`replies` by the first word of a command (`RCPT bo@x` for one of several, `.` for the end of a mail): another reply, HANG or DROP.

    With a `context` it speaks TLS: from the first byte, or once it is asked to (`starttls`).
    """

    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None = None, *, starttls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.context, self.starttls = context, starttls
        self.ended = threading.Event()
        self.clear()

    def clear(self) -> None:
        self.replies: dict[str, str] = {}
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.logins: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who does not trust our certificate hangs up, which is no news."""

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    """One client, as far as ours speaks."""

    server: MailServer

    def encrypt(self) -> None:
        assert self.server.context is not None
        self.rfile.close()
        self.wfile.close()
        self.connection = self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def handle(self) -> None:
        if self.server.context is not None and not self.server.starttls:
            self.encrypt()
        self.say("220 mail.example ESMTP")
        while line := self.rfile.readline():
            words = line.decode().strip().replace("<", "").replace(">", "")
            verb = words.split()[0].upper() if words else ""
            whole = f"{verb} {words.partition(':')[2].split()[0]}" if verb == "RCPT" else verb
            if not self.answer(verb, words, self.server.replies.get(whole, self.server.replies.get(verb, ""))):
                return

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def answer(self, verb: str, words: str, reply: str) -> bool:
        """Whether the conversation goes on."""
        if reply in (HANG, DROP):
            return self.break_off(reply)
        if reply:
            self.say(reply)
        elif verb == "EHLO":
            offered = "250-STARTTLS\r\n" if self.server.starttls else ""
            self.say(f"250-mail.example\r\n{offered}250-AUTH PLAIN\r\n250 8BITMIME")
        elif verb == "STARTTLS":
            self.say("220 go on")
            self.encrypt()
        elif verb == "AUTH":
            self.server.logins.append(base64.b64decode(words.split()[2]).decode())
            self.say("235 in")
        elif verb == "DATA":
            self.say("354 go on")
            return self.take()
        elif verb == "QUIT":
            self.say("221 bye")
            return False
        else:
            self.say("250 ok")
        return True

    def take(self) -> bool:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.raw.append(b"".join(lines))
        self.server.mails.append(message_from_bytes(self.server.raw[-1], policy=SMTP))
        reply = self.server.replies.get(".", "250 taken")
        if reply in (HANG, DROP):
            return self.break_off(reply)
        self.say(reply)
        return True

    def break_off(self, how: str) -> bool:
        if how == HANG:
            self.server.ended.wait(60)
        return False

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@cache
def mail_server() -> MailServer:
    """The one of this process."""
    server = MailServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    atexit.register(server.close)
    return server


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """One of its two forms."""
    part: Any = mail.get_body((kind,))
    return str(part.get_content())
