"""The colours of every picture: three of Okabe and Ito's (2008), which people who see few colours can tell apart, and greys.

What differs in colour differs in something else too: its place, its label, its outline.
"""

from __future__ import annotations

from typing import Final

SPEND: Final = "#0072B2"  # blue: what was spent
ABOVE: Final = "#D55E00"  # vermilion: beyond what is usual; what cost more
STOPPED: Final = "#009E73"  # green: paused
STOPPED_TEXT: Final = "#00664B"  # the same, dark enough to read
RANGE: Final = "#DDDDDD"
LESS: Final = "#8C8C8C"  # what cost less
INK: Final = "#222222"
FAINT: Final = "#5F5F5F"
