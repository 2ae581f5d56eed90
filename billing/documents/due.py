"""The amounts due to a payer when an invoice was made, recomputed from what its run knew: with the parts of its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.charge_keys import KEY_FIELDS, Kind
from billing.charges.lines import Int64s, Lines, sum_as_taxed
from billing.charges.taxes.tax import taxed
from billing.documents.grounds import Ground, ground_of
from billing.guiding import Guide
from billing.invoicing.drafts import iso
from billing.invoicing.forms import KIND_NAMES
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.contracts.uninvoiced_accounts import of_tests
from billing.runs.selection import scope, subscription_profiles
from billing.runs.selection.subscription_profiles import Alike
from billing.runs.settlement import payers, totals
from billing.runs.settlement.fees_due import fee_lines
from billing.runs.settlement.inputs import Inputs
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.tax_exemptions import as_agreed
from billing.runs.settlement.unbilled import as_whole_periods, knowing_ends
from billing.runs.usage.shard_groups import price_in_groups

if TYPE_CHECKING:
    from billing.charges.periods import Period
    from billing.documents.finding import Document
    from billing.runs.selection.subscription_profiles import Group
    from billing.runs.usage.charge_sums import PricedSums
    from billing.runs.usage.shard_groups import Sink
    from billing.store.home import Home

Key = tuple[Any, ...]  # the charge key of a stored line


class Due(NamedTuple):
    """`lines`: one a charge key, catalogue and rate of tax, as prices state them; `net_micros`: of each without the tax that it may hold.

    `taxes`: tax lines. `workings`: how totals came about. All of it as of `seq`.
    """

    seq: int
    contracts: Contracts
    scope: scope.Scope
    currencies: Currencies
    alike: Alike
    adjustments: pa.Table
    lines: Lines
    net_micros: Int64s
    taxes: Lines
    workings: totals.Workings

    def places(self, key: Key) -> list[int]:
        """The rows of a charge key (no tax): one, but where catalogues use one number for several things; none where nothing is due."""
        return [row for row, line in enumerate(self.lines) if stored_key(line) == key]

    def tax(self, key: Key) -> int:
        """The tax due for a charge key of tax."""
        return sum(int(line["amount_micros"]) for line in self.taxes if stored_key(line) == key)

    def step(self, place: int) -> int:
        """The minor unit of a row's currency."""
        return int(self.currencies.step_micros[self.lines["currency"][place]])

    def where(self, **fields: int) -> Int64s:
        """The rows that have these values."""
        chosen = np.ones(self.lines.size, np.bool_)
        for name, value in fields.items():
            chosen &= self.lines[name] == value
        return np.flatnonzero(chosen)

    def group_of(self, subscription_key: int) -> Group | None:
        """The group of a subscription in the run; None where it has none."""
        keys = self.contracts.facts.subscription_keys
        place = int(np.searchsorted(keys, subscription_key))
        if place >= len(keys) or keys[place] != subscription_key or self.alike.of[place] < 0:
            return None
        return self.alike.groups[int(self.alike.of[place])]


def due_of(home: Home, document: Document) -> Due:
    """Everything due in the periods that the run of a document computed, at the accounts that pay it."""
    with home.connect() as connection:
        ground = ground_of(home, connection, document)
    contracts, chosen = ground.contracts, ground.scope
    currencies, workings = Currencies(contracts), totals.Workings()
    inputs = Inputs(contracts, chosen, currencies)
    usage = priced_usage(home, ground)
    lines = totals.apply(np.concatenate([fee_lines(inputs), usage.lines]), inputs, ground.adjustments, workings)
    if ground.through is not None:
        lines = as_whole_periods(lines, contracts, chosen, ground.through)
    lines = payers.route(lines, contracts)
    lines = lines[~of_tests(lines, contracts.facts)]
    paying = Payers(*inputs)
    lines = sum_as_taxed(as_agreed(lines, contracts, paying))
    found = taxed(lines, currencies.steps_of(lines))
    net, groups = found.lines["amount_micros"].copy(), subscription_profiles.find(contracts, chosen)
    return Due(
        seq=ground.seq,
        contracts=contracts,
        scope=chosen,
        currencies=currencies,
        alike=groups,
        adjustments=ground.adjustments,
        lines=lines,
        net_micros=net,
        taxes=found.taxes,
        workings=workings,
    )


def priced_usage(home: Home, ground: Ground, sink: Sink | None = None) -> PricedSums:
    """The usage of a ground; `sink` gets the priced events (see `groups.price_in_groups`)."""
    guide, chosen = Guide(home, ground.seq), ground.scope
    if ground.through is not None:
        chosen = knowing_ends(ground.contracts, chosen, ground.through)  # allowances are those of the whole period
    about = (home, ground.seq, guide, ground.contracts, chosen, ground.stored)
    return price_in_groups(*about, threads=1, sink=sink, left_alone=ground.left_alone, instead=ground.instead)


def stored_key(line: Any) -> Key:  # noqa: ANN401 -- a row of LINE
    """The charge key of a row as documents store it: names of kinds, dates as text."""
    words = {"kind": KIND_NAMES[Kind(int(line["kind"]))], **{name: iso(int(line[name])) for name in ("period_from", "period_to")}}
    return tuple(words.get(name, int(line[name])) for name in KEY_FIELDS)


def period_of(group: Group, period_from: str) -> Period | None:
    """The period of a group that begins on a date."""
    return next((each for each in group.with_ahead if each.start.isoformat() == period_from), None)
