"""Differences of a re-rating that would give back more than was billed, beside credit notes `outside` of reconciliation.

Reconciliation ignores such a note: the charge stays billed, and the credit stays given. So a correction of a charge that was given back
whole comes on top of it. Billed, given back and differing amounts are compared charge by charge: of a subscription, period, kind, charge
code and tax class, at any price. The excess of a subscription and period is no more than its differences come to. All without tax.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.allocations.items import chunks
from billing.charges.charge_keys import Kind
from billing.charges.lines import taken
from billing.invoicing import billed_lines
from billing.invoicing.billed import OUTSIDE
from billing.invoicing.forms import KIND_NAMES
from billing.rerate.figures import Beyond
from billing.rerate.parts import part_of
from billing.store import tables
from billing.store.voids import voided
from rating.dates import day_number, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.charges.lines import Lines
    from billing.invoicing.drafts import Drafts
    from billing.runs.computing import Computed

_FIELDS: Final = ("account_key", "subscription_key", "period_from", "period_to", "tax_class", "kind", "charge_code")
_OF_SUBSCRIPTION: Final = 5  # so many of the fields tell a subscription's period and tax class
_KINDS: Final = {name: int(kind) for kind, name in KIND_NAMES.items()}
_Charge = tuple[int, ...]


class _Outside(NamedTuple):
    """The amounts given back of a charge, above zero for what was charged, and the notes."""

    micros: int
    notes: frozenset[str]


def beyond_billed(connection: sa.Connection, drafts: Drafts, seq: int) -> dict[int, Beyond]:
    """The accounts (keys) that the drafts give back more than was billed."""
    given = _given(connection, drafts.account_key.tolist())
    if not given:
        return {}
    accounts = sorted({charge[0] for charge in given})
    first = min(charge[2] for charge in given)
    billed = _sums(billed_lines(connection, day_of(first), accounts, as_of=seq))
    differing = _sums(taken(drafts.lines, np.flatnonzero(np.isin(drafts.lines["account_key"], accounts))))
    excess = {charge: _excess(billed.get(charge, 0), each.micros, differing.get(charge, 0)) for charge, each in given.items()}
    found, differs = _by_subscription(excess), _by_subscription(differing)
    bounded = {group: max(min(micros, -differs.get(group, 0)), 0) for group, micros in found.items()}
    names = dict(zip(drafts.account_key.tolist(), (drafts.currencies[each] for each in drafts.currency.tolist()), strict=True))
    return {
        account: Beyond(
            sum(micros for group, micros in bounded.items() if group[0] == account),
            names[account],
            _notes(given, {group for group, micros in bounded.items() if micros and group[0] == account}),
        )
        for account in sorted({group[0] for group, micros in bounded.items() if micros})
    }


def without(computed: Computed, beyond: dict[int, Beyond]) -> Computed:
    """The same without the documents of these accounts; they are put aside with their whole rating units."""
    drafts = computed.settlement.drafts
    own = {key: each for key, each in beyond.items() if key in set(drafts.account_key.tolist())}
    if not own:
        return computed
    facts, scope = computed.contracts.facts, computed.scope
    aside = dict(computed.settlement.quarantined)
    for key, each in own.items():
        place = int(facts.account_index(np.array([key], np.int64))[0])
        aside[key] = each.reason()
        unit = np.flatnonzero((facts.account_unit == facts.account_unit[place]) & (scope.calendar >= 0))
        for member in facts.account_keys[unit].tolist():
            aside.setdefault(member, f"with account {facts.accounts[place].account_id} of its unit: {each.reason()}")
    rows = np.flatnonzero(~np.isin(drafts.account_key, np.array(list(aside), np.int64)))
    kept = part_of(drafts, rows, drafts.issued_on, drafts.document_type)
    return computed._replace(settlement=computed.settlement._replace(drafts=kept, quarantined=aside))


def _excess(billed: int, outside: int, differing: int) -> int:
    """The part of a difference that lies beyond zero, above it for a charge that is given back further; a discount is the mirror image."""
    before = billed - outside
    if billed < 0 or (billed == 0 and outside < 0):
        return -_excess(-billed, -outside, -differing)
    return min(max(-(before + differing), 0), max(-differing, 0))


def _sums(lines: Lines) -> dict[_Charge, int]:
    net = taken(lines, np.flatnonzero(lines["kind"] != Kind.TAX))
    sums: dict[_Charge, int] = collections.defaultdict(int)
    for *charge, micros in zip(*(net[name].tolist() for name in (*_FIELDS, "amount_micros")), strict=True):
        sums[tuple(charge)] += micros
    return sums


def _by_subscription(charges: Mapping[_Charge, int]) -> dict[_Charge, int]:
    """Sums by the subscription, period and tax class of charges."""
    sums: dict[_Charge, int] = collections.defaultdict(int)
    for charge, micros in charges.items():
        sums[charge[:_OF_SUBSCRIPTION]] += micros
    return sums


def _given(connection: sa.Connection, account_keys: list[int]) -> dict[_Charge, _Outside]:
    """Amounts that valid credit notes of these accounts gave back `outside` of reconciliation, by charge."""
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    columns = [line[name] for name in _FIELDS]
    query = sa.select(*columns, line.amount_micros, invoice.number).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(line.effect == OUTSIDE, line.kind != "tax", invoice.invoice_key.not_in(voided()))
    found: dict[_Charge, _Outside] = {}
    for lot in chunks(account_keys):
        for row in connection.execute(query.where(invoice.account_key.in_(lot or ()))):
            charge = _charge(row)
            known = found.get(charge, _Outside(0, frozenset()))
            found[charge] = _Outside(known.micros - int(row.amount_micros), known.notes | {str(row.number)})
    return found


def _charge(row: Any) -> _Charge:  # noqa: ANN401 -- a row of the database
    days = (day_number(dt.date.fromisoformat(each)) for each in (row.period_from, row.period_to))
    return row.account_key, row.subscription_key, *days, row.tax_class, _KINDS[row.kind], row.charge_code


def _notes(given: dict[_Charge, _Outside], groups: Iterable[_Charge]) -> tuple[str, ...]:
    wanted = set(groups)
    return tuple(sorted({note for charge, each in given.items() if charge[:_OF_SUBSCRIPTION] in wanted for note in each.notes}))
