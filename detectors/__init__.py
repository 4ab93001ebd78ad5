"""Detectors: one file each, named in the policy by the name they have here. They know nothing of the service."""

from __future__ import annotations

from typing import Final

from detectors.base import Detector
from detectors.novelty import Novelty
from detectors.surprise import Surprise

DETECTORS: Final[dict[str, type[Detector]]] = {
    "novelty": Novelty,
    "surprise": Surprise,
}
