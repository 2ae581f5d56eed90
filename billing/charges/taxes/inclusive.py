"""Prices that hold their tax: the split into net and tax.

Problem: a customer with a price of 9.99 pays 9.99, on any lines of the bill. Nets and tax of the bill must add up to that. So the *gross*
is fixed. For the sum of everything due in one payer, period, class and rate:

    net = HALF_UP(gross / (1 + rate)),  tax = gross - net

The net is shared among the lines by largest remainder: each line's share is its own exact net, cut down to the minor unit or the next one
up. So the line nets add up to the net and no line changes its sign. At 19 %, lines of 9.99 and 5.00 (gross 14.99): net 12.60, tax 2.39;
exact line nets 8.3950 and 4.2017 share it as 8.40 and 4.20. Lines of tariffs without tax in their prices pass unchanged. Amounts are
micro-units; int64 holds every step (|amount| < 10**18).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Int64s, Lines, part_half_up
from billing.charges.ordering import grouped_by, order_by
from rating.model import PPM

CLASS_FIELDS = ("account_key", "period_from", "period_to", "tax_class", "rate_ppm", "currency")


class Split(NamedTuple):
    """`lines`: all of them in their order, nets in place of grosses. `taxes`: one line a group that had any gross, rate 0 left out."""

    lines: Lines
    taxes: Lines


def split(lines: Lines, step_micros: Int64s) -> Split:
    """Net of each line and tax of each group.

    `inclusive` marks the lines that hold their tax; `step_micros` is the minor unit of each line.
    """
    rows = np.flatnonzero(lines["inclusive"] == 1)
    if not rows.size:
        return Split(lines, np.zeros(0, LINE))
    order, starts = grouped_by([lines[name][rows] for name in CLASS_FIELDS])
    order = rows[order]
    gross, rate_ppm, steps = lines["amount_micros"][order], lines["rate_ppm"][order], step_micros[order]
    total = np.add.reduceat(gross, starts)
    net = _net_half_up(total, rate_ppm[starts], steps[starts])
    result = lines.copy()
    result["amount_micros"][order] = _shared(gross, rate_ppm, net, starts, steps)
    whole, rest, divisor = _parts(lines["exact_micros"][order], rate_ppm)
    result["exact_micros"][order] = whole + (2 * rest + divisor) // (2 * divisor)
    taxes = np.zeros(starts.size, LINE)
    for name in (*CLASS_FIELDS, "catalogue", "inclusive"):
        taxes[name] = lines[name][order[starts]]
    taxes["kind"] = Kind.TAX
    taxes["amount_micros"] = taxes["exact_micros"] = total - net
    return Split(result, taxes[taxes["rate_ppm"] != 0])


def added_tax(  # noqa: PLR0913, PLR0917 -- columns
    due_micros: Int64s, billed_micros: Int64s, rest_micros: Int64s, tax_micros: Int64s, rate_ppm: Int64s, step_micros: Int64s
) -> Int64s:
    """The tax that an invoice adds to the tax billed of a period and class, where it bills some charges of several.

    `due_micros`: the tax in all that is due on those charges; `billed_micros`, `rest_micros`: nets that were billed on them and on others;
    `tax_micros`: the tax on both. Where both were billed, the tax on the others is computed from their net, and may be a minor unit away
    from what it was; the bill of the whole period evens that out.
    """
    before = np.where(billed_micros == 0, 0, tax_micros - part_half_up(rest_micros, rate_ppm, step_micros))
    return np.asarray(due_micros - before, np.int64)


def _parts(gross_micros: Int64s, rate_ppm: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Whole micro-units of each exact net, rounded down, and the rest as a numerator (0 <= rest < divisor) with its divisor."""
    divisor = PPM + rate_ppm
    quotient, remainder = gross_micros // divisor, gross_micros % divisor
    return quotient * PPM + remainder * PPM // divisor, remainder * PPM % divisor, divisor


def _net_half_up(gross_micros: Int64s, rate_ppm: Int64s, step_micros: Int64s) -> Int64s:
    """Gross / (1 + rate) to the nearest step, ties away from zero."""
    whole, rest, _ = _parts(np.abs(gross_micros), rate_ppm)
    beyond = whole % step_micros
    # Half a step is a whole number of micro-units but for a step of one, where the rest itself decides.
    half = np.where(step_micros > 1, 2 * beyond >= step_micros, 2 * rest >= PPM + rate_ppm)
    return np.asarray(np.sign(gross_micros) * (whole - beyond + half * step_micros), np.int64)


def _shared(gross_micros: Int64s, rate_ppm: Int64s, net_micros: Int64s, starts: Int64s, steps: Int64s) -> Int64s:
    """The net of each line: exact nets cut down to the step, and the steps that are left to the largest remainders of each group."""
    whole, rest, _ = _parts(gross_micros, rate_ppm)
    beyond = whole % steps
    share = whole - beyond
    left = (net_micros - np.add.reduceat(share, starts)) // steps[starts]
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, gross_micros.size)))
    # Remainders are compared as (micro-units, rest of a micro-unit); within a group the divisor is one.
    order = order_by([group, -beyond, -rest])
    rank = np.empty(gross_micros.size, np.int64)
    rank[order] = np.arange(gross_micros.size) - starts[group]
    takes = rank < left[group]
    assert bool(np.all(left >= 0))
    assert not bool(np.any(takes & (beyond == 0) & (rest == 0))), "more is left than there are remainders"
    return np.asarray(share + takes * steps, np.int64)
