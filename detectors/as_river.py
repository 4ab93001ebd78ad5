"""Our detectors inside river: pipelines, filters, `river.evaluate`. Apart from the rest because importing any of river takes about a second."""

from __future__ import annotations

from typing import Any

from river.base import AnomalyDetector

from detectors.base import Detector


class AsRiver(AnomalyDetector):
    """A detector of ours as one of river's.

    >>> from detectors.surprise import Surprise
    >>> isinstance(AsRiver(Surprise()), AnomalyDetector)
    True
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def learn_one(self, x: dict[Any, Any]) -> None:
        """Take in one closed window."""
        self.detector.learn_one(x)

    def score_one(self, x: dict[Any, Any]) -> float:
        """Its calibrated surprise."""
        return self.detector.score_one(x)
