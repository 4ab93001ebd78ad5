"""A message in Atlassian's document format, as Jira Cloud shows it; and such a document as plain text. Pure.

A text node is inert: whatever a name holds, it becomes no mention, no link and no mark-up. What cannot be printed is written as its
escape before it comes here (`service.phrases`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from service.messages.fitting import fitted
from service.messages.message import Message

DOCUMENT_MAX: Final = 32_767  # characters, of the document as JSON: whatever Jira counts of it is less
DEPTH_MAX: Final = 50
_PANELS: Final = {"critical": "error", "warning": "warning"}
_BREAKS: Final = ("paragraph", "heading", "listItem", "tableRow", "codeBlock", "panel", "hardBreak")  # no set: a type may be anything

Node: TypeAlias = dict[str, Any]


def adf(message: Message) -> Node:
    """The message as a document: what happens in a panel, then what was done, the figures as a table, the causes, where to look."""
    return _document(fitted(_body(message), _foot(message), _size, DOCUMENT_MAX, lambda text: _paragraph(_text(text, "em"))))


def adf_text(document: Any) -> str:
    r"""The words of a document that someone else wrote, a line for each block; a text (Data Center's) is itself. Nothing is believed to be well formed.

    >>> adf_text({"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a"}]}, {"type": "rule"}]})
    'a'
    >>> adf_text("from Data Center"), adf_text(None)
    ('from Data Center', '')
    """
    if isinstance(document, str):
        return document.strip()
    return "\n".join(line for part in "".join(_words(document, 0)).split("\n") if (line := part.strip()))


def _words(node: Any, depth: int) -> Iterable[str]:
    if not isinstance(node, Mapping) or depth > DEPTH_MAX:
        return
    attributes = node.get("attrs")
    said = node.get("text") or (attributes.get("text") if isinstance(attributes, Mapping) else None)
    if isinstance(said, str):
        yield said
    content = node.get("content")
    for part in content if isinstance(content, list) else ():
        yield from _words(part, depth + 1)
    if node.get("type") in _BREAKS:
        yield "\n"


def _body(message: Message) -> list[Node]:
    return [
        _panel(message),
        *_section("What was done", message.done),
        *([_table(message.fields)] if message.fields else []),
        *(_section(message.why, message.causes) if message.causes else [_heading(message.why)] if message.why else []),
        *_section("What people did", message.people),
        *([_paragraph(*_links(message.links))] if message.links else []),
    ]


def _foot(message: Message) -> list[Node]:
    return [_paragraph(_text(text, "em")) for text in message.foot]


def _panel(message: Message) -> Node:
    """Its colour is the severity's, which its first word says too."""
    head = _text(f"{message.severity.upper()}: {message.headline}", "strong")
    rest = [_paragraph(_text(message.lead))] if message.lead else []
    return {"type": "panel", "attrs": {"panelType": _PANELS.get(message.severity, "info")}, "content": [_paragraph(head), *rest]}


def _section(head: str, lines: Sequence[str]) -> list[Node]:
    if not lines:
        return []
    items = [{"type": "listItem", "content": [_paragraph(_text(" ".join(line.split())))]} for line in lines]
    return [_heading(head), {"type": "bulletList", "content": items}]


def _table(fields: Iterable[tuple[str, str]]) -> Node:
    rows = [
        {
            "type": "tableRow",
            "content": [
                {"type": "tableHeader", "attrs": {}, "content": [_paragraph(_text(label, "strong"))]},
                {"type": "tableCell", "attrs": {}, "content": [_paragraph(_text(value))]},
            ],
        }
        for label, value in fields
    ]
    return {"type": "table", "attrs": {"isNumberColumnEnabled": False, "layout": "default"}, "content": rows}


def _links(links: Iterable[tuple[str, str]]) -> list[Node]:
    found: list[Node] = []
    for label, url in links:
        found += [_text(" · ")] if found else []
        found += [{"type": "text", "text": label, "marks": [{"type": "link", "attrs": {"href": url}}]}]
    return found


def _heading(text: str) -> Node:
    return {"type": "heading", "attrs": {"level": 4}, "content": [_text(text)]}


def _paragraph(*content: Node) -> Node:
    return {"type": "paragraph", "content": list(content)}


def _text(text: str, mark: str = "") -> Node:
    node: Node = {"type": "text", "text": text or " "}  # Jira refuses an empty text node
    return node | {"marks": [{"type": mark}]} if mark else node


def _document(blocks: Sequence[Node]) -> Node:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def _size(blocks: Sequence[Node]) -> int:
    return len(json.dumps(_document(blocks), separators=(",", ":")))
