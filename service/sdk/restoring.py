"""What is paused, asked of the service itself: at the start, because orders came while nobody listened, and from time to time after."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Final, Self
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from service.sdk.switch import Switch

EVERY_S: Final = 60.0
TIMEOUT_S: Final = 10.0
PAGES_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 16 * 1024 * 1024


class RestoreError(Exception):
    """The service could not be asked; its text holds no token."""


def restore(switch: Switch, url: str, token: str = "") -> int:
    """Asks `GET /v1/paused` of the service at `url` once, with a token of role `receipt` or `read`; how many pauses that changed.

    Raises RestoreError. Who must not run what may be paused waits for this before its first step.
    """
    return switch.restore(list(_paused(url.rstrip("/"), token)), f"{url} {hash(token)}")


class Restoring:
    """A thread that restores now and then; `failures` counts tries in a row that failed.

    `with Restoring(switch, url, token): ...`
    """

    def __init__(self, switch: Switch, url: str, token: str = "", every_s: float = EVERY_S) -> None:
        self._ask: Callable[[], int] = lambda: restore(switch, url, token)
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spendwarden-restoring", daemon=True)
        self.failures = 0

    def __enter__(self) -> Self:
        """Begins."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends; a question under way is not waited for."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._ask()
                self.failures = 0
            except RestoreError:
                self.failures += 1
            self._ended.wait(self._every_s)


async def restoring(switch: Switch, url: str, token: str = "", every_s: float = EVERY_S) -> None:
    """The same as a task, for ever: `asyncio.create_task(restoring(switch, url, token))`."""
    while True:
        with suppress(RestoreError):
            await asyncio.to_thread(restore, switch, url, token)
        await asyncio.sleep(every_s)


def _paused(url: str, token: str) -> Iterator[Mapping[str, Any]]:
    cursor = ""
    for _ in range(PAGES_MAX):
        page = _page(f"{url}/v1/paused?{urlencode({'limit': 1000, 'cursor': cursor} if cursor else {'limit': 1000})}", token)
        yield from page["items"]
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return


def _page(url: str, token: str) -> dict[str, Any]:
    if not url.startswith(("https://", "http://")):
        raise RestoreError("the address of the service must begin with https:// or http://")
    request = Request(url, headers={"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})})  # noqa: S310 -- the scheme is checked above
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            page = json.loads(answer.read(BODY_BYTES_MAX))
    except (OSError, ValueError) as failed:  # a URLError is an OSError
        raise RestoreError(f"the service does not say what is paused: {failed}") from None
    except (HTTPException, RecursionError) as failed:  # whose text is what was answered
        raise RestoreError(f"the service does not say what is paused ({type(failed).__name__})") from None
    if not isinstance(page, dict) or not isinstance(page.get("items"), list) or not all(isinstance(item, dict) for item in page["items"]):
        raise RestoreError("the service does not say what is paused: the answer has no list of items")
    return page
