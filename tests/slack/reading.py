"""A message of Slack's as text, block by block, marks and all: for golden files and for a terminal."""

from __future__ import annotations

import json
from typing import Any


def read(said: dict[str, Any]) -> str:
    """What a person reads of a message."""
    return "\n".join(map(_block, said["blocks"])) if "blocks" in said else str(said["text"])


def written(said: dict[str, Any]) -> str:
    """All of a message with blocks: what a person reads, the text of those who see no blocks, and the metadata."""
    return "\n".join([read(said), "=" * 40, said["text"], json.dumps(said["metadata"])]) + "\n"


def _block(block: dict[str, Any]) -> str:
    match block:
        case {"type": "header", "text": {"text": text}}:
            return f"# {text}\n"
        case {"type": "section", "fields": fields}:
            return "\n".join(" = ".join(each["text"].split("\n", 1)) for each in fields) + "\n"
        case {"type": "section", "text": {"text": text}}:
            return f"{text}\n"
        case {"type": "context", "elements": elements}:
            return "\n".join(f"~ {line}" for each in elements for line in each["text"].split("\n")) + "\n"
        case {"type": "actions", "elements": elements}:
            return " ".join(map(_element, elements))
        case _:
            raise AssertionError(block)


def _element(element: dict[str, Any]) -> str:
    if element["type"] == "static_select":
        return f"[{element['placeholder']['text']}: {' / '.join(each['text']['text'] for each in element['options'])}]"
    more = f" {element['style']}" if "style" in element else ""
    return f"[{element['text']['text']}{more}{' ?' if 'confirm' in element else ''}]"
