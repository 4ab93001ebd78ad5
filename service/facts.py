"""What the parts say to each other: rows of the stream, facts of the journal, decisions of the outbox.

Law of this file: a fact carries an identity and a whole value, never a difference, so hearing it twice changes nothing.
Times are Unix milliseconds (`_ms`) or whole minutes since 1970 (`minute`); money is nano-dollars (`_nanos`).
Everything travels as MessagePack; fields are only ever added at the end.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from service.records import Change, Outcome, Usage

MARK_MS: Final = 200
MINUTE_MS: Final = 60_000


def ident(prefix: str, *parts: object) -> str:
    """The same facts, the same id, for ever: a prefix and 80 bits of a digest.

    >>> ident("inc", "default", "agent", "indexer", 7) == ident("inc", "default", "agent", "indexer", 7)
    True
    """
    text = "\0".join(map(str, parts))
    return f"{prefix}-{blake2b(text.encode(), digest_size=10).hexdigest()}"


class Scope(NamedTuple):
    """What spend is counted for and limits apply to; the total is `("total", "total")`."""

    kind: str
    name: str


TOTAL: Final = Scope("total", "total")


class Kind(StrEnum):
    """Every kind of finding, by its published name."""

    BUDGET_THRESHOLD = "budget_threshold"
    BUDGET_FORECAST = "budget_forecast"
    EXECUTION_CAP = "execution_cap"
    TOKEN_QUOTA = "token_quota"  # noqa: S105 -- tokens of text
    LOOP = "loop"
    RETRY_STORM = "retry_storm"
    CONTEXT_GROWTH = "context_growth"
    PROMPT_BLOAT = "prompt_bloat"
    CACHE_BREAK = "cache_break"
    MODEL_SWAP = "model_swap"
    PRICE_CHANGE = "price_change"
    VOLUME_SURGE = "volume_surge"
    SPEND_ANOMALY = "spend_anomaly"
    SLOW_DRIFT = "slow_drift"
    FAN_OUT = "fan_out"
    LEAKED_KEY = "leaked_key"
    FLAT_LINE = "flat_line"
    UNPRICED = "unpriced"
    UNATTRIBUTED = "unattributed"
    TIER_VIOLATION = "tier_violation"
    BATCH_VIOLATION = "batch_violation"
    PAUSE_IGNORED = "pause_ignored"


DRIVERS: Final = ("executions", "calls_per_execution", "retries", "input_tokens", "output_tokens", "cache", "model_mix", "price", "other_layers")


class Cell(NamedTuple):
    """The grain of a tally."""

    tenant: str
    agent: str
    use_case: str
    business_unit: str
    workflow: str
    provider: str
    model: str
    layer: str
    operation: str
    batch: bool


CELL_KINDS: Final = frozenset({"agent", "use_case", "business_unit", "workflow", "provider", "model", "tenant"})  # kinds of scopes that a cell itself decides


class Member(NamedTuple):
    """A scope that no cell names (a user, a key, a label, a run) and that some limit of the policy asks for."""

    tenant: str
    kind: str
    name: str


class Measures(Struct, array_like=True, gc=False):
    """Sums over the records of one tally. All whole numbers; `last_ms` is the greatest event time among them.

    `nanos` is what it cost, as told or else by our table; `*_pico` is what our table says that the tokens of each kind cost, in
    pico-dollars, so that they add up before the rounding: known at the last word, and 0 where the table knows no price.
    `planned_nanos` is the part of `nanos` that the policy's calendar expected.
    """

    records: int = 0
    nanos: int = 0
    last_ms: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    calls: int = 0
    errors: int = 0
    retries: int = 0
    retry_nanos: int = 0
    fallbacks: int = 0
    swapped: int = 0
    input_pico: int = 0
    cache_read_pico: int = 0
    cache_write_pico: int = 0
    output_pico: int = 0
    unpriced: int = 0
    began: int = 0
    ended: int = 0
    duration_ms: int = 0
    planned_nanos: int = 0
    quantity_milli: int = 0
    unpriced_input: int = 0
    unpriced_cache_read: int = 0
    unpriced_cache_write: int = 0
    unpriced_output: int = 0


class Tally(Struct, array_like=True, tag="t", gc=False):
    """The last word on a cell: all records of `event_minute` that arrived in `arrival_minute`, which is over.

    `unpriced`: whose its tokens without a price are (fresh, read, written, output), of the members that some limit asks for.
    """

    cell: Cell
    event_minute: int
    arrival_minute: int
    offset: int
    sums: Measures
    unpriced: dict[Scope, list[int]] | None = None


class Progress(Struct, array_like=True, tag="g", gc=False):
    """So far these totals of a cell for records of `event_minute` that arrived in `arrival_minute`, as of `offset`.

    Said at each mark in which they changed, until the last word; only money, tokens and counts travel between.
    """

    cell: Cell
    event_minute: int
    arrival_minute: int
    offset: int
    records: int
    nanos: int
    tokens: int
    last_ms: int
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


class Share(Struct, array_like=True, tag="s", gc=False):
    """The same for a member, also as its last word."""

    member: Member
    event_minute: int
    arrival_minute: int
    offset: int
    records: int
    nanos: int
    tokens: int
    last_ms: int


class Heaviest(Struct, array_like=True, tag="h", gc=False):
    """Who an agent's calls came from in one arrival minute: the heaviest members by kind and a remainder `other`.

    `members`: kind -> name -> (calls, nanos). Said once, when the minute is over.
    """

    tenant: str
    agent: str
    arrival_minute: int
    members: dict[str, dict[str, tuple[int, int]]]


class Finding(Struct, array_like=True, tag="f", omit_defaults=True):
    """A rule or a detector says something about a scope; its id is the same whenever it is found again.

    `tier`: the tier of models that the action `degrade` asks for.
    """

    id: str
    tenant: str
    kind: Kind
    scope: Scope
    time_ms: int
    arrival_ms: int
    agent: str = ""
    use_case: str = ""
    business_unit: str = ""
    workflow: str = ""
    execution: str = ""
    spend_nanos: int = 0
    expected_nanos: int = 0
    limit_nanos: int | None = None
    observed: float = 0.0
    expected: float = 0.0
    detail: str = ""
    driver: str = ""
    action: str = ""
    dimensions: list[Scope] = msgspec.field(default_factory=list)
    since_ms: int = 0
    tier: str = ""


class RunSpend(Struct, array_like=True, tag="r", gc=False):
    """A run that a finding named: what it and its children have spent so far, said at each mark while it goes on.

    `stuck`: what the finding saw is still so (a run that had looped and goes on in earnest is not).
    """

    tenant: str
    root: str
    agent: str
    offset: int
    nanos: int
    calls: int
    last_ms: int
    ended: bool
    stuck: bool = True


class Purpose(Struct, array_like=True, tag="c"):
    """A `change` record, passed on: something was done on purpose."""

    id: str
    tenant: str
    what: str
    scope: Scope
    time_ms: int
    ref: str
    by: str


Fact: TypeAlias = Tally | Progress | Share | Heaviest | Finding | RunSpend | Purpose


def tenant_of(fact: Fact) -> str:
    """Whose money a fact is about."""
    if isinstance(fact, Tally | Progress):
        return fact.cell.tenant
    return fact.member.tenant if isinstance(fact, Share) else fact.tenant


class Counts(Struct, array_like=True, gc=False):
    """What one partition has heard since its beginning; every bound that was reached is counted here."""

    records: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    unpriced: int = 0
    unchecked: int = 0
    too_early: int = 0
    runs_dropped: int = 0
    cells_folded: int = 0
    members_folded: int = 0
    repeats_forgotten: int = 0
    names_dropped: int = 0


class Tick(Struct, array_like=True, tag="k", gc=False):
    """Time has passed: appended by the owner so that a quiet partition goes on."""


class PolicySet(Struct, array_like=True, tag="p"):
    """A policy takes effect at the first arrival from `from_ms` on, so that all partitions change at the same time of the log.

    `body` is the whole policy as `service.policy.dump` writes it.
    """

    version: int
    digest: str
    body: bytes
    from_ms: int = 0


class Envelope(Struct, array_like=True, tag="e"):
    """All facts that one stream partition says at one mark, to one journal partition.

    `mark_ms`: all that arrived before it has been heard; `offset`: up to which row of the stream.
    """

    partition: int
    mark_ms: int
    offset: int
    facts: list[Fact]
    counts: Counts


ControlAction: TypeAlias = Literal["acknowledge", "snooze", "pause", "throttle", "degrade", "resume", "verdict", "plan", "note"]


class Control(Struct, array_like=True, tag="a"):
    """What a person asked for."""

    id: str
    tenant: str
    action: ControlAction
    by: str
    incident: str = ""
    order: str = ""
    scope: Scope | None = None
    reason: str = ""
    until_ms: int | None = None
    approved_by: str = ""
    verdict: str = ""
    from_ms: int | None = None
    extra_nanos: int | None = None


class Receipt(Struct, array_like=True, tag="v"):
    """How a delivery ended: `delivered`, `accepted`, `refused` or `failed`, for an order or a notice, at a receiver."""

    id: str
    receiver: str
    state: str
    reason: str = ""
    tenant: str = ""


StreamRow: TypeAlias = Usage | Outcome | Change
StreamItem: TypeAlias = Tick | PolicySet
JournalRow: TypeAlias = Envelope | Tick | PolicySet | Control | Receipt


class DriverShare(NamedTuple):
    """One driver's part of an excess."""

    driver: str
    nanos: int


class DimensionShare(NamedTuple):
    """One member's part of an excess, 0..1."""

    kind: str
    name: str
    share: float


class Cause(Struct, array_like=True):
    """Why a scope's spend differs from what was expected; the drivers' nanos sum to the excess exactly."""

    driver: str
    share: float
    drivers: list[DriverShare]
    dimensions: list[DimensionShare]
    changes: list[str] = msgspec.field(default_factory=list)


class Evidence(Struct, array_like=True):
    """One detector's or rule's vote, with the numbers behind it."""

    detector: str
    score: float
    expected: float
    observed: float
    detail: str = ""


class Ordered(Struct, array_like=True, tag="D"):
    """What was ordered because of an incident and what has become of it, as far as is known at this step; `time_ms` is the order's.

    `state` is the order's (`requested` ... `failed`), in observe mode `requested` for ever: it was decided, not sent. `saved_nanos`
    is what an hour at the pace before the order would have cost. `scope` is the order's own where it is not the incident's.
    """

    id: str
    action: str
    mode: str
    state: str
    time_ms: int
    expires_ms: int
    reason: str = ""
    overshoot_nanos: int = 0
    saved_nanos: int | None = None
    tier: str = ""
    scope: Scope | None = None


class Incident(Struct, array_like=True, tag="I"):
    """One step of an incident, whole: what it is now and why it was said."""

    time_ms: int
    action: str
    id: str
    tenant: str
    scope: Scope
    kinds: list[Kind]
    severity: str
    state: str
    opened_ms: int
    revision: int
    spend_nanos: int
    excess_nanos: int
    limit_nanos: int | None
    cause: Cause | None
    evidence: list[Evidence]
    reason: str
    owner: str = ""
    detail: str = ""
    executions: list[str] = msgspec.field(default_factory=list)
    budget: str = ""
    threshold: float | None = None
    thresholds: list[float] = msgspec.field(default_factory=list)
    pace: float | None = None
    period_start_ms: int | None = None
    period_end_ms: int | None = None
    runs_out_ms: tuple[int, int, int] | None = None
    parent: str = ""
    order: str = ""
    ordered: Ordered | None = None


class Order(Struct, array_like=True, tag="O"):
    """An order to whoever runs the agents; a receiver obeys only a greater `sequence` than it has seen for the scope."""

    time_ms: int
    action: str
    id: str
    tenant: str
    scope: Scope
    incident: str
    reason: str
    mode: str
    expires_ms: int
    sequence: int
    executions: list[str] | None = None
    by: str = ""
    approved_by: str = ""
    tier: str = ""


class OrderState(Struct, array_like=True, tag="S"):
    """A step in an order's life."""

    time_ms: int
    id: str
    tenant: str
    scope: Scope
    state: str
    overshoot_nanos: int
    reason: str = ""
    receiver: str = ""
    saved_nanos: int | None = None


class Notice(Struct, array_like=True, tag="N"):
    """One receiver is told one thing about an incident; `about` is the step it tells."""

    time_ms: int
    id: str
    tenant: str
    incident: str
    receiver: str
    reason: str
    title: str
    about: Incident
    budget: str = ""
    threshold: float | None = None
    thresholds: list[float] = msgspec.field(default_factory=list)


class Untold(Struct, array_like=True, tag="U"):
    """A step that nobody was told of, and the named reason."""

    time_ms: int
    incident: str
    tenant: str
    reason: str


class PricedLate(Struct, array_like=True, tag="L"):
    """Tokens that nobody could price when they came have a price now: so much more belongs to that cell and event minute."""

    time_ms: int
    cell: Cell
    event_minute: int
    nanos: int


Decision: TypeAlias = Incident | Order | OrderState | Notice | Untold | PricedLate


class Outbox(Struct, array_like=True):
    """What one journal row made the warden decide; `at` is that row's offset, so a repetition is known as one."""

    at: int
    decisions: list[Decision]


_encoder: Final = msgspec.msgpack.Encoder()
encode: Final = _encoder.encode
_records: Final[msgspec.msgpack.Decoder[StreamRow]] = msgspec.msgpack.Decoder(StreamRow)
_items: Final[msgspec.msgpack.Decoder[StreamItem]] = msgspec.msgpack.Decoder(StreamItem)
decode_journal: Final = msgspec.msgpack.Decoder(JournalRow).decode
decode_outbox: Final = msgspec.msgpack.Decoder(Outbox).decode
_MAPS: Final = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}


def decode_stream(raw: bytes) -> StreamRow | StreamItem:
    """A row of the stream: records travel as maps, what the shell itself appends as arrays."""
    return _records.decode(raw) if raw[0] in _MAPS else _items.decode(raw)
