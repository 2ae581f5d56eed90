"""`ratewright payment record|list`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common


def record(
    *,
    payment_id: Annotated[str, Parameter(name="--id", help="The bank's or your own id of the payment; the same one counts once.")],
    account: common.AccountId,
    amount: common.Amount,
    date: Annotated[str, Parameter(help="Date on which it was received, such as 2025-11-10.")],
    currency: common.Currency = None,
    reference: Annotated[str, Parameter(help="The bank's text of the booking.")] = "",
    invoice: common.Numbers = [],  # noqa: B006 -- never changed
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record a payment and settle open invoices: those that the payer names, then the oldest. The rest waits for the next invoice."""
    from billing.payments import Payment
    from server.actions import payments
    from server.cli import output, practice
    from server.cli.bill import parse_date

    given = Payment(payment_id, account, common.micros_of(amount), parse_date(date), reference, currency, tuple(invoice))
    opened, done = done_at(
        at,
        lambda home: payments.record(home, given, common.act(home, dry_run=dry_run)),
        lambda service: service.payments.record(given, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
        return 0
    if done.existed:
        print(f"payment {payment_id} was recorded before; nothing changed")
    common.print_settled(done.allocated, done.credit_micros, done.currency)
    common.print_tried(dry_run=dry_run)
    return 0


def list_(*, account: common.OfAccount = None, at: Place = HERE, as_json: AsJson = False) -> int:
    """List payments in the order in which they were recorded."""
    from billing import payments
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: payments.list_payments(home, account), lambda service: service.payments.list_payments(account))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, [each._asdict() for each in found]))
        return 0
    rows = [
        (each.payment_id, each.account_id, each.received_on, output.amount(each.amount_micros, each.currency),
         output.amount(each.gone_micros, each.currency), output.amount(each.credit_micros, each.currency), each.currency,
         each.receipt or each.channel, each.by_name, each.reference)
        for each in found
    ]  # fmt: skip
    columns = ("payment", "account", "received on", "amount", "gone back", "credit left", "currency", "through", "by", "reference")
    output.print_table(columns, rows, right=("amount", "gone back", "credit left"))
    return 0
