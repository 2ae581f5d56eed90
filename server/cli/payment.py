"""`ratewright payment record|list`."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

app = cyclopts.App(name="payment", help="Record payments.")


@app.command
def record(
    *,
    payment_id: Annotated[str, Parameter(name="--id", help="The operator's id of the payment; the same one counts once.")],
    account: Annotated[str, Parameter(help="Id of the account that paid.")],
    amount: Annotated[str, Parameter(help="Amount in the account's currency, such as 12.50.")],
    date: Annotated[str, Parameter(help="Date on which it was received, such as 2025-11-10.")],
    currency: Annotated[str | None, Parameter(help="The payment's currency, if known; another than the account's is refused.")] = None,
    reference: Annotated[str, Parameter(help="Whatever the bank says about it.")] = "",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Record a payment and allocate it to the oldest open invoices. What is left over waits for the next invoice."""
    from billing import payments
    from billing.store.home import Home
    from rating.errors import UserError
    from rating.money import MoneyError, parse_micros
    from server.cli import output
    from server.cli.bill import now_us, parse_date

    try:
        amount_micros = parse_micros(amount)
    except MoneyError as error:
        raise UserError(f"--amount: {error}", "write it as 12.50", exit_status=2) from error
    received_on = parse_date(date)
    with Home.open(home) as opened:
        done = payments.record(opened, payment_id, account, amount_micros, received_on, reference, now_us(), currency=currency)
    if as_json:
        output.print_json(done._asdict())
        return 0
    if done.existed:
        print(f"payment {payment_id} was recorded before; nothing changed")
    for number, micros in done.allocated:
        print(f"{output.amount(micros, done.currency)} {done.currency} to invoice {number}")
    if done.credit_micros:
        print(f"{output.amount(done.credit_micros, done.currency)} {done.currency} left as credit")
    return 0


@app.command(name="list")
def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only payments of this account.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List payments in the order in which they were recorded."""
    from billing import payments
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = payments.list_payments(opened, account)
    if as_json:
        output.print_json([each._asdict() for each in found])
        return 0
    rows = [
        (each.payment_id, each.account_id, each.received_on, output.amount(each.amount_micros, each.currency),
         output.amount(each.credit_micros, each.currency), each.currency, each.reference)
        for each in found
    ]  # fmt: skip
    columns = ("payment", "account", "received on", "amount", "credit left", "currency", "reference")
    output.print_table(columns, rows, right=("amount", "credit left"))
    return 0
