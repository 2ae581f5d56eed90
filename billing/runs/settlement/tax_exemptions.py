"""Tax classes and rates as the account that pays has them: exemptions and replaced classes, from account facts of kind `tax`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from billing.charges.taxes.exemptions import TaxStatus, status_on, taxation
from rating.dates import day_of, last_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from billing.accounts.kinds import TaxFact
    from billing.charges.lines import Lines
    from billing.charges.proration import Span
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.price_list import PriceList
    from billing.runs.settlement.payer_table import Payers

_LABELS = ("account_key", "catalogue", "tax_class", "period_to")


class _Taxed(NamedTuple):
    tax_class: int
    rate_ppm: int


def as_agreed(lines: Lines, contracts: Contracts, payers: Payers) -> Lines:
    """The lines with the class and rate that hold for their payers. Those of payers without facts pass unchanged; few have any."""
    told = contracts.facts.agreed.exempt
    if not told:
        return lines
    place = payers.place(lines["account_key"])
    rows = np.flatnonzero(np.isin(place, list(told)))
    if not rows.size:
        return lines
    lines = lines.copy()
    keys, group = np.unique(np.stack([place[rows], *(lines[name][rows] for name in _LABELS[1:])], axis=1), axis=0, return_inverse=True)
    found = [
        _of(_statuses(told[payer]), contracts.price_list, catalogue, code, last_day(day_of(end)))
        for payer, catalogue, code, end in keys.tolist()
    ]
    for column, name in enumerate(_Taxed._fields):
        lines[name][rows] = np.array([each[column] for each in found], np.int64)[group.reshape(-1)]
    return lines


def _statuses(facts: Iterable[tuple[Span, TaxFact]]) -> list[TaxStatus]:
    return [TaxStatus(span, frozenset(fact.exempt), fact.classes) for span, fact in facts]


def _of(told: list[TaxStatus], price_list: PriceList, catalogue: int, code: int, last_day: dt.date) -> _Taxed:
    identity = price_list.identities[catalogue]
    named = price_list.tax_class(identity, code)
    if named is None:
        return _Taxed(code, 0)
    found = taxation(status_on(told, last_day), named.name, price_list.tax_class_names(identity))
    replaced = price_list.tax_code(identity, found.tax_class)
    return _Taxed(replaced, 0 if found.exempt else price_list.rate_ppm(identity, replaced, last_day))
