"""The HTTP door: records in, questions answered, controls and receipts taken."""

from __future__ import annotations

from service.api.app import create_app
from service.api.ports import Applies, BehindError, Check, Service
from service.api.tokens import Tokens

__all__ = ["Applies", "BehindError", "Check", "Service", "Tokens", "create_app"]
