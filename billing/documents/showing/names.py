"""Catalogues as of the run of a document: the catalogue of a stored line, and the names of its tax and its quantity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from billing.accounts import facts as dated
from billing.charges.taxes.exemptions import TaxStatus, status_on
from billing.documents.run_inputs import WORKED_OUT, billed_seq
from billing.documents.showing.lives import Life, lives
from billing.runs.contracts import price_list
from billing.runs.contracts.agreements import span_of
from billing.runs.contracts.price_list import PriceList
from rating.explain.figures import percent
from rating.explain.volumes import BYTE, unit_of
from rating.model import QuantityUnit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from billing.documents.finding import Document
    from billing.store.home import Home

MESSAGE: Final = "message"
PURCHASE: Final = "purchase"
_WITHOUT_PRICE: Final = ("adjustment", "tax")


class Names(NamedTuple):
    """`lives`: of the subscriptions of the document's lines."""

    price_list: PriceList
    lives: Mapping[int, Life]
    language: str

    def identity(self, row: Any) -> str:  # noqa: ANN401 -- a row of the database
        """The catalogue of a line: that of its subscription's plan, if it has such a price and class. Empty: there is no catalogue."""
        if not self.price_list.identities:
            return ""
        life = self.lives.get(row.subscription_key)
        known = life.identity_on(dt.date.fromisoformat(row.period_from), dt.date.fromisoformat(row.period_to)) if life is not None else ""
        priced = row.kind not in _WITHOUT_PRICE and row.price_id > 0
        return self.price_list.identity_of(self.price_list.identity_index(known), row.price_id if priced else 0, row.tax_class)

    def unit(self, row: Any) -> str:  # noqa: ANN401 -- a row of the database
        """The unit of a line of usage: the unit of volume in which its price is stated, a message or a purchase; empty for calls."""
        identity = self.identity(row) if row.kind == "usage" else ""
        price = self.price_list.price(identity, row.price_id) if identity else None
        return unit_of_price(self.price_list, identity, price) if price is not None else _unit_alone(row)

    def tax_text(self, identity: str, tax_class: int, rate_ppm: int | None) -> str:
        """The name of a tax class, with its rate where one is given."""
        name = self.price_list.tax_text(identity, tax_class, self.language) if identity else str(tax_class)
        return name if rate_ppm is None else f"{name} {percent(rate_ppm)} %"


class Exemption(NamedTuple):
    """An exemption: the account pays no tax of a class, and the proof of it. `place`: the place of supply, as its fact about tax has it."""

    certificate: str
    place: str


def names_of(home: Home, connection: sa.Connection, document: Document, rows: Sequence[Any], language: str) -> Names:
    """The names for the lines of a document as of its run, in a language (with or without its region)."""
    seq = seq_of(connection, document)
    keys = sorted({row.subscription_key for row in rows if row.subscription_key > 0})
    return Names(price_list.load_kept(home, connection, seq), lives(connection, seq, keys), language.partition("-")[0])


def seq_of(connection: sa.Connection, document: Document) -> int:
    """The commit whose tariffs and customers the run of a document knew."""
    return billed_seq(connection, document) if document.run_kind in WORKED_OUT else document.pinned_seq


def unit_of_price(prices: PriceList, identity: str, price: Any) -> str:  # noqa: ANN401 -- a Price
    """The unit that a price counts, as `Names.unit`."""
    if price.unit is QuantityUnit.BYTE:
        return unit_of(price.rates[0].steps[0].per_qty)
    if price.unit is QuantityUnit.MESSAGE:
        return PURCHASE if prices.prices_content(identity, price.name) else MESSAGE
    return ""


def exemption_of(connection: sa.Connection, document: Document, last_day: dt.date, class_name: str) -> Exemption | None:
    """The exemption from tax of a class (the one that lines have in the end) for a period with this last day; None: tax is due."""
    told = dated.account_facts(connection, seq_of(connection, document), kinds=("tax",), keys=(document.account_key,))
    statuses = [TaxStatus(span_of(fact), frozenset(fact.detail.exempt), fact.detail.classes) for fact in told]
    status = status_on(statuses, last_day)
    if status is None:
        return None
    names = {"*", class_name, *(old for old, new in status.classes.items() if new == class_name)}
    if not names & status.exempt:
        return None
    detail = next(fact.detail for fact, each in zip(told, statuses, strict=True) if each is status)
    return Exemption(detail.certificate, detail.place)


def _unit_alone(row: Any) -> str:  # noqa: ANN401 -- a row of the database
    """The unit of a line whose price is in no catalogue."""
    return {int(QuantityUnit.BYTE): BYTE, int(QuantityUnit.MESSAGE): MESSAGE}.get(row.quantity_unit, "")
