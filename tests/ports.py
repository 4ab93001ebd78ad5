"""Ports for services that are told theirs before they bind it."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from typing import Final

OURS: Final = range(10_000, 32_768)  # from there on a system gives ports to whoever connects somewhere, ours meanwhile, too


def free_port() -> int:
    """One that nobody on this machine has now, and that nobody is given who does not ask for it."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.choice(OURS)))
            return int(probe.getsockname()[1])
