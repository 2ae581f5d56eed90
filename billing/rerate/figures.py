"""The effect of a re-rating in figures: accounts, amounts and their distribution. Pure; amounts are micro-units, dearer is above zero.

The net difference decides whether an account pays more or less; where only tax differs, the tax does. Deciles are of the net difference by
account, over all accounts that were computed (also those without a difference), in one currency: the smallest difference, then the ones
that 10 %, 20 % .. 100 % of the accounts do not exceed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from billing.charges.charge_keys import Kind
from rating.money import format_micros

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.invoicing.drafts import Drafts

LARGEST: Final = 10
TENTHS: Final = 10
UNCHANGED: Final = (0, 0)  # net, tax


class Difference(msgspec.Struct, frozen=True):
    """One account's difference."""

    account_id: str
    currency: str
    net_micros: int
    tax_micros: int

    @property
    def change(self) -> tuple[int, int]:
        """The net, then the tax difference: above UNCHANGED an account is dearer, below it cheaper."""
        return self.net_micros, self.tax_micros


class Beyond(msgspec.Struct, frozen=True):
    """The excess of an account's credit over what was billed, and the credit notes that gave the charges back before, for good."""

    micros: int
    currency: str
    notes: tuple[str, ...]

    def reason(self) -> str:
        """The ground on which a job of all accounts leaves the account out."""
        amount = f"{format_micros(self.micros)} {self.currency}"
        what = f"{', '.join(self.notes)} gave charges back for good, and {amount} more than was billed would be given back"
        return f"{what}; a job that names its accounts (--accounts) gives it all the same"


class Figures(msgspec.Struct, frozen=True):
    """The result of a re-rating. Sums by currency; `by_revenue_code` as `currency code`; numbers of accounts by their kind of change."""

    accounts: int  # that have the plan, or pay for one that has
    dearer: int
    cheaper: int
    unchanged: int
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    by_revenue_code: dict[str, int]
    deciles: dict[str, list[int]]
    largest: tuple[Difference, ...]  # most dearer first, then most cheaper
    left_alone: tuple[str, ...]  # account ids that the next run computes anyway
    quarantined: dict[str, str]  # account id -> why its difference cannot be billed
    beyond: dict[str, Beyond] = {}  # account id -> what the job gives back beyond what was billed
    moved: tuple[str, ...] = ()  # account ids: left alone, since their bills have usage that is another account's by now


def figures(  # noqa: PLR0913, PLR0917 -- one argument a part of the figures
    drafts: Drafts,
    ids: dict[int, str],
    accounts: int,
    left_alone: tuple[str, ...],
    quarantined: dict[str, str],
    beyond: dict[str, Beyond] | None = None,
) -> Figures:
    """The figures of the differences in `drafts`; `accounts`: the number that were computed; `ids`: account ids by key."""
    net, tax = drafts.net_micros(), drafts.tax_micros()
    rows = [
        Difference(ids[key], drafts.currencies[currency], amount, own_tax)
        for key, currency, amount, own_tax in zip(
            drafts.account_key.tolist(), drafts.currency.tolist(), net.tolist(), tax.tolist(), strict=True
        )
    ]
    dearer, cheaper = sum(row.change > UNCHANGED for row in rows), sum(row.change < UNCHANGED for row in rows)
    ranked = sorted(rows, key=lambda row: (-row.net_micros, -row.tax_micros, row.account_id))
    up = [row for row in ranked[:LARGEST] if row.change > UNCHANGED]
    down = [row for row in ranked[::-1][:LARGEST] if row.change < UNCHANGED]
    return Figures(
        accounts=accounts,
        dearer=dearer,
        cheaper=cheaper,
        unchanged=accounts - dearer - cheaper,
        net_micros=_sums(rows, net),
        tax_micros=_sums(rows, tax),
        by_revenue_code=_by_revenue_code(drafts),
        deciles=_deciles(rows, accounts),
        largest=(*up, *down),
        left_alone=left_alone,
        quarantined=quarantined,
        beyond=beyond or {},
    )


def _sums(rows: list[Difference], amounts: Int64s) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row, amount in zip(rows, amounts.tolist(), strict=True):
        sums[row.currency] = sums.get(row.currency, 0) + amount
    return dict(sorted(sums.items()))


def _by_revenue_code(drafts: Drafts) -> dict[str, int]:
    """Net sums by currency and revenue code."""
    currency = np.repeat(drafts.currency, np.diff(drafts.first_line))
    net = drafts.lines["kind"] != Kind.TAX
    sums: dict[tuple[str, int], int] = {}
    rows = zip(currency[net].tolist(), drafts.lines["revenue_code"][net].tolist(), drafts.lines["amount_micros"][net].tolist(), strict=True)
    for place, code, amount in rows:
        key = (drafts.currencies[place], code)
        sums[key] = sums.get(key, 0) + amount
    return {f"{name} {code}": amount for (name, code), amount in sorted(sums.items())}


def _deciles(rows: list[Difference], accounts: int) -> dict[str, list[int]]:
    """Deciles by currency; accounts without a difference count as 0 where there is only one currency."""
    found = {}
    currencies = sorted({row.currency for row in rows})
    for currency in currencies:
        own = [row.net_micros for row in rows if row.currency == currency]
        unchanged = accounts - len(rows) if len(currencies) == 1 else 0
        ordered = sorted([*own, *([0] * unchanged)])
        places = [max(-(-len(ordered) * tenth // TENTHS) - 1, 0) for tenth in range(TENTHS + 1)]
        found[currency] = [ordered[place] for place in places]
    return found
