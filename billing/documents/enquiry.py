"""The unbilled amounts of one account by now, to answer a customer's question. Provisional, stored nowhere."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.charges.charge_keys import Kind
from billing.charges.ordering import order_by
from billing.charges.own_days import Days
from billing.invoicing import languages
from billing.invoicing.drafts import iso
from billing.invoicing.forms import KIND_NAMES
from billing.left_out.for_good import never_billed
from billing.runs.contracts.price_list import PriceList
from billing.runs.dates.own_days import own_days
from billing.runs.settlement import adjustments, totals
from billing.runs.settlement.drafting import LINE_ORDER, in_language, with_catalogues
from billing.runs.settlement.unbilled import unbilled
from billing.store import tables
from rating.dates import day_after, local_date
from rating.errors import NotFoundError

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.lines import Int64s, Lines
    from billing.runs.settlement.unbilled import Unbilled
    from billing.store.home import Home


class Charge(msgspec.Struct, frozen=True):
    """One charge; `amount_micros` net of tax. `period_to` is the end that the period will have.

    `days`: the days of its period that a fee is for by now; none: all of them, or the amount is the difference to what was billed of it, so
    what is given back of a fee in advance. `tax_name`: its tax class, where nothing else distinguishes
    it.
    """

    subscription_id: str  # empty: of the account itself
    kind: str
    text: str
    period_from: str
    period_to: str
    events: int
    quantity: int
    free_quantity: int
    quantity_unit: int
    currency: str
    amount_micros: int
    days: tuple[Days, ...]
    tax_name: str


class Enquiry(msgspec.Struct, frozen=True):
    """Unbilled amounts of the days before `through`."""

    account_id: str
    through: str
    language: str  # of the texts, without its region
    lines: tuple[Charge, ...]
    net_micros: dict[str, int]


def enquire(home: Home, account_id: str, through: dt.date | None, now_us: int, language: str | None = None) -> Enquiry:
    """Amounts an account will pay, by subscription and charge, for days before `through` (None: today on its clock is the last one).

    Names are in `language` (None: that of the account, as agreed for the bill of `through`).
    """
    with home.connect() as connection:
        account = tables.accounts.c
        query = sa.select(account.account_key, account.timezone).where(account.account_id == account_id)
        row = connection.execute(query).one_or_none()
        seq = home.head_seq(connection)
        by_hand_rows = adjustments.counting(connection, seq), adjustments.retracted(connection, seq)
        if row is None:
            raise NotFoundError(f"no account has the id {account_id}", "`ratewright accounts list` shows all ids")
        day = through or day_after(local_date(now_us, row.timezone))
        language = language or languages.of_bill(connection, row.account_key, day, seq)
    found = unbilled(home, day, only={account_id}, as_if_closed=True, never_billed=never_billed)
    own = _of_account(found.lines, row.account_key)
    chosen, billed = with_catalogues(found.lines[own], found.contracts), found.billed_micros[own] != 0
    names = _subscriptions(home, chosen["subscription_key"].tolist())
    own_texts = totals.names(found.contracts, *by_hand_rows)
    texts = _Texts(found.contracts.price_list, own_texts, language.partition("-")[0])
    days = [() if is_billed else each for each, is_billed in zip(own_days(chosen, found.contracts, day), billed.tolist(), strict=True)]
    charges = _apart([_charge(line, names, texts, found, its) for line, its in zip(chosen, days, strict=True)], chosen, texts)
    sums: dict[str, int] = {}
    for charge in charges:
        sums[charge.currency] = sums.get(charge.currency, 0) + charge.amount_micros
    return Enquiry(account_id, day.isoformat(), texts.language, tuple(charges), sums)


def _of_account(lines: Lines, account_key: int) -> Int64s:
    """Rows of the lines that an account will pay, as a page of its bill has them: those of the account as a whole are last."""
    rows = np.flatnonzero(lines["account_key"] == account_key)
    own = lines[rows]
    return rows[order_by([own["subscription_key"] == 0, *(own[name] for name in LINE_ORDER)])]


class _Texts(NamedTuple):
    """The names of lines."""

    price_list: PriceList
    own: Mapping[tuple[int, int], Mapping[str, str]]
    language: str

    def of(self, line: Any) -> str:  # noqa: ANN401 -- a row of LINE
        """The text of a line."""
        key = (int(line["kind"]), int(line["price_id"]))
        if key in self.own:
            return in_language(self.own[key], self.language)
        return self.price_list.price_text(self._identity(line), key[1], self.language)

    def of_class(self, line: Any) -> str:  # noqa: ANN401 -- a row of LINE
        """The name of a line's tax class."""
        return self.price_list.tax_text(self._identity(line), int(line["tax_class"]), self.language)

    def _identity(self, line: Any) -> str:  # noqa: ANN401 -- a row of LINE
        return self.price_list.identities[int(line["catalogue"])]


def _charge(line: Any, names: Mapping[int, str], texts: _Texts, found: Unbilled, days: tuple[Days, ...]) -> Charge:  # noqa: ANN401 -- a row of LINE
    return Charge(
        subscription_id=names.get(int(line["subscription_key"]), ""),
        kind=KIND_NAMES[Kind(int(line["kind"]))],
        text=texts.of(line),
        period_from=iso(int(line["period_from"])),
        period_to=iso(int(line["period_to"])),
        events=int(line["events"]),
        quantity=int(line["quantity"]),
        free_quantity=int(line["free_quantity"]),
        quantity_unit=int(line["quantity_unit"]),
        currency=found.currencies.names[int(line["currency"])],
        amount_micros=int(line["amount_micros"]),
        days=days,
        tax_name="",
    )


def _apart(charges: list[Charge], lines: Lines, texts: _Texts) -> list[Charge]:
    """Charges with their tax class, where nothing else distinguishes them."""
    alike = collections.Counter(map(_sight, charges))
    return [
        msgspec.structs.replace(charge, tax_name=texts.of_class(line)) if alike[_sight(charge)] > 1 else charge
        for charge, line in zip(charges, lines, strict=True)
    ]


def _sight(charge: Charge) -> tuple[str, ...]:
    """A charge as a reader sees it, without its figures."""
    return charge.subscription_id, charge.kind, charge.text, charge.period_from, charge.period_to


def _subscriptions(home: Home, keys: list[int]) -> dict[int, str]:
    """Ids of the subscriptions of lines, of any account."""
    subscription = tables.subscriptions.c
    query = sa.select(subscription.subscription_key, subscription.subscription_id)
    with home.connect() as connection:
        return {int(key): name for key, name in connection.execute(query.where(subscription.subscription_key.in_(sorted(set(keys)))))}
