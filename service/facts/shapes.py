"""What a call and a run look like, as numbers that count: bins of sizes, and the bin of a whole call. Shared by who counts and who reads."""

from __future__ import annotations

from typing import Final

SUB_BITS: Final = 3  # bins in an octave, as bits: eight of them, each an eighth of the octave's lower end wide
CACHED: Final = 9  # eighths of a prompt that came from a cache, 0..8
STEPS: Final = 4  # classes of a call's place in its run: the first, the second, the third to fifth, later ones


def size_bin(size: int) -> int:
    """The bin of a size; it grows with it, by 8 an octave.

    >>> [size_bin(n) for n in (0, 1, 8, 9, 16, 17, 18, 1024)]
    [0, 0, 0, 1, 8, 8, 9, 56]
    """
    above = size.bit_length() - 1 - SUB_BITS
    return (above << SUB_BITS) + (size >> above) - (1 << SUB_BITS) if above > 0 else max(0, size - (1 << SUB_BITS))


def size_at(bin_number: float) -> float:
    """The size at which a bin begins; between two bins in proportion.

    >>> [size_at(size_bin(n)) for n in (8, 9, 17, 1024, 1152)], size_at(size_bin(1024) + 0.5)
    ([8.0, 9.0, 16.0, 1024.0, 1152.0], 1088.0)
    """
    octave, into = divmod(bin_number, 1 << SUB_BITS)
    return float(((1 << SUB_BITS) + into) * 2.0**octave)


def shape_of_call(prompt: int, cached: int, step: int) -> int:
    """One call as a number: the size of its prompt, how much of it came from a cache (both in tokens), and which call of its run it was (from 1).

    >>> parts_of_call(shape_of_call(1024, 512, step=1)), parts_of_call(shape_of_call(1024, 1024, step=9))
    ((56, 4, 0), (56, 8, 3))
    """
    if prompt < 16:
        size = max(0, prompt - 8)
    else:  # `size_bin`, written out: this is asked for each call
        above = prompt.bit_length() - 4
        size = (above << 3) + (prompt >> above) - 8
    where = step - 1 if step < 3 else 2 if step <= 5 else 3
    return (size * CACHED + (cached * 8 // prompt if cached else 0)) * STEPS + where


def parts_of_call(shape: int) -> tuple[int, int, int]:
    """The size's bin, the eighths cached, and the class of the step, 0..3."""
    return shape // (CACHED * STEPS), shape // STEPS % CACHED, shape % STEPS
