"""The books of what was spent and decided; a view of the logs that can be rebuilt from them at any time."""

from __future__ import annotations

from service.ledger.ledger import Ledger

__all__ = ["Ledger"]
