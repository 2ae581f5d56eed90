"""Tax of the documents of a run, worked out again from their net lines and the published rates.

A run computes tax on all that is due of a payer, period and class, and bills what is missing to what was billed. So after the run the tax
of all valid documents on a period and class follows from their net: net times the rate of the period's last day. It is off by two minor
units at most: tax in prices is the rest of a fixed sum, and a bill of some charges of a period rounds its own part. A wrong rate, a
missing line of tax and one that is there twice are off by more, unless the net is small.

Rates are those of the catalogues as of the run, exemptions those of the account facts. A line does not name its catalogue. Where
catalogues of the currency, exemptions or replaced classes leave a class several rates, each line has one of them. So tax lies between the
sums that the lowest and the highest rate give: the lowest of what is billed and the highest of what is credited, and the other way around.
The amount of a charge key counts as a whole, since all that is due on it has one sign: its documents add up to what is due. Tax is rounded
for each rate by itself, so the two minor units are those of each.
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
    from collections.abc import Collection, Iterator, Sequence

    from billing.store.home import Home
    from billing.verification.plain_facts import FactInForce, Part

CYCLE: Final = "cycle"  # kind of a run
_OFF_MAX: Final = 2  # minor units, for each rate
_TAX: Final = "tax"
_DOCUMENTS: Final = "documents compared"
_OF_CHARGE: Final = ("kind", "subscription_key", "charge_code", "price_id", "revenue_code")  # with `_Key` a charge key


class Checked(NamedTuple):
    """The number of things that were checked, and those that are wrong, in words. `left_out`: what was not compared, counted by reason."""

    checked: int
    wrong: list[str]
    left_out: dict[str, int]


def check(home: Home, connection: sa.Connection, run: Any, part: Part = WHOLE) -> Checked:  # noqa: ANN401 -- a row of bill_runs
    """Check the tax of each payer, period and class of the documents of a run of the cycle, as of the commit of their numbers.

    `part`: of these payers alone.

    Nothing of another run: it leaves taxes of before as they are, where facts about them have changed.
    """
    invoice = tables.invoices.c
    if run.kind != CYCLE:
        return Checked(0, [], {_DOCUMENTS: 0})
    seq = connection.execute(sa.select(sa.func.max(invoice.commit_seq)).where(invoice.run_id == run.run_id)).scalar_one()
    if seq is None:
        return Checked(0, [], {_DOCUMENTS: 0})
    own = _own(connection, run.run_id, part)
    known = _Rates(home, connection, run.pinned_seq, part)
    wrong = {}
    open_: dict[_Key, tuple[int, int]] = {}
    for key, net, tax in _sums(connection, own, seq, part) if own else ():
        rates = known.of(key)
        if not _Amounts(max(net, 0), min(net, 0)).may_have(tax, rates, known.step_micros(key.account_key)):
            if len(rates) > 1:
                open_[key] = net, tax
            else:
                wrong[key] = f"tax {tax} on {net}, the rate says {_part(net, rates[0])}"
    for key, amounts in _by_sign(connection, open_, seq, part).items():
        (net, tax), rates = open_[key], known.of(key)
        if not amounts.may_have(tax, rates, known.step_micros(key.account_key)):
            low, high = amounts.tax_between(rates)
            wrong[key] = f"tax {tax} on {net}, the rates say {low} to {high}"
    told = [f"{known.ids[key.account_key]} {key.period_from} class {key.tax_class}: {what}" for key, what in sorted(wrong.items())]
    return Checked(len(own), told, {} if own else {_DOCUMENTS: 0})


class _Key(NamedTuple):
    """A payer, period and class of tax, as lines have them."""

    account_key: int
    period_from: str
    period_to: str
    tax_class: int


class _Amounts(NamedTuple):
    """Net amounts that charge keys have: the sum of those above zero, and of those below it."""

    billed_micros: int
    credited_micros: int

    def tax_between(self, rates: Sequence[int]) -> tuple[int, int]:
        """The least and the largest tax, each key at one of the rates (ascending), in whole micro-units."""
        low, high = rates[0], rates[-1]
        return (
            _part(self.billed_micros, low) + _part(self.credited_micros, high),
            _part(self.billed_micros, high) + _part(self.credited_micros, low),
        )

    def may_have(self, tax_micros: int, rates: Sequence[int], step_micros: int) -> bool:
        """True for a tax that can follow, each rate rounded by itself."""
        low, high = self.tax_between(rates)
        off = _OFF_MAX * step_micros * len(rates)
        return low - off <= tax_micros <= high + off


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

    def of(self, key: _Key) -> Sequence[int]:
        """The rates (ascending) that lines of a key can have: one of each catalogue, more where classes are replaced."""
        currency = self._currency[key.account_key]
        last = dt.date.fromisoformat(key.period_to) - dt.timedelta(days=1)
        status = status_on(self._told.get(key.account_key, ()), last)
        if status is not None:
            return sorted(set(self._prices.rates_as_agreed(key.tax_class, last, currency, status))) or [0]
        alike = (key.tax_class, key.period_to, currency)
        if alike not in self._rates:
            self._rates[alike] = sorted(self._prices.rates_ppm(key.tax_class, last, currency)) or [0]
        return self._rates[alike]


def status_on(told: Sequence[FactInForce], day: dt.date) -> TaxFact | None:
    """The one of an account's facts about tax that holds on a day; None: none does."""
    found = [each for each in told if each.from_date <= day and (each.to_date is None or day < each.to_date)]
    return msgspec.json.decode(found[-1].detail, type=TaxFact) if found else None


def _part(net_micros: int, rate_ppm: int) -> int:
    return net_micros * rate_ppm // PPM


def _own(connection: sa.Connection, run_id: int, part: Part) -> set[_Key]:
    """The payers, periods and classes that lines of a run's documents are about."""
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    query = sa.select(*(line[name] for name in _Key._fields)).join_from(tables.invoice_lines, tables.invoices)
    query = query.where(invoice.run_id == run_id, part.holds(invoice.account_key)).distinct()
    return {_Key(*row) for row in connection.execute(query)}


def _sums(connection: sa.Connection, own: set[_Key], seq: int, part: Part) -> Iterator[tuple[_Key, int, int]]:
    """Net and tax on each of these, of all documents that count as of a commit."""
    line = tables.invoice_lines.c
    keys = [line[name] for name in _Key._fields]
    net, tax = (halves(sa.case((is_wanted, line.amount_micros), else_=0)) for is_wanted in (line.kind != _TAX, line.kind == _TAX))
    query = _counting(sa.select(*keys, *net, *tax), own, seq, part)
    for row in connection.execute(query.group_by(*keys)):
        if (key := _Key(*row[: len(keys)])) in own:
            yield key, whole(*row[-4:-2]), whole(*row[-2:])


def _by_sign(connection: sa.Connection, wanted: Collection[_Key], seq: int, part: Part) -> dict[_Key, _Amounts]:
    """Net on each of these by the sign of the amounts of its charge keys, of all documents that count as of a commit."""
    found = dict.fromkeys(wanted, _Amounts(0, 0))
    if not found:
        return found
    line = tables.invoice_lines.c
    keys = [line[name] for name in (*_Key._fields, *_OF_CHARGE)]
    query = sa.select(*keys, *halves(line.amount_micros)).where(line.kind != _TAX)
    for row in connection.execute(_counting(query, wanted, seq, part).group_by(*keys)):
        key, net = _Key(*row[: len(_Key._fields)]), whole(*row[-2:])
        if key in found:
            billed, credited = found[key]
            found[key] = _Amounts(billed + max(net, 0), credited + min(net, 0))
    return found


def _counting(query: sa.Select[Any], keys: Collection[_Key], seq: int, part: Part) -> sa.Select[Any]:
    """Lines of documents that count as of a commit, and that may be about these keys."""
    line, invoice, run = tables.invoice_lines.c, tables.invoices.c, tables.bill_runs.c
    since = sa.select(run.run_id).where(run.bill_date >= min(key.period_from for key in keys))
    return query.join_from(tables.invoice_lines, tables.invoices).where(
        invoice.run_id.in_(since),
        part.holds(invoice.account_key),
        invoice.commit_seq <= seq,
        invoice.invoice_key.not_in(voided(as_of=seq)),
        invoice.document_type.is_(None) | (invoice.document_type != "opening"),
        line.effect.is_(None) | (line.effect != "outside"),
    )
