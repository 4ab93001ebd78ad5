"""Detectors: one file each, named in the policy by the name they have here. They know nothing of the service."""

from __future__ import annotations

from typing import Final

from detectors.base import Detector
from detectors.surprise import Surprise

DETECTORS: Final[dict[str, type[Detector]]] = {
    "surprise": Surprise,
}
