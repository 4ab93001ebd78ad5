"""Records in our own form: one JSON object of the contract's section 1.

Most records are a `usage` without a fault, so one decode and three cheap looks decide them (about a microsecond and a half);
everything else goes to `service.intake.careful`, which takes the time to say what is wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from service.intake.careful import TIME_END_S, read_carefully
from service.intake.faults import is_currency
from service.intake.refusals import Reason, Refusal, Unknown
from service.records import DEFAULT_TENANT, RECORD_BYTES_MAX, TOO_EARLY_MS, Amount, Change, Outcome, Usage, instant

_decode_usage: Final = msgspec.json.Decoder(Usage).decode
_decode_outcome: Final = msgspec.json.Decoder(Outcome).decode
_SURE_USD: Final = 10**9 - 1


def parse(raw: bytes, where: str = "", unknown: Unknown | None = None) -> Usage | Outcome | Change | Refusal:
    """One record or why it is refused; unknown fields are counted in `unknown`. Never raises, whatever the bytes are.

    >>> parse(b'{"id": "a", "time": 1.5, "input_tokens": 12}').input_tokens
    12
    >>> parse(b'{"id": "a", "time": 1.5, "input_tokens": -12}').reason
    <Reason.NEGATIVE: 'negative'>
    """
    if len(raw) > RECORD_BYTES_MAX:
        detail = f"The record is more than {RECORD_BYTES_MAX} bytes; leave out what is not in the contract."
        return Refusal(reason=Reason.TOO_LARGE, detail=detail, where=where, raw=raw)
    try:
        usage = _decode_usage(raw)
    except (ValueError, RecursionError):
        return _outcome(raw) or read_carefully(raw, where, unknown)
    currency = usage.currency
    if (
        _timely(usage.time)
        and usage.tenant
        and _is_sure(usage.cost_usd)
        and (usage.cost is None or _is_sure(usage.cost))
        and (not currency or is_currency(currency))
    ):
        return usage
    return read_carefully(raw, where, unknown)


def _outcome(raw: bytes) -> Outcome | None:
    """An outcome without a fault; None where it takes a closer look, as every change does: the few there are must say `what`."""
    try:
        record = _decode_outcome(raw)
    except (ValueError, RecursionError):
        return None
    return record if record.execution_id and record.tenant and _timely(record.time) and _is_sure(record.value_usd) else None


def _timely(time: datetime | float) -> bool:
    return 0 <= time < TIME_END_S if isinstance(time, float) else 1970 < time.year < 9999


def _is_sure(amount: Amount | None) -> bool:
    """Whether an amount needs no closer look: absent, or a number well inside the range; what reads as a float reads as money."""
    if isinstance(amount, str):
        try:
            amount = float(amount)
        except ValueError:
            return False
    return amount is None or -_SURE_USD < amount < _SURE_USD


def tenanted(record: Usage | Outcome | Change, tenant: str) -> Usage | Outcome | Change:
    """The record in a tenant's books: a token's tenant overrides the record's own."""
    return record if record.tenant == tenant else msgspec.structs.replace(record, tenant=tenant or DEFAULT_TENANT)


def too_early(record: Usage | Outcome | Change, arrival_ms: int, where: str = "", raw: bytes = b"") -> Refusal | None:
    """The refusal of a record that is stamped more than ten minutes ahead of its arrival, or None.

    >>> too_early(Usage(id="a", time=600.0), arrival_ms=0), too_early(Usage(id="a", time=600.001), arrival_ms=0).reason
    (None, <Reason.TOO_EARLY: 'too_early'>)
    """
    ahead_ms = instant(record.time) - arrival_ms
    if ahead_ms <= TOO_EARLY_MS:
        return None
    detail = f"`time` lies {ahead_ms // 1000} s ahead of the arrival; set the producer's clock right and send it again."
    return Refusal(reason=Reason.TOO_EARLY, field="time", id=record.id, detail=detail, where=where, raw=raw)
