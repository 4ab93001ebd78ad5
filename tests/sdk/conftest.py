"""A receiver's clock and its switch."""

from __future__ import annotations

import pytest

from service.sdk import Switch
from tests.core.hooks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def switch(clock: Clock) -> Switch:
    return Switch(clock)
