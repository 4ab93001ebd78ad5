"""What goes wrong with one call of Slack, on demand."""

from __future__ import annotations

from collections.abc import Callable

import httpx


class Fault:
    """What happens to one call: `before` instead of its effect, `after` although it had it."""

    def __init__(self, answer: Callable[[], httpx.Response], *, effect: bool = False) -> None:
        self.answer, self.effect = answer, effect


def status(code: int, headers: dict[str, str] | None = None, *, effect: bool = False, body: bytes = b"") -> Fault:
    return Fault(lambda: httpx.Response(code, headers=headers, content=body), effect=effect)


def error(code: str) -> Fault:
    return Fault(lambda: httpx.Response(200, json={"ok": False, "error": code}))


def raising(fault: Exception, *, effect: bool = False) -> Fault:
    def answer() -> httpx.Response:
        raise fault

    return Fault(answer, effect=effect)
