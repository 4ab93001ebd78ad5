"""The command line: one file per command; imports that only one command needs are made where it runs, so that each starts fast."""

from service.cli.app import main

__all__ = ["main"]
