"""Tax of the documents of a run, worked out again from their net lines and the published rates.

A run computes tax on all that is due of a payer, period and class, and bills what is missing to what was billed. So after the run the tax
of all valid documents on a period and class follows from their net: net times the rate of the period's last day. It is off by two minor
units at most: tax in prices is the rest of a fixed sum, and a bill of some charges of a period rounds its own part. A wrong rate, a
missing line of tax and one that is there twice are off by more, unless the net is small.

Rates are those of the catalogues as of the run, exemptions those of the account facts. Two catalogues of a currency may state two rates
for one class, which publishing warns of; then tax lies between the two.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.kinds import TaxFact
from billing.catalogue.in_force import in_force
from billing.store import tables
from billing.store.sums import halves, whole
from billing.store.voids import voided
from billing.verification.plain_facts import WHOLE, holding
from billing.verification.plain_prices import PlainPrices
from rating.model import PPM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.store.home import Home
    from billing.verification.plain_facts import FactInForce, Part

CYCLE: Final = "cycle"  # kind of a run
_OFF_MAX: Final = 2  # minor units
_EVERY_CLASS: Final = "*"
_TAX: Final = "tax"


class Checked(NamedTuple):
    """The number of things that were checked, and those that are wrong, in words."""

    checked: int
    wrong: list[str]


def check(home: Home, connection: sa.Connection, run: Any, part: Part = WHOLE) -> Checked:  # noqa: ANN401 -- a row of bill_runs
    """Check the tax of each payer, period and class of the documents of a run of the cycle, as of the commit of their numbers.

    `part`: of these payers alone.

    Nothing of another run: it leaves taxes of before as they are, where facts about them have changed.
    """
    invoice = tables.invoices.c
    if run.kind != CYCLE:
        return Checked(0, [])
    seq = connection.execute(sa.select(sa.func.max(invoice.commit_seq)).where(invoice.run_id == run.run_id)).scalar_one()
    if seq is None:
        return Checked(0, [])
    own = _own(connection, run.run_id, part)
    known = _Rates(home, connection, run.pinned_seq, part)
    wrong = {}
    for key, net, tax in _sums(connection, own, seq, part) if own else ():
        low, high = known.tax_between(key, net)
        bound = _OFF_MAX * known.step_micros(key.account_key)
        if not low - bound <= tax <= high + bound:
            wrong[key] = f"tax {tax} on {net}, the rate says {low}"
    told = [f"{known.ids[key.account_key]} {key.period_from} class {key.tax_class}: {what}" for key, what in sorted(wrong.items())]
    return Checked(len(own), told)


class _Key(NamedTuple):
    """A payer, period and class of tax, as lines have them."""

    account_key: int
    period_from: str
    period_to: str
    tax_class: int


class _Rates:
    """Rates of tax as of a commit, by account, class and end of a period. `ids`: of accounts."""

    def __init__(self, home: Home, connection: sa.Connection, seq: int, part: Part) -> None:
        self._prices = PlainPrices(in_force(home, seq))
        self._told = holding(connection, tables.account_facts, (_TAX,), seq, part)
        account = tables.accounts.c
        query = sa.select(account.account_key, account.account_id, account.currency).where(part.holds(account.account_key))
        rows = connection.execute(query).all()
        self.ids: dict[int, str] = {row.account_key: row.account_id for row in rows}
        self._currency: dict[int, str] = {row.account_key: row.currency for row in rows}
        self._rates: dict[tuple[int, str, str], list[int]] = {}
        self._steps: dict[str, int] = {}

    def step_micros(self, account_key: int) -> int:
        """The minor unit of an account's currency."""
        currency = self._currency[account_key]
        if currency not in self._steps:
            self._steps[currency] = self._prices.step_micros(currency)
        return self._steps[currency]

    def tax_between(self, key: _Key, net_micros: int) -> tuple[int, int]:
        """The least and the largest tax on a net amount, in whole micro-units."""
        amounts = [net_micros * rate // PPM for rate in self._of(key)]
        return min(amounts), max(amounts)

    def _of(self, key: _Key) -> Sequence[int]:
        alike = (key.tax_class, key.period_to, self._currency[key.account_key])
        if alike not in self._rates:
            last = dt.date.fromisoformat(key.period_to) - dt.timedelta(days=1)
            self._rates[alike] = sorted(self._prices.rates_ppm(key.tax_class, last, alike[2])) or [0]
        told = self._told.get(key.account_key)
        return self._rates[alike] if told is None else self._exempted(told, key, self._rates[alike])

    def _exempted(self, told: Sequence[FactInForce], key: _Key, rates: list[int]) -> Sequence[int]:
        """The rates of an account with facts about its tax: none where the class is exempt, either where a class that it replaces is."""
        last = dt.date.fromisoformat(key.period_to) - dt.timedelta(days=1)
        found = [each for each in told if each.from_date <= last and (each.to_date is None or last < each.to_date)]
        if not found:
            return rates
        fact = msgspec.json.decode(found[-1].detail, type=TaxFact)
        names = self._prices.class_names(key.tax_class, self._currency[key.account_key])
        if _EVERY_CLASS in fact.exempt or names & set(fact.exempt):
            return [0]
        replaces = {before for before, after in fact.classes.items() if after in names}
        return sorted({0, *rates}) if replaces & set(fact.exempt) else rates


def _own(connection: sa.Connection, run_id: int, part: Part) -> set[_Key]:
    """The payers, periods and classes that lines of a run's documents are about."""
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    query = sa.select(*(line[name] for name in _Key._fields)).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(invoice.run_id == run_id, part.holds(invoice.account_key)).distinct()
    return {_Key(*row) for row in connection.execute(query)}


def _sums(connection: sa.Connection, own: set[_Key], seq: int, part: Part) -> Iterator[tuple[_Key, int, int]]:
    """Net and tax on each of these, of all documents that count as of a commit."""
    line, invoice, run = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    keys = [line[name] for name in _Key._fields]
    since = sa.select(run.run_id).where(run.bill_date >= min(key.period_from for key in own))
    net, tax = (halves(sa.case((is_wanted, line.amount_micros), else_=0)) for is_wanted in (line.kind != _TAX, line.kind == _TAX))
    query = (
        sa.select(*keys, *net, *tax)
        .join_from(tables.invoice_lines, tables.invoices)
        .where(
            invoice.run_id.in_(since),
            part.holds(invoice.account_key),
            invoice.commit_seq <= seq,
            invoice.invoice_key.not_in(voided(as_of=seq)),
            invoice.document_type.is_(None) | (invoice.document_type != "opening"),
            line.effect.is_(None) | (line.effect != "outside"),
        )
    )
    for row in connection.execute(query.group_by(*keys)):
        if (key := _Key(*row[: len(keys)])) in own:
            yield key, whole(*row[-4:-2]), whole(*row[-2:])
