"""The account that pays an adjustment by now, where an invoice of another account has it and the next run of the cycle moves it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from billing.accounts.picture import load
from billing.accounts.still_open import open_from
from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.settlement import payers
from billing.store import tables
from rating.dates import day_number, last_day

if TYPE_CHECKING:
    from billing.left_out.decisions import DecisionTold
    from billing.store.home import Home


def moving(home: Home, connection: sa.Connection, decision: DecisionTold) -> tuple[str, str]:
    """The ids of the account whose invoice has the adjustment of a decision, and of the one that a run to come asks it of.

    They are the same where nothing has changed, and where the period of the adjustment is closed: no run moves it then.
    """
    row, account, invoice = tables.adjustments.c, tables.accounts.c, tables.invoices.c
    entered = connection.execute(sa.select(tables.adjustments).where(row.reference == decision.reference)).one()
    whose = sa.select(account.account_key, account.account_id).join_from(tables.invoices, tables.accounts)
    billed_key, billed_id = connection.execute(whose.where(invoice.number == decision.invoice)).one()
    payer_key = _payer(home, connection, entered)
    if payer_key in {None, billed_key}:
        return billed_id, billed_id
    return billed_id, str(connection.execute(sa.select(account.account_id).where(account.account_key == payer_key)).scalar_one())


def _payer(home: Home, connection: sa.Connection, entered: Any) -> int | None:  # noqa: ANN401 -- a row of adjustments
    """The account (key) that pays an adjustment as of now; None where its period is closed."""
    picture = load(connection, [entered.account_key])
    customer, day = picture.customers[entered.account_key], dt.date.fromisoformat(entered.on_date)
    day = day if customer.closed_on is None else min(day, last_day(customer.closed_on))
    period = customer.period_of(day)
    if period is None or day < open_from(connection, picture, customer.key):
        return None
    line, seq = np.zeros(1, LINE), home.head_seq(connection)
    line["account_key"], line["subscription_key"] = entered.account_key, entered.subscription_key
    line["kind"], line["charge_code"], line["period_from"] = Kind.ADJUSTMENT, entered.charge_code, day_number(period.start)
    contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), facts.Midnights())
    return int(payers.route(line, contracts)["account_key"][0])
