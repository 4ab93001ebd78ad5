"""The fake Jira behind a real address, for a service that runs in earnest."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests import served as anything
from tests.jira.fake import FakeJira


def served(jira: FakeJira) -> AbstractAsyncContextManager[str]:
    """Its address."""
    return anything.served(jira.reply)
