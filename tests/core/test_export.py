"""A topic written to a file comes back bit for bit, and a damaged file is never a shorter log."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from service.log import file
from service.log.memory import MemoryLog
from service.log.ports import JOURNAL, LogError, Row

NAMES = ["journal.jsonl", "journal.jsonl.gz"]


async def journal() -> MemoryLog:
    """Three partitions: one trimmed, one empty after a trim, and rows that arrive in turns."""
    now = iter(range(1_000, 9_000, 10))
    log = MemoryLog(lambda: next(now))
    for i in range(4):
        await log.append(JOURNAL, 0, [b"\x00zero-%d" % i, b"\xff"])
        await log.append(JOURNAL, 2, [b"two-%d" % i])
        await log.append(JOURNAL, 1, [b"gone"])
    await log.trim(JOURNAL, 0, 3)
    await log.trim(JOURNAL, 1, 4)
    return log


async def rows(log: MemoryLog) -> list[list[Row]]:
    return [await log.read(JOURNAL, partition, (await log.span(JOURNAL, partition))[0], 100) for partition in range(3)]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("name", NAMES)
async def test_comes_back_with_its_offsets_and_arrivals(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "READ_ROWS", 2)
    log, again = await journal(), MemoryLog(lambda: 0)
    assert await file.export(log, JOURNAL, 3, tmp_path / name) == 9
    header = file.load(tmp_path / name, again)
    assert header == file.Header(JOURNAL, {0: (3, 8), 1: (4, 4), 2: (0, 4)})
    assert await rows(again) == await rows(log)
    assert await again.append(JOURNAL, 1, [b"next"]) == 4
    assert names(tmp_path) == [name], "nothing half-made stays"


async def test_lines_lie_in_the_order_of_arrival(tmp_path: Path) -> None:
    await file.export(await journal(), JOURNAL, 3, tmp_path / "journal")
    _, lines = file.read(tmp_path / "journal")
    arrivals = [row.arrival_ms for _, row in lines]
    assert arrivals == sorted(arrivals)


async def test_the_same_topic_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        await file.export(await journal(), JOURNAL, 3, tmp_path / name)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: lines[:-1], "cut short"),
        (lambda lines: lines[:4] + lines[5:], "is not the one that comes next"),
        (lambda lines: [*lines[:-1], lines[-1][:-9]], r"line 10: "),
        (lambda lines: lines[1:], "first line"),
        (lambda lines: [], "first line"),
    ],
)
async def test_a_damaged_file_is_an_error(damage: object, says: str, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await file.export(await journal(), JOURNAL, 3, path)
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))  # type: ignore[operator]
    with pytest.raises(LogError, match=says):
        file.load(path, MemoryLog(lambda: 0))


async def test_a_gz_that_was_cut_or_is_none_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.gz"
    await file.export(await journal(), JOURNAL, 3, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-12])
    with pytest.raises(LogError, match="cut short"):
        file.load(path, MemoryLog(lambda: 0))
    path.write_bytes(whole[:40] + bytes(20) + whole[60:])
    with pytest.raises(LogError):
        file.load(path, MemoryLog(lambda: 0))
    path.write_bytes(gzip.decompress(whole))
    with pytest.raises(LogError, match="cannot read"):
        file.load(path, MemoryLog(lambda: 0))


async def test_where_nothing_can_be_written_is_an_error_and_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot write"):
        await file.export(await journal(), JOURNAL, 3, tmp_path / "no" / "journal")


async def test_a_topic_that_was_trimmed_meanwhile_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "READ_ROWS", 1)
    log = await journal()
    spans = {partition: await log.span(JOURNAL, partition) for partition in range(3)}

    async def old(_: str, partition: int) -> tuple[int, int]:
        return (0, spans[partition][1])

    monkeypatch.setattr(log, "span", old)
    with pytest.raises(LogError, match="trimmed"):
        await file.export(log, JOURNAL, 3, tmp_path / "journal")
    assert names(tmp_path) == []
