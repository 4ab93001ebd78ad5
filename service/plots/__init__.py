"""Pictures a person reads: spend against its usual range, what was told, what was stopped, and why it cost more.

`gather` asks the books and makes a `Chart` of plain figures, `draw` makes bytes of it, `words` says it in one sentence. Only drawing needs
matplotlib, the extra `plot`, and only where something is drawn is it imported.
"""

from __future__ import annotations

from service.plots.chart import Chart
from service.plots.draw import FORMS, NoPlotsError, drawn
from service.plots.gather import NothingSpentError, of_incident, of_scope
from service.plots.reporting import of_report
from service.plots.words import alt

__all__ = ["FORMS", "Chart", "NoPlotsError", "NothingSpentError", "alt", "drawn", "of_incident", "of_report", "of_scope"]
