"""The three record types of the stream: what a producer may say, once it has been parsed.

A record is parsed once, by `service.intake`; everything behind it relies on the constraints written here as annotations.
The same types travel as JSON at the door and as MessagePack in the stream, so their JSON Schema is published from them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

ID_MAX: Final = 128
TEXT_MAX: Final = 256
LABELS_MAX: Final = 16
RECORD_BYTES_MAX: Final = 64 * 1024
TOKENS_MAX: Final = 10**12
QUANTITY_MAX: Final = 1e15
TIME_LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999, which RFC 3339 cannot pass
TOO_EARLY_MS: Final = 10 * 60 * 1000
UNATTRIBUTED: Final = "unattributed"
DEFAULT_TENANT: Final = "default"

Identity: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
Text: TypeAlias = Annotated[str, Meta(max_length=TEXT_MAX)]
Tokens: TypeAlias = Annotated[int, Meta(ge=0, le=TOKENS_MAX)]
Quantity: TypeAlias = Annotated[float, Meta(ge=0, le=QUANTITY_MAX)]
Time: TypeAlias = Annotated[datetime, Meta(tz=True)] | float
Amount: TypeAlias = Text | int | float
Layer: TypeAlias = Literal["inference", "retrieval", "orchestration", "observability", "tool"]
What: TypeAlias = Literal["deploy", "prompt", "config", "price", "launch"]


class Usage(Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="usage"):
    """One operation that costs money. Token kinds are disjoint: `input_tokens` is fresh input only.

    `attempt` counts from 1; 0 is taken as not told, for a refusal would lose the money of producers that send it where they do not
    count. `currency` is checked at the door and not by its type: the log may hold what an earlier door let in.

    >>> Usage(id="a", time=1.5).layer
    'inference'
    """

    id: Identity
    time: Time
    source: Text = ""
    tenant: Text = DEFAULT_TENANT
    layer: Layer = "inference"
    operation: Text = ""
    agent: Text = ""
    use_case: Text = ""
    business_unit: Text = ""
    workflow: Text = ""
    user: Text = ""
    customer: Text = ""
    api_key: Text = ""
    execution_id: Text = ""
    parent_execution_id: Text = ""
    root_execution_id: Text = ""
    signature: Text = ""
    provider: Text = ""
    model: Text = ""
    requested_model: Text = ""
    input_tokens: Tokens = 0
    cache_read_tokens: Tokens = 0
    cache_write_tokens: Tokens = 0
    output_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0
    batch: bool = False
    quantity: Quantity | None = None
    unit: Text = ""
    cost_usd: Amount | None = None
    cost: Amount | None = None
    currency: Text = ""
    duration_ms: Quantity = 0.0
    status: Literal["ok", "error"] = "ok"
    error: Text = ""
    attempt: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    fallback_from: Text = ""
    prompt_id: Text = ""
    prompt_version: Text = ""
    caller: Text = ""
    labels: Annotated[dict[Text, Text], Meta(max_length=LABELS_MAX)] | None = None


class Outcome(Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="outcome"):
    """What a run achieved; it also ends the run. The door asks for the `execution_id`."""

    id: Identity
    time: Time
    source: Text = ""
    tenant: Text = DEFAULT_TENANT
    execution_id: Text = ""
    root_execution_id: Text = ""
    use_case: Text = ""
    outcome: Text = ""
    success: bool | None = None
    value_usd: Amount | None = None


class Change(Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", tag="change"):
    """Something that was done on purpose: a deploy, a new prompt, a launch. The door asks for `what`."""

    id: Identity
    time: Time
    source: Text = ""
    tenant: Text = DEFAULT_TENANT
    what: What = "config"
    scope: dict[Text, Text] | None = None
    ref: Text = ""
    by: Text = ""


Record: TypeAlias = Usage | Outcome | Change

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def instant(time: datetime | float) -> int:
    """A record's `time` as whole Unix milliseconds, rounded down.

    >>> instant(1.2345), instant(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    (1234, 60000)
    """
    if isinstance(time, datetime):
        return (time - _EPOCH) // _MS
    return floor(time * 1000)


def rfc3339(ms: int) -> str:
    """Unix milliseconds as RFC 3339 text in UTC; what lies beyond the year 9999 is told as its end.

    >>> rfc3339(1234), rfc3339(1 << 60)
    ('1970-01-01T00:00:01.234Z', '9999-12-31T23:59:59.999Z')
    """
    return (_EPOCH + min(ms, TIME_LAST_MS) * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")
