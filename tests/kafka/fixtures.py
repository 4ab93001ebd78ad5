"""A broker for as long as a test, or all of them, need one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeVar

import pytest

from tests.kafka.broker import Broker, UnavailableError

NONE_HERE: Final = "NO APACHE KAFKA ON THIS MACHINE, so nothing was tested on it: {why}. It needs java (17) and mvn, and the first time the network"


class Running(Protocol):
    """A broker, or several."""

    def wait(self) -> None:
        """Returns when it can be asked."""
        ...

    def kill(self) -> None:
        """Nothing of it is left behind."""
        ...


R = TypeVar("R", bound=Running)


def begun(make: Callable[[Path], R]) -> Iterator[R]:
    """One for as long as a fixture lives; skips or fails the test where there can be none."""
    folder = Path(tempfile.mkdtemp(prefix="kafka-"))
    try:
        broker = make(folder)
    except UnavailableError as why:
        (pytest.fail if os.environ.get("SPENDWARDEN_REQUIRE_SERVICES") == "1" else pytest.skip)(NONE_HERE.format(why=why))
    try:
        broker.wait()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """The broker that this run of the tests shares: whoever stops it uses one of its own."""
    yield from begun(Broker)
