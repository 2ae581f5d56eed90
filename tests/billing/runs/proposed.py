"""A proposal without a home: a catalogue, accounts and subscriptions told as structs, and the lines of October 2025 as readable rows."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE, Lines
from billing.charges.proration import Span
from billing.runs.contracts.contract_profiles import of_rows
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.contracts.facts import Account, Facts, Pattern, Subscription
from billing.runs.contracts.midnights import Midnights
from billing.runs.contracts.price_list import PriceList
from billing.runs.selection.coverage import Covered
from billing.runs.selection.scope import Scope, decide
from billing.runs.settlement import payers, totals
from billing.runs.settlement.fees_due import fee_lines
from billing.runs.settlement.inputs import Inputs
from rating.dates import day_number, day_of
from rating.money import format_micros
from tests.billing.runs.world import shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.runs.contracts.agreements import Agreed
    from rating.model import Plan, UsageRule

CENT = 10_000
FIRST = dt.date(2025, 10, 1)
BILL_DATE = dt.date(2025, 11, 1)
NATIONAL, PREMIUM = 100, 101  # price ids of the shop


class Used(NamedTuple):
    """Usage of a subscription in October."""

    subscription: int
    price_id: int
    quantity: int
    cents: int
    free: int = 0
    charge_code: int = 10


@dataclasses.dataclass
class Proposed:
    """Everything that a run works out before it settles."""

    contracts: Contracts
    scope: Scope
    currencies: Currencies

    @classmethod
    def of(
        cls,
        plans: Sequence[Plan],
        patterns: Sequence[tuple[int, Pattern]],
        *,
        accounts: int = 1,
        agreed: Agreed | None = None,
        bill_date: dt.date = BILL_DATE,
        **catalogue: Any,  # noqa: ANN401 -- fields of a catalogue
    ) -> Proposed:
        """`patterns`: (account, 1 and on; pattern) of subscriptions 1 and on. Accounts bill on the 1st, from October 2025 on."""
        rules = shop().plans[0].rules
        with_rules = tuple(plan if plan.rules else _with(plan, rules) for plan in plans)
        price_list = PriceList([shop(plans=with_rules, **catalogue)])
        people = [_account(number) for number in range(1, accounts + 1)]
        rows = [
            Subscription(place + 1, f"s{place + 1}", owner - 1, each.active, each.plans) for place, (owner, each) in enumerate(patterns)
        ]
        facts = Facts.of(people, rows)
        found = of_rows(pattern for _, pattern in patterns)
        facts = dataclasses.replace(facts, subscription_pattern=found.of, patterns=found.all, **({"agreed": agreed} if agreed else {}))
        midnights = Midnights()
        contracts = Contracts(facts, price_list, midnights)
        covered = Covered(np.zeros(accounts, np.int64), [()])
        return cls(contracts, decide(facts, covered, bill_date, midnights), Currencies(contracts))

    def fees(self) -> Lines:
        """Recurring and one-off fees."""
        return fee_lines(self.inputs)

    @property
    def inputs(self) -> Inputs:
        """The inputs of its charges."""
        return Inputs(self.contracts, self.scope, self.currencies)

    def everything(self, *usage: Used, adjustments: pa.Table | None = None) -> Lines:
        """Fees, usage, and what follows from their totals, with the accounts that pay."""
        lines = np.concatenate([self.fees(), self.usage(*usage)])
        lines = totals.apply(lines, self.inputs, adjustments)
        return payers.route(lines, self.contracts)

    def usage(self, *usage: Used) -> Lines:
        """Lines of usage in October."""
        facts = self.contracts.facts
        made = np.zeros(len(usage), LINE)
        for place, each in enumerate(usage):
            index = each.subscription - 1
            row = {
                "account_key": facts.account_keys[facts.subscription_account[index]],
                "subscription_key": each.subscription,
                "period_from": day_number(FIRST),
                "period_to": day_number(BILL_DATE),
                "kind": Kind.USAGE,
                "charge_code": each.charge_code,
                "price_id": each.price_id,
                "tax_class": 1,
                "rate_ppm": 60_000,
                "amount_micros": each.cents * CENT,
                "exact_micros": each.cents * CENT,
                "events": 1,
                "quantity": each.quantity,
                "free_quantity": each.free,
            }
            for name, value in row.items():
                made[name][place] = value
        return made


def life(*plans: tuple[str, str], active: tuple[str, str | None] = ("2025-10-01", None), **more: Any) -> Pattern:  # noqa: ANN401 -- of a pattern
    """A pattern with (from date, plan of the shop)."""
    changes = tuple((dt.date.fromisoformat(start), f"shop/{plan}") for start, plan in plans)
    return Pattern(changes, span(*active), **more)


def span(start: str, end: str | None = None) -> Span:
    """Dates from ISO text."""
    return Span(dt.date.fromisoformat(start), dt.date.fromisoformat(end) if end else None)


def table(lines: Lines, *kinds: Kind) -> list[str]:
    """Lines as rows: account, subscription, first day, kind, price, amount; of these kinds, or all."""
    chosen = [row for row in lines if not kinds or row["kind"] in kinds]
    return sorted(
        f"a{row['account_key']} s{row['subscription_key']} {day_of(int(row['period_from'])):%m-%d} {Kind(row['kind']).name.lower()} "
        f"{row['price_id']} {format_micros(int(row['amount_micros']))}"
        for row in chosen
    )


def adjustments(*rows: dict[str, Any]) -> pa.Table:
    """Rows of the table of that name, with what matters to a line."""
    base = {
        "subscription_key": 0,
        "catalogue": "shop",
        "tax_class": "standard",
        "charge_code": 90,
        "revenue_code": 9000,
        "text": "goodwill",
        "reason_code": "goodwill",
    }
    return pa.Table.from_pylist([base | row for row in rows])


def _with(plan: Plan, rules: tuple[UsageRule, ...]) -> Plan:
    return msgspec.structs.replace(plan, rules=rules)


def _account(number: int) -> Account:
    return Account(
        account_key=number,
        account_id=f"A{number:04}",
        currency="CNY",
        timezone="Asia/Shanghai",
        bill_day=1,
        language="en",
        billed_from=FIRST,
        payment_days=14,
        commit_seq=1,
    )
