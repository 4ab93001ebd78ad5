"""Text to plain data: YAML as people mean it, with every key that stands twice.

Plain words mean what YAML 1.2 says, so `on: [loop]` is a key called `on`, `no` is a text and `12:30` is no number; numbers are
decimal only. Values that look like dates become dates. A float keeps the shortest text that gives it back, so money read from
it is what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

import yaml

from service.policy.mistakes import Mistake, PolicyError, path_of

POLICY_CHARS_MAX: Final = 4 * 1024 * 1024
DEPTH_MAX: Final = 32
NODES_MAX: Final = 500_000
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language; the one in C is twenty times faster
_INT: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read(text: str) -> tuple[dict[str, Any], list[Mistake]]:
    """The policy as a tree, and the mistakes that the tree can no longer show.

    Raises PolicyError where there is no tree at all; its path is the line.

    >>> read("pauses: {mode: observe, on: [loop]}")
    ({'pauses': {'mode': 'observe', 'on': ['loop']}}, [])
    """
    if len(text) > POLICY_CHARS_MAX:
        raise PolicyError([Mistake("", f"must be at most {POLICY_CHARS_MAX} characters long")])
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        begun = f" (begun in line {error.context_mark.line + 1})" if error.context_mark and error.context_mark is not mark else ""
        raise PolicyError([Mistake(where, f"is not YAML: {error.problem or error.context}{begun}")]) from None
    except yaml.YAMLError:
        raise PolicyError([Mistake("", "is not YAML: holds a character that may not stand in it")]) from None
    except RecursionError:
        raise PolicyError([Mistake("", f"is nested more than {DEPTH_MAX} deep")]) from None
    reader = _Reader()
    tree = {} if node is None else reader.value(node, ())
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise PolicyError([Mistake("", "must be a mapping such as `budgets: [...]`")])
    return {key: value for key, value in tree.items() if value is not None}, reader.mistakes  # `budgets:` with nothing below it


class _Reader:
    """Walks the nodes once and collects what a mapping cannot hold."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.nodes = 0

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise PolicyError([Mistake(path_of(path), f"the policy holds more than {NODES_MAX} values, aliases spelled out")])
        if len(path) > DEPTH_MAX:
            raise PolicyError([Mistake(path_of(path), f"is nested more than {DEPTH_MAX} deep")])
        match node:
            case yaml.MappingNode():
                return self.mapping(node, path)
            case yaml.SequenceNode():
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode() if not node.style:  # a word without quotes: None in Python, empty in C
                return _plain(node.value)
            case _:
                return node.value

    def mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(path_of(path), f"has a key that is no text (line {key_node.start_mark.line + 1})"))
            elif key_node.value == "<<" and not key_node.style:
                for more in self.merges(value_node, path):
                    merged = {**more, **merged}
            elif key_node.value in own:
                self.mistakes.append(Mistake(path_of((*path, key_node.value)), f"stands twice (line {key_node.start_mark.line + 1})"))
            else:
                own[key_node.value] = self.value(value_node, (*path, key_node.value))
        return {**merged, **own}

    def merges(self, node: yaml.Node, path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(source, yaml.MappingNode):
                yield self.mapping(source, (*path, "<<"))
            else:
                self.mistakes.append(Mistake(path_of((*path, "<<")), "must name a mapping"))


def _plain(word: str) -> bool | int | float | date | datetime | str | None:
    """What a word without quotes means."""
    if word in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(word) and len(word) < 20:
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    try:
        if _DATE.fullmatch(word):
            return date.fromisoformat(word)
        if _TIME.fullmatch(word):
            return datetime.fromisoformat(word)
    except ValueError:
        pass
    return word
