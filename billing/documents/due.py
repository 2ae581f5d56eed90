"""What was due to a payer when an invoice was made, worked out again from what its run knew: with the parts that its lines are made of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.lines import KEY_FIELDS, Int64s, Kind, Lines, sum_by_key
from billing.charges.tax import taxed
from billing.guiding import Guide
from billing.invoicing.drafts import KIND_NAMES, iso
from billing.runs import alike, by_hand, facts, leftovers, payers, price_list, scope, totals, touched
from billing.runs.alike import Alike
from billing.runs.contracts import Contracts
from billing.runs.exempting import as_agreed
from billing.runs.groups import price_in_groups
from billing.runs.payer_columns import Payers
from billing.runs.proposal import Currencies, one_off_lines, recurring_lines

if TYPE_CHECKING:
    from billing.charges.periods import Period
    from billing.documents.finding import Document
    from billing.runs.alike import Group
    from billing.store.home import Home

Key = tuple[Any, ...]  # the charge key of a stored line


class Due(NamedTuple):
    """`lines`: one a charge key, as prices state them; `net_micros`: of each without the tax that it may hold; `taxes`: tax lines."""

    contracts: Contracts
    scope: scope.Scope
    currencies: Currencies
    alike: Alike
    adjustments: pa.Table
    lines: Lines
    net_micros: Int64s
    taxes: Lines

    def place(self, key: Key) -> int:
        """The row of a charge key (no tax), -1 where nothing is due for it."""
        return next((row for row, line in enumerate(self.lines) if stored_key(line) == key), -1)

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
        """What is known of a subscription in the run."""
        keys = self.contracts.facts.subscription_keys
        place = int(np.searchsorted(keys, subscription_key))
        if place >= len(keys) or keys[place] != subscription_key or self.alike.of[place] < 0:
            return None
        return self.alike.groups[int(self.alike.of[place])]


def due_of(home: Home, document: Document) -> Due:
    """Everything due in the periods that were open to the run of an invoice, at those who pay it."""
    seq, midnights = document.pinned_seq, facts.Midnights()
    bill_date = dt.date.fromisoformat(document.bill_date)
    with home.connect() as connection:
        contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
        covered = scope.covered_through(connection, contracts.facts, document.run_id)
        only = {document.account_id}
        chosen = touched.scope_of(home, connection, contracts, covered, bill_date, seq, only=only, everything=True)
        stored = leftovers.stored(connection, chosen.begins(contracts.facts), document.run_id)
        adjustments = by_hand.counting(connection, seq)
    currencies = Currencies(contracts)
    usage = price_in_groups(home, seq, Guide(home, seq), contracts, chosen, stored, threads=1)
    fees = (recurring_lines(contracts, chosen, currencies), one_off_lines(contracts, chosen, currencies))
    lines = totals.apply(np.concatenate([*fees, usage.lines]), contracts, chosen, currencies, adjustments)
    lines = sum_by_key(as_agreed(payers.route(lines, contracts, chosen), contracts, Payers(contracts, chosen, currencies)))
    found = taxed(lines, currencies.steps_of(lines))
    net = found.lines["amount_micros"].copy()
    return Due(contracts, chosen, currencies, alike.find(contracts, chosen), adjustments, lines, net, found.taxes)


def stored_key(line: Any) -> Key:  # noqa: ANN401 -- a row of LINE
    """The charge key of a row as documents store it: names of kinds, dates as text."""
    words = {"kind": KIND_NAMES[Kind(int(line["kind"]))], **{name: iso(int(line[name])) for name in ("period_from", "period_to")}}
    return tuple(words.get(name, int(line[name])) for name in KEY_FIELDS)


def period_of(group: Group, period_from: str) -> Period | None:
    """The period of a group that begins on a date."""
    return next((each for each in group.with_ahead if each.start.isoformat() == period_from), None)
