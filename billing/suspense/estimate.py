"""Estimate, in micro-units, of the worth of records that do not count. It never bills anything.

A record is priced alone, by the tariff that most likely applies, without free quantity, caps or other state of a month:

    own plan          the plan of who owns the served number at the start of the event
    commonest plan    the number has no owner: the plan that most subscriptions are on
    mean of source    neither can price it, or nothing is known of it: what a record of its source is worth on average, by the newest
                      usage that counts (of any source, where this one has none)
    own amount        neither can price it, and it holds what a provider asks for: that, in a currency in which prices are, where it is
                      more than the mean of its source or in another currency
    does not bill     such a record costs nothing, with any content: an unanswered call, or one received that no rule prices
    unknown           there is nothing to go by
"""

from __future__ import annotations

import collections
import enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.guiding import Guide
from billing.intake import view
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.columns import index_of, int64, key_halves, one_chunk
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.rule_inputs import asked
from billing.runs.usage import pricing
from billing.runs.usage.circumstances import Whose, circumstances
from billing.runs.usage.destinations import numbers
from billing.runs.usage.rating_passes import Rateable
from rating.engine import Buckets, RatingInput, rate
from rating.schema import USAGE_V1, UsageFlag
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

SAMPLE_ROWS: Final = 10_000  # of the newest usage, from which the mean of a source is taken
SAMPLE_FILES: Final = 8
_COSTS_NOTHING: Final = int(UsageFlag.UNANSWERED | UsageFlag.ABSORBED)  # a segment is worth what it adds to its call
_NOBODY: Final = -1
_NO_CURRENCY: Final = -1
_NO_PRICE: Final = -1


class Basis(enum.IntEnum):
    """Basis of an estimate."""

    UNKNOWN = 0
    OWN_PLAN = 1
    COMMONEST_PLAN = 2
    MEAN_OF_SOURCE = 3
    DOES_NOT_BILL = 4
    OWN_AMOUNT = 5


BASIS_NAMES: Final = tuple(basis.name.lower().replace("_", " ") for basis in Basis)


class Sold(NamedTuple):
    """Price and tariff version that give a record its value: their rows, -1 none."""

    price: npt.NDArray[np.int32]
    version: npt.NDArray[np.int32]


class Estimates(NamedTuple):
    """One a record. `currency` is an index into `currencies`, -1 where there is no value; `micros` is 0 there."""

    micros: Int64s
    currency: npt.NDArray[np.int8]
    basis: npt.NDArray[np.int8]
    currencies: tuple[str, ...]
    sold: Sold | None = None  # where records were priced

    def currency_of(self, row: int) -> str:
        """Currency of one record; empty where it has no value."""
        code = int(self.currency[row])
        return self.currencies[code] if code >= 0 else ""

    def chosen(self, mask: npt.NDArray[np.bool_]) -> Estimates:
        """Estimates of some records."""
        return Estimates(self.micros[mask], self.currency[mask], self.basis[mask], self.currencies)

    def sums(self, chosen: npt.NDArray[np.bool_] | None = None) -> dict[str, int]:
        """Micro-units by currency, of the `chosen` records."""
        found: collections.Counter[str] = collections.Counter()
        wanted = np.ones(len(self.micros), np.bool_) if chosen is None else chosen
        for code, name in enumerate(self.currencies):
            mine = wanted & (self.currency == code)
            if mine.any():
                found[name] = _exact_sum(self.micros[mine])
        return dict(found)

    def unknown(self, chosen: npt.NDArray[np.bool_] | None = None) -> int:
        """Number of the `chosen` records that may be worth something but have no estimate."""
        unvalued = self.basis == Basis.UNKNOWN
        return int(np.count_nonzero(unvalued if chosen is None else unvalued & chosen))


class Owner(NamedTuple):
    """Ids of an account and a subscription, and the clock of the account; empty where a record has no owner."""

    account_id: str
    subscription_id: str
    timezone: str


class Estimator:
    """Prices single records as of one sequence number."""

    def __init__(self, home: Home, seq: int) -> None:
        self._home, self._seq = home, seq
        with home.connect() as connection:
            known = facts.load(connection, seq)
        self._contracts = Contracts(known, price_list.load(home, seq), facts.Midnights())
        self._guide = Guide(home, seq)
        self._currencies = tuple(sorted({each.currency for each in self._contracts.price_list.catalogues}))
        self._version_currency = [self._currencies.index(each.currency) for each in self._contracts.price_list.tables.versions]
        self._commonest = self._commonest_plan()
        self._means: dict[str, tuple[int, int]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of USAGE_V1 that an estimate looks at."""
        wanted = (*pricing.columns(asked(self._contracts.price_list.catalogues)), "source", "source_amount_micros", "source_currency")
        return tuple(dict.fromkeys(wanted))

    def owned(self, usage: pa.Table) -> npt.NDArray[np.bool_]:
        """Mask of records that are served by a known subscription at their start."""
        return self._subscriptions(usage, int64(usage["start_us"])) >= 0

    def owners(self, usage: pa.Table) -> list[Owner]:
        """The owner of each record, by the facts as of now."""
        known, found = self._contracts.facts, list[Owner]()
        for row in self._subscriptions(usage, int64(usage["start_us"])).tolist():
            if row < 0:
                found.append(Owner("", "", ""))
                continue
            account = known.accounts[int(known.subscription_account[row])]
            found.append(Owner(account.account_id, known.subscriptions[row].subscription_id, account.timezone))
        return found

    def estimates(self, usage: pa.Table) -> Estimates:
        """The value of each row of `usage` (`columns` of USAGE_V1)."""
        found = self._priced(usage)
        unpriced = np.flatnonzero((found.currency < 0) & (found.basis != Basis.DOES_NOT_BILL))
        if unpriced.size:
            column: Any = usage["source"].cast(pa.string())
            self._fill_means(found, unpriced, column.take(pa.array(unpriced)).to_pylist())
            self._fill_amounts(found, unpriced, usage)
        return found

    def taxed_as(self, found: Estimates, row: int) -> tuple[str, str]:
        """The catalogue and the tax class of the price by which the row of an estimate has its value; empty where there is none."""
        if found.sold is None or found.sold.price[row] < 0:
            return "", ""
        prices = self._contracts.price_list
        identity = prices.tables.versions[int(found.sold.version[row])].identity
        tax_class = prices.tax_class(identity, int(prices.tables.tax_code[int(found.sold.price[row])]))
        return identity, "" if tax_class is None else tax_class.name

    def of_sources(self, sources: Sequence[str]) -> Estimates:
        """The value of records with no known field but their source."""
        found = self._nothing(len(sources))
        self._fill_means(found, np.arange(len(sources)), sources)
        return found

    def _nothing(self, size: int) -> Estimates:
        """Estimates of records without any known field."""
        return Estimates(np.zeros(size, np.int64), np.full(size, _NO_CURRENCY, np.int8), np.zeros(size, np.int8), self._currencies)

    def _fill_means(self, found: Estimates, rows: Int64s, sources: Sequence[str]) -> None:
        for row, source in zip(rows.tolist(), sources, strict=True):
            micros, currency = self._mean(source)
            if currency >= 0:
                found.micros[row], found.currency[row], found.basis[row] = micros, currency, Basis.MEAN_OF_SOURCE

    def _fill_amounts(self, found: Estimates, rows: Int64s, usage: pa.Table) -> None:
        """The amount that a record holds is its least worth."""
        amounts = int64(usage["source_amount_micros"], missing=0)
        currencies: Any = usage["source_currency"].cast(pa.string())
        for row, currency in zip(rows.tolist(), currencies.take(pa.array(rows)).to_pylist(), strict=True):
            if amounts[row] <= 0 or currency not in self._currencies:
                continue
            code = self._currencies.index(currency)
            if found.currency[row] != code or amounts[row] > found.micros[row]:
                found.micros[row], found.currency[row], found.basis[row] = amounts[row], code, Basis.OWN_AMOUNT

    def _priced(self, usage: pa.Table) -> Estimates:
        """The value by a plan; unknown where no plan prices a record."""
        size, start_us = usage.num_rows, int64(usage["start_us"])
        if not self._version_currency:  # nothing is published: nothing has a price
            return self._nothing(size)
        subscription = self._subscriptions(usage, start_us)
        held = subscription >= 0
        account, holding = (np.full(size, _NOBODY, np.int64) for _ in range(2))
        account[held] = self._contracts.facts.subscription_account[subscription[held]]
        holding[held] = self._contracts.holding_at(subscription[held], start_us[held])
        plan = np.where(held, self._contracts.plan_of(holding), self._commonest).astype(np.int32)
        batch = self._input(usage, start_us, plan, Whose(account, holding))
        rated = rate(self._contracts.price_list.tables, batch, Buckets.none())
        by_version = np.array([*self._version_currency, _NO_CURRENCY], np.int8)  # the last one for no version
        basis = np.where(held, Basis.OWN_PLAN, Basis.COMMONEST_PLAN)
        good = rated.status < int(REFUSALS_FROM)
        free = (usage["flags"].to_numpy() & _COSTS_NOTHING) != 0
        owners = Rateable(batch, subscription, account, np.full(size, _NOBODY, np.int64), holding)
        free |= ~pricing.incoming_by_name(owners, usage["direction"].to_numpy(), self._contracts)
        return Estimates(
            np.where(good & ~free, rated.charge_micros, 0),
            np.where(good & ~free, by_version[rated.version], np.int8(_NO_CURRENCY)).astype(np.int8),
            np.where(free, Basis.DOES_NOT_BILL, np.where(good, basis, Basis.UNKNOWN)).astype(np.int8),
            self._currencies,
            Sold(*(np.where(good & ~free, rows, _NO_PRICE).astype(np.int32) for rows in (rated.price, rated.version))),
        )

    def _input(self, usage: pa.Table, start_us: Int64s, plan: npt.NDArray[np.int32], whose: Whose) -> RatingInput:
        service = np.ascontiguousarray(usage["service"].to_numpy(), np.int8)
        number, digits = numbers(usage, start_us, whose.holding, self._contracts)
        return RatingInput(
            start_us=start_us,
            quantity=pricing.quantity_of(usage, service),
            service=service,
            plan=plan,
            number=number,
            number_digits=digits,
            holder=np.full(len(start_us), _NOBODY, np.int32),
            rating_unit=np.zeros(len(start_us), np.int64),
            event_key=key_halves(one_chunk(usage["event_key"])),
            circumstances=circumstances(usage, start_us, whose, self._contracts, self._guide.knows_number),
        )

    def _subscriptions(self, usage: pa.Table, start_us: Int64s) -> Int64s:
        """Index of the active subscription that owns each record, `_NOBODY` where none does."""
        keys = self._guide.resolve(one_chunk(usage["served_id"]), start_us)
        subscription = index_of(self._contracts.facts.subscription_keys, keys)
        held = subscription >= 0
        held[held] = self._contracts.is_active(subscription[held], start_us[held])
        return np.where(held, subscription, _NOBODY)

    def _commonest_plan(self) -> int:
        """Index of the published plan that most subscriptions are on now; of equally common ones the first by name."""
        known = self._contracts.price_list.tables.plan_index
        facts_, plans = self._contracts.facts, collections.Counter[str]()
        counts = np.bincount(facts_.subscription_pattern, minlength=len(facts_.patterns))
        for pattern, count in zip(facts_.patterns, counts.tolist(), strict=True):
            if pattern.plans and count:
                plans[pattern.plans[-1][1]] += count
        found = min(((-count, name) for name, count in plans.items() if name in known), default=None)
        return _NOBODY if found is None else known[found[1]]

    def _mean(self, source: str) -> tuple[int, int]:
        """Micro-units and currency of an average record of the source; of any source, where nothing of it is priced."""
        if source not in self._means:
            found = self._mean_of(self._newest(source))
            if found[1] < 0 and source:
                found = self._mean("")
            self._means[source] = found
        return self._means[source]

    def _mean_of(self, usage: pa.Table) -> tuple[int, int]:
        priced = self._priced(usage)
        counts = np.bincount(priced.currency[priced.currency >= 0], minlength=1)
        if not counts.any():
            return 0, _NO_CURRENCY
        currency = int(counts.argmax())
        return _exact_sum(priced.micros[priced.currency == currency]) // int(counts[currency]), currency

    def _newest(self, source: str) -> pa.Table:
        """Usage that bills, of one source or (empty) of any, from the files committed last."""
        columns = self.columns

        def read() -> pa.Table:
            with self._home.connect() as connection:
                files = view.stored(connection, 0, self._seq)[::-1][:SAMPLE_FILES]
            found = [pa.schema([USAGE_V1.field(name) for name in columns]).empty_table()]
            rows = 0
            for part in view.parts(self._home, files, columns, 0, self._seq):
                wanted = part.filter(_bills(part, source)).slice(0, SAMPLE_ROWS - rows)
                found.append(wanted)
                rows += wanted.num_rows
                if rows >= SAMPLE_ROWS:
                    break
            return pa.concat_tables(found)

        return view.steadily(read)


def _bills(part: pa.Table, source: str) -> pa.Array[Any]:
    bills = (part["flags"].to_numpy() & int(view.NEVER_BILLS)) == 0
    if source:
        mine: Any = pc.equal(part["source"].cast(pa.string()), pa.scalar(source))
        bills &= mine.to_numpy()
    chosen: pa.Array[Any] = pa.array(bills)
    return chosen


def _exact_sum(micros: Int64s) -> int:
    """The sum, in two halves that cannot wrap."""
    return (int((micros >> 32).sum()) << 32) + int((micros & 0xFFFFFFFF).sum())
