"""The sequential tests as one type, for whoever keeps them, and by name."""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

from detectors.cache import Cache
from detectors.floor import Floor
from detectors.mix import Mix
from detectors.pace import Pace
from detectors.ratio import Ratio
from detectors.share import Share
from detectors.shift import Shift
from detectors.silence import Silence

Signal: TypeAlias = Cache | Floor | Mix | Pace | Ratio | Share | Shift | Silence

SEQUENTIAL: Final[dict[str, type[Signal]]] = {kind.name: kind for kind in get_args(Signal)}
