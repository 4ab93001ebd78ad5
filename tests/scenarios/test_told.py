"""One runaway on the embedded service: one message in Slack, one issue in Jira, one pause, and all of them say that it stopped."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.show.__main__ import WIDTH, pages
from tests.show.play import RUNAWAY, played


@pytest.mark.slow
async def test_a_runaway_is_told_once_everywhere_and_proved_to_have_stopped(tmp_path: Path) -> None:
    told = await played(tmp_path)
    (root,), (issue,) = told.slack.roots(), told.jira.issues.values()
    assert told.slack.mistakes == []
    incident = root["metadata"]["event_payload"]["incident"]
    assert incident in issue.fields["labels"]
    assert [event["type"] for event in told.events] == ["spendwarden.order.pause"]
    shown = io.StringIO()
    console = Console(file=shown, width=WIDTH)
    for page in pages(told).values():
        console.print(page)
    lines = shown.getvalue()
    assert lines.count(f"Execution {RUNAWAY} has stopped: the pause works") >= 4, "root, thread, issue, comment"
    assert "effective" in lines
    assert "Resume…" in lines
