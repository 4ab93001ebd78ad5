"""What people read by mail, in Teams and on a pager, as golden text reviewed as prose.

`GOLDEN=rewrite pytest tests/adapters/test_golden.py` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from service.couriers.email import mail_of
from service.couriers.pagerduty import event_of
from service.couriers.teams import card
from service.facts import Notice
from service.messages.build import of_notice
from tests.core.episodes import CASES
from tests.golden import assert_golden
from tests.mail import text_of

GOLDEN = Path(__file__).parent / "golden"
URL = "https://spend.example"


def mail(notice: Notice) -> str:
    """As its reader sees it: the headers, then both forms."""
    made = mail_of(
        notice, of_notice(notice, URL), sender="spend@acme.example", to=["kyc@acme.example", "lead@acme.example"], subject="[WARNING] It", first=False
    )
    head = "".join(f"{name}: {value}\n" for name, value in made.items())
    return "\n".join([head, text_of(made), text_of(made, "html").replace("<p", "\n<p").replace("<tr", "\n<tr")])


def teams(notice: Notice) -> str:
    return json.dumps(card(of_notice(notice, URL)), indent=1, ensure_ascii=False) + "\n"


def pager(notice: Notice) -> str:
    return json.dumps(event_of(notice, URL), indent=1, ensure_ascii=False) + "\n"


KINDS: dict[str, tuple[str, Callable[[Notice], str]]] = {"email": ("txt", mail), "teams": ("json", teams), "pagerduty": ("json", pager)}


@pytest.mark.parametrize("name", ["budget_85", "loop_enforce", "pause_effective", "resolved", "hostile"])
@pytest.mark.parametrize("kind", KINDS)
def test_reads_as_agreed(kind: str, name: str) -> None:
    ending, write = KINDS[kind]
    assert_golden(GOLDEN / f"{kind}_{name}.{ending}", write(CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_every_card_fits_into_teams_and_holds_only_text_without_markup(name: str) -> None:
    made = card(of_notice(CASES[name], URL))
    assert len(json.dumps(made)) < 28 * 1024
    content = made["attachments"][0]["content"]
    blocks = [*content["body"][0]["items"], *content["body"][1:]]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}
    assert [action["url"] for action in content["actions"]] == [f"{URL}/v1/incidents/{CASES[name].incident}"]


@pytest.mark.parametrize("name", CASES)
def test_every_event_is_one_that_pagerduty_takes(name: str) -> None:
    made = event_of(CASES[name], URL)
    assert made["event_action"] in ("trigger", "acknowledge", "resolve")
    assert made["dedup_key"] == CASES[name].incident
    assert made["payload"]["severity"] in ("critical", "warning", "error", "info")
    assert 0 < len(made["payload"]["summary"]) <= 1024
    assert made["payload"]["source"]
    assert len(json.dumps(made)) < 512 * 1024
