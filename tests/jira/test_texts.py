"""What stands in an issue, in both of Jira's formats: golden texts, reviewed as prose, and what must hold for all of them.

`GOLDEN=rewrite pytest tests/jira/test_texts.py` writes the golden texts anew; read the difference as the person whose issue it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.couriers.jira.ticket import comment, description, ticket_of
from service.messages.adf import DOCUMENT_MAX, adf, adf_text
from service.messages.message import Message
from service.messages.sample import sample_notices
from service.messages.wiki import WIKI_MAX, escaped, wiki
from tests.core.episodes import CASES
from tests.golden import assert_golden
from tests.samples import ORDER

GOLDEN = Path(__file__).parent / "golden"
PUBLIC_URL = "https://spend.example"
TOLD = ["budget_85", "budget_100_pause", "anomaly_cause", "loop_observe", "pause_effective", "resolved", "hostile"]

# What may stand inside what, as Atlassian publishes it, of the nodes used here.
INSIDE: dict[str, set[str]] = {
    "doc": {"panel", "heading", "bulletList", "table", "paragraph"},
    "panel": {"paragraph"},
    "heading": {"text"},
    "bulletList": {"listItem"},
    "listItem": {"paragraph"},
    "table": {"tableRow"},
    "tableRow": {"tableHeader", "tableCell"},
    "tableHeader": {"paragraph"},
    "tableCell": {"paragraph"},
    "paragraph": {"text"},
}


def described(name: str) -> Message:
    return description(ticket_of(CASES[name], PUBLIC_URL))


@pytest.mark.parametrize("name", TOLD)
def test_an_issue_reads_as_agreed(name: str) -> None:
    ticket = ticket_of(CASES[name], PUBLIC_URL)
    parts = [ticket.summary, " ".join(ticket.labels), wiki(description(ticket)), "----- the comment, as Cloud shows it", adf_text(adf(comment(ticket)))]
    assert_golden(GOLDEN / f"{name}.txt", "\n\n".join(parts) + "\n")


def test_a_document_is_as_agreed() -> None:
    assert_golden(GOLDEN / "budget_85.adf.json", json.dumps(adf(described("budget_85")), indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", CASES)
def test_both_formats_say_the_same(name: str) -> None:
    message = described(name)
    plain = re.sub(
        r"\{panel[^}]*\}|\|\||^\* |^h4\. |^_|_$|\[Evidence and actions\|.*\]|What is seen: |\*(?=[A-Z]+:)|(?<=:)\*", "", wiki(message), flags=re.MULTILINE
    )
    unescaped = re.sub(r"\\(.)", r"\1", plain).replace("&#92;", "\\").replace("&amp;", "&").replace("|", " ")
    assert unescaped.split() == adf_text(adf(message)).replace("Evidence and actions", "").replace("|", " ").split()


@pytest.mark.parametrize("name", CASES)
def test_a_document_keeps_to_the_grammar(name: str) -> None:
    for message in (described(name), comment(ticket_of(CASES[name], PUBLIC_URL))):
        document = adf(message)
        assert document["version"] == 1
        for node, child in _pairs(document):
            assert child["type"] in INSIDE[node["type"]]
            assert child["type"] != "text" or child["text"]


def test_names_become_no_mark_up() -> None:
    text = wiki(described("hostile"))
    assert r"<\!channel> \[red\]gone\[/red\]" in text
    assert "\u202e" not in text
    assert "&#92;u202e" in text
    mentions = wiki(Message(headline="[~admin] {color:red}h1. *x*{color} !http://evil/x.png! @maria -gone- a-b", severity="info"))
    assert r"\[\~admin\] \{color:red\}h1. \*x\*\{color\} \!http://evil/x.png\! \@maria \-gone\- a-b" in mentions


@given(st.text(max_size=60))
def test_every_mark_of_a_name_is_escaped(name: str) -> None:
    text = escaped(name)
    assert not re.search(r"(?<!\\)[!\[\]^~+?{}()*_|@]", text)
    assert not re.search(r"\\(?![!\[\]^~+?{}()*_|@-])", text)


@pytest.mark.parametrize("name", CASES)
def test_what_is_too_long_is_cut_and_said_to_be(name: str) -> None:
    message = replace(described(name), done=tuple(f"{'long ' * 50}{n}" for n in range(200)))
    document, text = adf(message), wiki(message)
    assert len(json.dumps(document, separators=(",", ":"))) <= DOCUMENT_MAX
    assert len(text) <= WIKI_MAX
    for shown in (adf_text(document), text):
        assert "left out: too long" in shown
        assert CASES[name].incident in shown


@pytest.mark.parametrize("name", CASES)
def test_a_headline_fits_jira(name: str) -> None:
    summary = ticket_of(CASES[name], PUBLIC_URL).summary
    assert len(summary) <= 255
    assert summary.isprintable()
    assert all(" " not in label and len(label) <= 255 for label in ticket_of(CASES[name], PUBLIC_URL).labels)


def test_a_longer_headline_is_cut_and_said_to_be() -> None:
    ticket = ticket_of(CASES["resolved"], PUBLIC_URL)
    summary = replace(ticket, standing=replace(ticket.standing, headline="budget " * 60)).summary
    assert len(summary) <= 255
    assert summary.endswith("more characters)")


def test_a_trial_s_issue_says_that_it_is_one() -> None:
    told, over = (ticket_of(each, PUBLIC_URL) for each in sample_notices("tickets", 0))
    assert told.summary == "Test of receiver tickets: nothing has happened"
    assert description(over).headline == "Test of receiver tickets: it is over"
    assert told.retitles
    assert not over.retitles


def test_an_order_is_an_issue_of_its_own() -> None:
    ticket = ticket_of(ORDER, PUBLIC_URL)
    assert ticket.summary == "Order to pause agent indexer"
    assert ticket.labels == ["spendwarden", "pause", "agent:indexer", "ord-1"]
    assert ticket.parent == "inc-1"


def test_nothing_of_a_document_is_believed() -> None:
    deep: Any = {"type": "text", "text": "deep"}
    for _ in range(2_000):
        deep = {"type": "paragraph", "content": [deep]}
    assert adf_text(deep) == ""
    wicked: list[Any] = [{"content": 3}, {"content": [None, "x", {"text": 7}]}, {"attrs": [], "text": None}, {"type": []}, {"type": {}}, 5, []]
    assert [adf_text(each) for each in wicked] == [""] * len(wicked)
    assert adf_text({"content": [{"type": "mention", "attrs": {"text": "@li"}}, {"type": "hardBreak"}, {"type": "text", "text": "look"}]}) == "@li\nlook"


def _pairs(node: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for child in node.get("content", ()):
        yield node, child
        yield from _pairs(child)
