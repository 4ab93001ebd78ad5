"""Slack's own published description of its Web API, as far as it reaches: what a call may carry. Absent where ../shared is."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parents[3] / "shared" / "contracts" / "slack-web-v1.7.swagger.json"
NEWER: Final = frozenset({"metadata"})  # Slack takes it since 2022, the description is older
WHY_NOT: Final = f"Slack's published description is not here ({FILE.name} of ../shared)"


def is_here() -> bool:
    return FILE.is_file()


@cache
def _methods() -> dict[str, dict[str, dict[str, Any]]]:
    if not is_here():
        return {}
    told = json.loads(FILE.read_text())
    return {
        path.removeprefix("/"): {parameter["name"]: parameter for parameter in next(iter(verbs.values()))["parameters"]}
        for path, verbs in told["paths"].items()
    }


def mistakes(method: str, given: dict[str, Any], *, authorized: bool) -> list[str]:
    """What is wrong with a call by the description; nothing of methods that it does not have."""
    known = _methods().get(method)
    if known is None:
        return []
    found = [f"{method}: {name} is unknown" for name in given.keys() - known.keys() - NEWER]
    for name, parameter in known.items():
        if name == "token":
            found += [] if authorized else [f"{method}: no token"]
        elif name not in given:
            found += [f"{method}: {name} is missing"] if parameter.get("required") else []
        elif not _fits(given[name], parameter["type"]):
            found.append(f"{method}: {name} is no {parameter['type']}")
    return found


def _fits(value: Any, kind: str) -> bool:
    """A form carries objects and lists as JSON text; JSON itself may hold them as they are."""
    match kind:
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "integer" | "number":
            return (isinstance(value, int | float) and not isinstance(value, bool)) or (isinstance(value, str) and value.replace(".", "", 1).isdigit())
        case _:
            return isinstance(value, str | list | dict)
