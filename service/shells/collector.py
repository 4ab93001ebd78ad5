"""Python's collector of circular garbage, told that what we hold lives long.

Nearly nothing here is circular, and the states grow to millions of small objects: looked through as often as by default, they cost a
tenth of the time and pauses of tens of milliseconds.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50_000  # new containers before the youngest are looked through
MIDDLE: Final = 20
OLD: Final = 100


def seldom() -> None:
    """For the whole process; counting by reference goes on as ever.

    >>> seldom()
    >>> gc.get_threshold()
    (50000, 20, 100)
    """
    gc.set_threshold(YOUNG, MIDDLE, OLD)
