"""The lines of interim bills: usage that is not billed, and its tax.

Of prices without tax the tax follows from all that is billed of a period and class by then. Of prices that hold theirs it is the tax in the
price: a customer with a price of 11.99 pays 11.99 in mid-cycle as well (`charges.taxes.inclusive`). One charge key may have prices of
both kinds, where the plan changed between two catalogues. Amounts are micro-units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Int64s, Lines, empty, part_half_up, taken
from billing.charges.reconcile import differences
from billing.charges.taxes.inclusive import added_tax
from billing.charges.taxes.tax import BASE_FIELDS, tax_due
from billing.invoicing import billed_lines
from billing.runs.contracts.currencies import rates_of
from billing.runs.contracts.fact_columns import groups
from billing.runs.settlement import deferred_fees
from billing.runs.settlement.drafting import with_catalogues
from billing.runs.settlement.tax_exemptions import as_agreed
from rating.dates import day_number, day_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.runs.settlement.payer_table import Payers
    from billing.runs.settlement.thresholds import Reached
    from billing.runs.settlement.unbilled import Unbilled

_KINDS: Final = (int(Kind.USAGE), int(Kind.VOLUME))
_TAX_FIELDS: Final = ("account_key", "period_from", "period_to", "tax_class")


class Usage(NamedTuple):
    """Lines to bill. `billed_micros`: the amount billed on their keys, net.

    `holds`: a mask of those with any prices that hold tax, `inside`: the tax in these, `outside`: the amount due beside them at prices
    without.
    """

    lines: Lines
    holds: npt.NDArray[np.bool_]
    inside: Int64s
    outside: Int64s
    billed_micros: Int64s

    def of(self, acting: list[Reached]) -> Usage:
        """The usage of the subscriptions and periods that reached a threshold."""
        wanted = {(each.subscription_key, day_number(each.period_from)) for each in acting}
        lines = self.lines
        rows = np.flatnonzero(np.isin(lines["subscription_key"], [key for key, _ in wanted]))
        pairs = zip(lines["subscription_key"][rows].tolist(), lines["period_from"][rows].tolist(), strict=True)
        rows = rows[np.array([pair in wanted for pair in pairs], bool)]
        return Usage(taken(lines, rows), *(column[rows] for column in self[1:]))


def usage_of(known: Unbilled) -> Usage:
    """Unbilled usage."""
    rows = np.flatnonzero(np.isin(known.lines["kind"], _KINDS))
    lines = taken(known.lines, rows)
    place = deferred_fees.places(known.inside, lines)
    inside = np.append(known.inside["amount_micros"], 0)[place]
    outside = np.append(known.outside["amount_micros"], 0)[deferred_fees.places(known.outside, lines)]
    return Usage(lines, place >= 0, inside, outside, known.billed_micros[rows])


def as_priced(usage: Usage, known: Unbilled) -> Lines:
    """The lines with the tax that is in their prices, so far as it is not billed; to the minor unit, where some was billed before.

    Of prices with tax and without on one key those without count as billed first.
    """
    lines = usage.lines.copy()
    held = lines["amount_micros"] + usage.billed_micros - usage.outside
    after = np.clip(usage.billed_micros - usage.outside, np.minimum(held, 0), np.maximum(held, 0))
    billed = np.where(usage.outside == 0, usage.billed_micros, after)
    before = part_half_up(billed, lines["rate_ppm"], known.currencies.steps_of(lines))
    lines["amount_micros"] += np.where(usage.holds, usage.inside - before, 0)
    return lines


def with_tax(connection: sa.Connection, usage: Usage, known: Unbilled, payers: Payers) -> Lines:
    """The lines with the tax on everything that their payers are billed for in these periods, less the tax that was billed."""
    lines = usage.lines
    if not lines.size:
        return empty()
    first = min(lines["period_from"].tolist())
    owners = np.unique(lines["account_key"]).tolist()
    billed = billed_lines(connection, day_of(first), owners)
    billed = taken(billed, np.flatnonzero(np.isin(billed["period_from"], lines["period_from"])))
    billed["catalogue"], billed["currency"] = -1, payers.currency[payers.place(billed["account_key"])]
    net = with_catalogues(taken(billed, np.flatnonzero(billed["kind"] != Kind.TAX)), known.contracts)
    net["rate_ppm"] = rates_of(net, known.contracts) if net.size else net["rate_ppm"]
    net, done = as_agreed(net, known.contracts, payers), taken(billed, np.flatnonzero(billed["kind"] == Kind.TAX))
    code, models = groups([np.concatenate([rows[name] for rows in (lines, net, done)]) for name in _TAX_FIELDS])
    of_lines, of_net, of_done = np.split(code, [lines.size, lines.size + net.size])
    holds = np.zeros(len(models), np.bool_)
    holds[of_lines[usage.holds]] = True  # of a period and class in which any price holds its tax, all tax is added up
    base = np.concatenate([net[~holds[of_net]], lines[~holds[of_lines]]])
    taxes = differences(tax_due(base, known.currencies.steps_of(base)), done[~holds[of_done]]).lines
    sums = (_sums(of_net, net["amount_micros"], holds), _sums(of_done, done["amount_micros"], holds))
    inside = _added(usage, of_lines, holds, sums, known.currencies.steps_of(lines))
    return np.concatenate([lines, with_catalogues(np.concatenate([taxes, inside]), known.contracts)])


def _added(usage: Usage, group: Int64s, holds: npt.NDArray[np.bool_], billed: tuple[Int64s, Int64s], step_micros: Int64s) -> Lines:
    """The tax of the groups that hold any. `billed`: the amounts billed of each, net and as tax."""
    lines, (net, done) = usage.lines, billed
    own = usage.holds
    of_own, first = np.unique(group[own], return_index=True)
    assert bool(np.all(of_own == np.flatnonzero(holds)))
    first = np.flatnonzero(own)[first]
    rate, step = lines["rate_ppm"][first], step_micros[first]
    on_own = _sums(group, np.where(own, usage.billed_micros, 0), holds)
    amount = added_tax(_sums(group, usage.inside, holds), on_own, net - on_own, done, rate, step)
    amount += part_half_up(_sums(group, np.where(own, usage.outside, lines["amount_micros"]), holds), rate, step)
    taxes = np.zeros(len(first), LINE)
    for name in (*BASE_FIELDS, "catalogue"):
        taxes[name] = lines[name][first]
    taxes["kind"], taxes["amount_micros"], taxes["exact_micros"] = Kind.TAX, amount, amount
    return taken(taxes, np.flatnonzero(amount))


def _sums(group: Int64s, micros: Int64s, wanted: npt.NDArray[np.bool_]) -> Int64s:
    """The sum of each wanted group."""
    sums = np.zeros(len(wanted), np.int64)
    np.add.at(sums, group, micros)
    return sums[wanted]
