"""Whoever stands still ends the process; whoever was put to sleep with all the others, or is merely slow, does not."""

from __future__ import annotations

from service.engine.watchdog import Watchdog

STILL_S = 30.0


class World:
    """Two parts with their beats, and what was ended."""

    def __init__(self) -> None:
        self.now_s, self.engine, self.loop = 0.0, 0, 0
        self.ended: list[str] = []
        beats = {"engine": lambda: self.engine, "main loop": lambda: self.loop}
        self.watchdog = Watchdog(beats, lambda: self.now_s, lambda part, _: self.ended.append(part), STILL_S)
        self.watchdog.look()

    def pass_time(self, seconds: int, *, engine: bool = True) -> None:
        for _ in range(seconds):
            self.now_s += 1
            self.loop += 1
            self.engine += engine
            self.watchdog.look()


def test_a_part_that_stands_still_ends_the_process() -> None:
    world = World()
    world.pass_time(100)
    world.pass_time(30, engine=False)
    assert world.ended == []
    world.pass_time(1, engine=False)
    assert world.ended == ["engine"]


def test_a_process_that_slept_begins_anew() -> None:
    world = World()
    world.pass_time(29, engine=False)
    world.now_s += 3600  # SIGSTOP
    world.watchdog.look()
    assert world.ended == []
    world.pass_time(29, engine=False)
    assert world.ended == []
    world.pass_time(2, engine=False)
    assert world.ended == ["engine"]


def test_a_short_sleep_hides_nobody_who_stands_still() -> None:
    world = World()
    for _ in range(4):
        world.pass_time(5, engine=False)
        world.now_s += 3
    assert world.ended == []
    world.pass_time(1, engine=False)
    assert world.ended == ["engine"]
