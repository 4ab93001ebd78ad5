"""What a record costs by our table, for those that say no cost and beside those that do. Exact: pico-dollars, rounded down once."""

from __future__ import annotations

from service.meter.cells import Open
from service.meter.plan import Plan
from service.money import PICO_PER_NANO
from service.prices import quantity_nanos
from service.records import Usage


def listed(cell: Open, u: Usage) -> int:
    """The table's price of a record's tokens in nanos; its parts by kind of token join the cell's sums."""
    rates, sums = cell.rates, cell.sums
    assert rates is not None
    a, b = u.input_tokens * rates.input, u.cache_read_tokens * rates.cache_read
    c, d = u.cache_write_tokens * rates.cache_write, u.output_tokens * rates.output
    if u.batch:
        n, m = rates.batch_numerator, rates.batch_denominator
        nanos = (a + b + c + d) * n // (m * PICO_PER_NANO)
        a, b, c, d = a * n // m, b * n // m, c * n // m, d * n // m
    else:
        nanos = (a + b + c + d) // PICO_PER_NANO
    sums.input_pico += a
    sums.cache_read_pico += b
    sums.cache_write_pico += c
    sums.output_pico += d
    sums.list_nanos += nanos
    return nanos


def priced(plan: Plan, u: Usage, cell: Open, by_table: int, event_ms: int) -> int | None:
    """What a record without a told cost in dollars costs in nanos; None, with its tokens kept for a later price, where nobody knows."""
    if u.cost is not None:
        known = plan.convert(u.cost, u.currency, event_ms)
    elif cell.rates is not None:
        known = by_table
    elif u.quantity is not None and u.unit:
        known = _by_quantity(plan, u, cell, event_ms)
    else:
        known = None if u.input_tokens + u.cache_read_tokens + u.cache_write_tokens + u.output_tokens else 0
    if known is None:
        _keep(u, cell)
    return known


def _by_quantity(plan: Plan, u: Usage, cell: Open, event_ms: int) -> int | None:
    assert u.quantity is not None
    cell.sums.quantity_milli += round(u.quantity * 1000)
    unit_pico = plan.unit_pico(u.operation, u.unit, event_ms)
    if unit_pico is not None:
        return quantity_nanos(u.quantity, unit_pico)
    return None if u.quantity else 0


def _keep(u: Usage, cell: Open) -> None:
    sums = cell.sums
    sums.unpriced += 1
    if u.cost is None:
        sums.unpriced_input += u.input_tokens
        sums.unpriced_cache_read += u.cache_read_tokens
        sums.unpriced_cache_write += u.cache_write_tokens
        sums.unpriced_output += u.output_tokens


def unknown(u: Usage) -> str:
    """What is not known about a record's cost, in words."""
    if u.cost is not None:
        return f"no rate for {u.currency or 'USD'}"
    return f"no price for {u.model or f'{u.operation} per {u.unit}'}"
