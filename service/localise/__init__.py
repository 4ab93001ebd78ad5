"""Which combinations of values carry a deviation: the fewest that explain it, in any measure that adds up.

`elements` searches all combinations of all dimensions by the evidence of a measure: `money` asks where the difference of a spend lies, `shifts`
which leaves moved alike from a forecast. `where` asks the books about an incident.
"""

from __future__ import annotations

from service.localise.where import Place, Where, of_incident
from service.localise.words import beside, said, where_line

__all__ = ["Place", "Where", "beside", "of_incident", "said", "where_line"]
