"""How far an agent's runs go: said by whoever counts them, and learned in the same steps by whoever judges by it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

CHILDREN_TAUGHT: Final = 30  # by one run at most, or half as many again as the record: who fans out for a living is told once or twice
CALLS_TAUGHT: Final = 120  # the same of calls
GROWTH_PERCENT: Final = 2000  # of a prompt within its run: below it nobody asks what is usual


class Reached(Struct, array_like=True, gc=False):
    """How far an agent's runs went, once they had ended: how many they are, and the most that one of them came to."""

    runs: int = 0
    calls: int = 0
    children: int = 0
    growth_percent: int = 0
    repeats: int = 0
    nanos: int = 0
