"""The command courier: an order is carried out by a program on the service's own machine, never through a shell.

A policy can come over the network, so it may only name programs that whoever runs the service allows, by `SPENDWARDEN_COMMANDS`. The
program sees few variables, gets the order as JSON on its standard input, and is killed with all it started when its time is up. It may
be run again with the same order, so it should mind the order's id or do what can be done twice. Exit 0 means done, 75 try again later.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from typing import Final

from service.couriers.events import encoded, event_of
from service.couriers.port import Delivered, GaveUp, Item, Outcome, Parts, Receiver, RetryLater, not_taken
from service.couriers.templates import UnfitError, argument_of, ended, sent, values_of
from service.couriers.wire import SECRET_LENGTH_MIN
from service.facts import Order
from service.phrases import DETAIL_MAX, redacted, shown
from service.policy.times import duration_ms
from service.settings import allowed_commands, variables

OUTPUT_BYTES_MAX: Final = 16 * 1024
TEMPORARY: Final = 75  # EX_TEMPFAIL of sysexits.h
_LAST_WORDS_S: Final = 0.2  # for what is still in the pipe when the program has ended
_GONE_S: Final = 5.0  # a process that was killed is gone by then, unless its machine hangs


class CommandCourier:
    """Runs one program. Raises ValueError where the policy may not name it."""

    follows: Final = False

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._argv = [str(each) for each in receiver.options.get("argv", ())]
        self._timeout_s = duration_ms(receiver.options.get("timeout", "10s")) / 1000
        named = receiver.options.get("environment", ())
        self._environment = variables(named)
        self._hidden = [value for name in named if len(value := self._environment.get(name, "")) >= SECRET_LENGTH_MIN]
        self._public_url, self._memory = parts.public_url, parts.memory(receiver.name)
        if not self._argv or self._argv[0] not in allowed_commands():
            raise ValueError("its program is not allowed; whoever runs the service must name its path in SPENDWARDEN_COMMANDS, with `:` between several")

    async def deliver(self, item: Item) -> Outcome:
        """Runs it once, to its end or to the end of its time."""
        if not isinstance(item, Order):
            return not_taken(item, "orders")
        values = values_of(item, self._public_url)
        try:
            argv = [argument_of(template, values) for template in self._argv]
        except UnfitError as unfit:
            return Delivered("refused", str(unfit))
        await self._memory.keep(sent(item), b"sent")
        return await self._run(argv, encoded(event_of(item, self._public_url)))

    async def let_go(self, order: Order) -> Outcome:
        """See Acts; what was never sent is not undone."""
        return await self.deliver(ended(order)) if await self._memory.kept(sent(order)) else Delivered()

    async def probe(self) -> Outcome:
        """Looks whether the program is there and may be run; it is not run."""
        if os.access(self._argv[0], os.X_OK):
            return Delivered(reason=f"{self._argv[0]} is there and may be run; it was not run")
        return GaveUp(f"404: {self._argv[0]} is not there, or this user may not run it")

    async def close(self) -> None:
        """Nothing is held."""

    async def _run(self, argv: list[str], order: bytes) -> Outcome:
        try:
            process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=self._environment, start_new_session=True)
        except OSError as failed:
            return GaveUp(f"{argv[0]}: {failed.strerror or type(failed).__name__}")
        said = bytearray()
        talking = asyncio.gather(_tell(process, order), _hear(process, said))
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await process.wait()
        except TimeoutError:
            return RetryLater(None, f"{argv[0]} did not end within {self._timeout_s:g} s and was killed")
        finally:
            _kill(process)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):  # wait_for could swallow that we are told to end
                    await talking
            with suppress(TimeoutError):
                async with asyncio.timeout(_GONE_S):
                    await process.wait()
        words = self._last_words(said)
        if status == 0:
            return Delivered("accepted", words)
        why = f"{argv[0]} ended with {status}" + (f": {words}" if words else "")
        return RetryLater(None, why) if status == TEMPORARY else GaveUp(why)

    def _last_words(self, said: bytearray) -> str:
        """The last line that it said, without what its environment keeps secret."""
        lines = bytes(said).decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return shown(redacted(last, self._hidden), DETAIL_MAX)


async def _tell(process: Process, order: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):  # it need not read it
        process.stdin.write(order)
        await process.stdin.drain()
    process.stdin.close()


async def _hear(process: Process, said: bytearray) -> None:
    """Reads all, so that it never waits for us, and keeps the end."""
    assert process.stdout is not None
    while chunk := await process.stdout.read(OUTPUT_BYTES_MAX):
        said += chunk
        del said[:-OUTPUT_BYTES_MAX]


def _kill(process: Process) -> None:
    """All that it started and left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
