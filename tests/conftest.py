"""The services that tests of several folders share."""

from tests.postgres import postgres

__all__ = ["postgres"]
