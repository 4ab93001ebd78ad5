"""What a record costs by our table, for those that say no cost and beside those that do. Exact: pico-dollars, rounded down once."""

from __future__ import annotations

from service.meter.cells import Open
from service.meter.plan import Plan
from service.money import PICO_PER_NANO
from service.prices import Rates, quantity_nanos
from service.records import Usage


def by_table(rates: Rates, u: Usage) -> int:
    """The table's price of a record's tokens in nanos."""
    pico = u.input_tokens * rates.input + u.cache_read_tokens * rates.cache_read + u.cache_write_tokens * rates.cache_write + u.output_tokens * rates.output
    return pico * rates.batch_numerator // (rates.batch_denominator * PICO_PER_NANO) if u.batch else pico // PICO_PER_NANO


def list_tokens(cell: Open) -> None:
    """At a cell's last word: what the table says its tokens cost, whatever was told, by the prices in force then."""
    rates, sums = cell.rates, cell.sums
    if rates is None:
        return
    n, per = (rates.batch_numerator, rates.batch_denominator) if cell.cell.batch else (1, 1)
    sums.input_pico = sums.input * rates.input * n // per
    sums.cache_read_pico = sums.cache_read * rates.cache_read * n // per
    sums.cache_write_pico = sums.cache_write * rates.cache_write * n // per
    sums.output_pico = sums.output * rates.output * n // per


def priced(plan: Plan, u: Usage, cell: Open, event_ms: int) -> int | None:
    """What a record costs in nanos that says no cost in dollars and has no price per token; None, with its tokens kept for a later price, where nobody knows."""
    if u.cost is not None:
        known = plan.convert(u.cost, u.currency, event_ms)
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
        return f"no rate for {u.currency}"  # dollars always have one
    return f"no price for {u.model or f'{u.operation} per {u.unit}'}"
