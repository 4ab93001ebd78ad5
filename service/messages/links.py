"""Where the evidence is found: the only place that knows how our addresses are made."""

from __future__ import annotations

from urllib.parse import quote


def evidence_url(public_url: str, incident: str) -> str:
    """The address of an incident's evidence, or an empty text where there is no incident.

    >>> evidence_url("https://spend.example/", "inc-1"), evidence_url("https://spend.example", "")
    ('https://spend.example/v1/incidents/inc-1', '')
    """
    return f"{public_url.rstrip('/')}/v1/incidents/{quote(incident, safe='')}" if incident else ""
