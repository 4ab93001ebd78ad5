"""The sequential tests as one type, for whoever keeps them."""

from __future__ import annotations

from typing import TypeAlias

from detectors.cache import Cache
from detectors.floor import Floor
from detectors.mix import Mix
from detectors.pace import Pace
from detectors.ratio import Ratio
from detectors.share import Share
from detectors.shift import Shift
from detectors.silence import Silence

Signal: TypeAlias = Cache | Floor | Mix | Pace | Ratio | Share | Shift | Silence
