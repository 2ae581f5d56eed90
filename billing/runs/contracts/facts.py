"""The contract facts as of a sequence number, as columns: accounts, their subscriptions, and the plans of these over time.

Accounts are in the order of `account_id`, the order in which invoices are numbered; an account's place in it is its *index*. Subscriptions
are in the order of their keys. Of two plan facts with the same date the one learned later holds. Rows (`Account`, `Subscription`) are made
on demand: code that needs all of them reads the columns.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges.lines import Int64s
from billing.charges.periods import BillDays, always
from billing.runs.contracts import agreements, reading
from billing.runs.contracts.agreements import NORMAL, NOTHING, Agreed
from billing.runs.contracts.columns import index_of, one_chunk
from billing.runs.contracts.contract_profiles import Pattern, of_rows, with_changes
from billing.runs.contracts.fact_columns import coded, groups, integers
from billing.runs.contracts.fact_rows import Account, AccountRows, ChangedRows, Subscription, SubscriptionRows
from billing.runs.contracts.midnights import Midnights
from rating.dates import NEVER_DAY, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import sqlalchemy as sa

    from billing.runs.contracts.reading import StoredAccounts

__all__ = ["Account", "Facts", "Midnights", "Pattern", "Subscription", "load"]


class BillTerms(NamedTuple):
    """Terms of the bills of one date, by account index. `language`: place in `languages`."""

    language: Int64s
    languages: list[str]
    payment_days: Int64s


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """Everything a run needs to know about customers. Columns are by account or subscription index; days are day numbers."""

    accounts: Sequence[Account]
    subscriptions: Sequence[Subscription]
    account_keys: Int64s
    account_ids: pa.Array[Any]
    account_language: Int64s  # place in `languages`: as imported; `bill_terms` has what is agreed
    languages: list[str]
    account_currency: Int64s  # place in `currencies`, which are sorted
    currencies: list[str]
    account_zone: Int64s  # place in `zones`
    zones: list[str]
    account_entity: Int64s  # place in `entities`; the one without a name is ""
    entities: list[str]
    account_category: Int64s  # place in `categories`: the last one recorded
    categories: list[str]
    account_unit: Int64s  # index of the root of its rating unit: itself where it is alone
    account_payment_days: Int64s  # as imported
    account_first_day: Int64s  # that this store bills
    account_closed_day: Int64s  # NEVER_DAY: open
    account_bill_days: Int64s  # place in `bill_days`
    bill_days: list[BillDays]
    account_seq: Int64s  # commit that made it known
    agreed: Agreed
    subscription_keys: Int64s  # ascending
    subscription_account: Int64s  # index of the account of each subscription
    subscription_pattern: Int64s  # place in `patterns`
    patterns: list[Pattern]

    @classmethod
    def of(cls, accounts: Sequence[Account], subscriptions: Sequence[Subscription] = ()) -> Facts:
        """Facts that are given one by one, for a few customers."""
        languages, currencies, zones, entities = (
            sorted({str(getattr(each, name)) for each in accounts}) for name in ("language", "currency", "timezone", "legal_entity")
        )
        categories = sorted({each.category for each in accounts})
        bill_days = sorted({each.all_bill_days for each in accounts})
        keys = [each.account_key for each in accounts]
        found = of_rows(Pattern(each.plans, each.active) for each in subscriptions)
        return cls(
            accounts=accounts,
            subscriptions=subscriptions,
            account_keys=_column(keys),
            account_ids=pa.array([each.account_id for each in accounts], pa.string()),
            account_language=_column([languages.index(each.language) for each in accounts]),
            languages=languages,
            account_currency=_column([currencies.index(each.currency) for each in accounts]),
            currencies=currencies,
            account_zone=_column([zones.index(each.timezone) for each in accounts]),
            zones=zones,
            account_entity=_column([entities.index(each.legal_entity) for each in accounts]),
            entities=entities,
            account_category=_column([categories.index(each.category) for each in accounts]),
            categories=categories,
            account_unit=_column([keys.index(each.unit_key) if each.unit_key in keys else index for index, each in enumerate(accounts)]),
            account_payment_days=_column([each.payment_days for each in accounts]),
            account_first_day=_column([day_number(each.billed_from) for each in accounts]),
            account_closed_day=_column([NEVER_DAY if each.closed_on is None else day_number(each.closed_on) for each in accounts]),
            account_bill_days=_column([bill_days.index(each.all_bill_days) for each in accounts]),
            bill_days=bill_days,
            account_seq=_column([each.commit_seq for each in accounts]),
            agreed=NOTHING,
            subscription_keys=_column([each.subscription_key for each in subscriptions]),
            subscription_account=_column([each.account for each in subscriptions]),
            subscription_pattern=found.of,
            patterns=found.all,
        )

    def account_index(self, keys: Int64s) -> Int64s:
        """The index of each account key, -1 for an unknown one."""
        by_key, sorted_keys = self._by_key
        place = index_of(sorted_keys, keys)
        return np.where(place >= 0, by_key[place], -1) if by_key.size else place

    @functools.cached_property
    def _by_key(self) -> tuple[Int64s, Int64s]:
        """The indices in the order of the account keys, and these keys."""
        by_key = np.argsort(self.account_keys, kind="stable")
        return by_key, self.account_keys[by_key]

    @property
    def owner_of(self) -> dict[int, int]:
        """The account (index) of each subscription (key) that has payers of its own."""
        return _owners(self.agreed, self.subscription_keys, self.subscription_account)

    def bill_terms(self, bill_date: dt.date) -> BillTerms:
        """The terms that hold on the date of a bill: of each field the last one agreed for that day, else as imported."""
        language, languages, payment_days = self.account_language.copy(), list(self.languages), self.account_payment_days.copy()
        for index, terms in self.agreed.terms.items():
            for each in (each for span, each in terms if span.holds_on(bill_date)):
                if each.language is not None:
                    language[index] = _place(languages, each.language)
                if each.payment_days is not None:
                    payment_days[index] = each.payment_days
        return BillTerms(language, languages, payment_days)

    def bill_terms_of(self, account_keys: Int64s, bill_date: dt.date) -> BillTerms:
        """The same for some accounts alone, in their order."""
        terms, rows = self.bill_terms(bill_date), self.account_index(account_keys)
        assert (rows >= 0).all(), "all are known"
        return BillTerms(terms.language[rows], terms.languages, terms.payment_days[rows])

    def with_plans(self, changed: Mapping[int, tuple[tuple[dt.date, str], ...]]) -> Facts:
        """The same facts, but that some subscriptions (indices) had other plans."""
        pattern = {index: self.patterns[self.subscription_pattern[index]]._replace(plans=plans) for index, plans in changed.items()}
        found = with_changes(self.patterns, self.subscription_pattern, pattern)
        rows = ChangedRows(self.subscriptions, self.subscription_account, found.of, found.all)
        return dataclasses.replace(self, subscriptions=rows, subscription_pattern=found.of, patterns=found.all)

    def only_subscriptions(self, rows: Int64s) -> Facts:
        """The facts of some subscriptions (indices, ascending or not) of all accounts: their places are those in `rows`."""
        account, pattern = self.subscription_account[rows], self.subscription_pattern[rows]
        return dataclasses.replace(
            self,
            subscriptions=ChangedRows([self.subscriptions[each] for each in rows.tolist()], account, pattern, self.patterns),
            subscription_keys=self.subscription_keys[rows],
            subscription_account=account,
            subscription_pattern=pattern,
        )

    def only_account(self, index: int) -> Facts:
        """The facts of one account alone, whose index is 0 then."""
        rows = np.flatnonzero(self.subscription_account == index)
        few = self.only_subscriptions(rows)
        account = np.zeros(len(rows), np.int64)
        columns = {name: getattr(self, name)[index : index + 1] for name in _ACCOUNT_COLUMNS}
        return dataclasses.replace(
            few,
            **columns,
            accounts=[self.accounts[index]],
            account_unit=np.zeros(1, np.int64),
            agreed=self.agreed.of_account(index),
            subscriptions=ChangedRows(few.subscriptions, account, few.subscription_pattern, few.patterns),
            subscription_account=account,
        )


_ACCOUNT_COLUMNS = (
    "account_keys",
    "account_ids",
    "account_language",
    "account_currency",
    "account_zone",
    "account_entity",
    "account_category",
    "account_payment_days",
    "account_first_day",
    "account_closed_day",
    "account_bill_days",
    "account_seq",
)


def load(connection: sa.Connection, seq: int) -> Facts:
    """Facts committed at or before `seq`."""
    told = reading.of_subscriptions(connection, seq)
    stored = reading.accounts(connection, seq, told)
    members = reading.subscriptions(connection, seq, stored.keys, told)
    of_accounts = _account_columns(stored, _units(stored, members.keys, members.account))
    unit_keys = stored.keys[of_accounts["account_unit"]]
    return Facts(
        accounts=AccountRows(stored.table, stored.first_day, unit_keys, stored.agreed),
        subscriptions=SubscriptionRows(members.keys, members.ids, members.account, members.found.of, members.found.all),
        **of_accounts,
        agreed=stored.agreed,
        subscription_keys=members.keys,
        subscription_account=members.account,
        subscription_pattern=members.found.of,
        patterns=members.found.all,
    )


def _account_columns(stored: StoredAccounts, unit: Int64s) -> dict[str, Any]:
    """The columns of accounts: their master data, changed where an agreement differs."""
    table, agreed = stored.table, stored.agreed
    language, languages = coded(table["language"])
    currency, currencies = coded(table["currency"])
    zone, zones = coded(table["timezone"])
    entity, entities = coded(table["legal_entity"])
    category, named = coded(table["category"])
    categories = [name or NORMAL for name in named]
    for index, spans in agreed.categories.items():
        category[index] = _place(categories, spans[-1][1])
    closed_day = np.full(len(stored.keys), NEVER_DAY, np.int64)
    for index, day in agreed.closed_on.items():
        closed_day[index] = day_number(day)
    bill_day, bill_days = _bill_days(integers(table["bill_day"]), agreed)
    return {
        "account_keys": stored.keys,
        "account_ids": one_chunk(table["account_id"]),
        "account_language": language,
        "languages": languages,
        "account_currency": currency,
        "currencies": currencies,
        "account_zone": zone,
        "zones": zones,
        "account_entity": entity,
        "entities": entities,
        "account_category": category,
        "categories": categories,
        "account_unit": unit,
        "account_payment_days": integers(table["payment_days"]),
        "account_first_day": stored.first_day,
        "account_closed_day": closed_day,
        "account_bill_days": bill_day,
        "bill_days": bill_days,
        "account_seq": integers(table["commit_seq"]),
    }


def _bill_days(imported: Int64s, agreed: Agreed) -> tuple[Int64s, list[BillDays]]:
    """The bill days of each account, as places in a list of those there are."""
    code, first = groups([imported])
    found = [always(int(imported[row])) for row in first.tolist()]
    known = {each: place for place, each in enumerate(found)}
    for index, changes in agreed.bill_days.items():
        days = (*always(int(imported[index])), *changes)
        code[index] = known.setdefault(days, len(found))
        if code[index] == len(found):
            found.append(days)
    return code, found


def _units(stored: StoredAccounts, subscription_keys: Int64s, subscription_account: Int64s) -> Int64s:
    """The root of each account's rating unit."""
    owner_of = _owners(stored.agreed, subscription_keys, subscription_account)
    unit = np.arange(len(stored.keys), dtype=np.int64)
    for index, root in agreements.units(stored.agreed, owner_of).items():
        unit[index] = root
    return unit


def _owners(agreed: Agreed, subscription_keys: Int64s, subscription_account: Int64s) -> dict[int, int]:
    """The account of each subscription that has payers of its own, or had."""
    told = np.array(sorted({*agreed.subscription_payers, *agreed.subscription_parted}), np.int64)
    place = index_of(subscription_keys, told)
    return {key: int(subscription_account[at]) for key, at in zip(told.tolist(), place.tolist(), strict=True) if at >= 0}


def _place(names: list[str], name: str) -> int:
    """Place of a name in a list, which grows by it where it is not there."""
    if name not in names:
        names.append(name)
    return names.index(name)


def _column(values: Sequence[int]) -> Int64s:
    return np.array(values, np.int64)
