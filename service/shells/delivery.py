"""The couriers' life in a shell: they deliver what one outbox partition says, for ever, with the receivers of the policy in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from service.couriers.dispatcher import Dispatcher
from service.couriers.hearing import is_ending
from service.log.ports import Log, LogError
from service.policy import Policy

PAUSE_S: Final = 2
SECRETS_AGAIN_S: Final = 30.0


@dataclass
class Delivery:
    """`another` makes a dispatcher with a policy's receivers, upon the same memory. `nudge` and `adopt` may be called from any thread.

    `secrets` tells one state of what the policy's references name from another; it is asked now and then, so that a key that is
    replaced in its file needs no restart.
    """

    log: Log
    another: Callable[[Policy], Dispatcher]
    policy: Policy
    partition: int = 0
    secrets: Callable[[Policy], object] = lambda _: None
    _renewed: asyncio.Event = field(default_factory=asyncio.Event)
    _wake: Callable[[], object] = lambda: None
    _renew: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self._make()
        self._renew = self._renewed.set

    def nudge(self) -> None:
        """There may be news in the outbox."""
        self._wake()

    def adopt(self, policy: Policy) -> None:
        """A newer policy is in force: its receivers are made where they are others, or some could not be made."""
        before, self.policy = self.policy, policy
        if (before.receivers, before.public_url) != (policy.receivers, policy.public_url) or self.dispatcher.unusable():
            self._renew()

    async def live(self) -> None:
        """Other receivers, and whatever ends a dispatcher (a full disk), mean another one, which takes up what had not ended."""
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(self.dispatcher.nudge)
        self._renew = lambda: loop.call_soon_threadsafe(self._renewed.set)
        try:
            while True:
                await self._deliver()
                await self.dispatcher.close()
                self._renewed.clear()
                self._make()
                for name, reason in self.dispatcher.unusable().items():
                    structlog.get_logger("couriers").warning("receiver_unusable", receiver=name, reason=reason)
        finally:
            self._wake = self._renew = lambda: None
            await self.dispatcher.close()

    def _make(self) -> None:
        self._secrets = self.secrets(self.policy)  # first, so that what is replaced in between is seen later
        self.dispatcher = self.another(self.policy)

    async def _deliver(self) -> None:
        """Until there are other receivers, or something failed and a pause has passed; what was being sent then is sent again, under its id."""
        try:
            await self.dispatcher.restore()
            async with asyncio.TaskGroup() as tasks:
                lives = (self.dispatcher.follow(self.log, self.partition), self.dispatcher.run(), self._watch_secrets())
                delivering = [tasks.create_task(life) for life in lives]
                await self._renewed.wait()
                for task in delivering:
                    task.cancel()
        except Exception as failed:
            if is_ending():  # who fails while it is told to end hides that from us
                raise asyncio.CancelledError from failed
            structlog.get_logger("couriers").warning("couriers_restart", reason=_reason(failed), pause_s=PAUSE_S)
            await asyncio.sleep(PAUSE_S)

    async def _watch_secrets(self) -> None:
        """Other secrets mean other receivers."""
        while await asyncio.to_thread(self.secrets, self.policy) == self._secrets:  # noqa: ASYNC110 -- a file tells nobody
            await asyncio.sleep(SECRETS_AGAIN_S)
        structlog.get_logger("couriers").info("secrets_replaced")
        self._renewed.set()


def _reason(failed: Exception) -> str:
    """Of a group of tasks, what each of them raised."""
    if isinstance(failed, ExceptionGroup):
        return "; ".join(dict.fromkeys(_reason(each) for each in failed.exceptions))
    return str(failed) if isinstance(failed, LogError) else repr(failed)
