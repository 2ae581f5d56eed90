"""`ratewright payment cash|till`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common


def cash(
    *,
    payment_id: Annotated[str, Parameter(name="--id", help="The desk's id of the payment; the same one counts once.")],
    till: Annotated[str, Parameter(help="Name of the till.")],
    account: common.AccountId,
    amount: common.Amount,
    date: common.OnDate,
    currency: common.Currency = None,
    reference: Annotated[str, Parameter(help="A note on the receipt, if needed.")] = "",
    invoice: common.Numbers = [],  # noqa: B006 -- never changed
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take a payment in cash. The receipt has the next number of the till, without a gap; the cashier is who runs this command."""
    from billing.payments import Payment
    from server.actions import payments
    from server.cli import output, practice
    from server.cli.bill import parse_date

    given = Payment(payment_id, account, common.micros_of(amount), parse_date(date), reference, currency, tuple(invoice))
    opened, paid = done_at(
        at,
        lambda home: payments.take_cash(home, till, given, common.act(home, dry_run=dry_run)),
        lambda service: service.payments.cash(till, given, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(paid)))
        return 0
    done = paid.recorded
    print(f"receipt {paid.receipt}: {common.money(given.amount_micros, done.currency)} from account {account}")
    if done.existed:
        print(f"payment {payment_id} was recorded before; nothing changed")
    common.print_settled(done.allocated, done.credit_micros, done.currency)
    common.print_tried(dry_run=dry_run)
    return 0


def till(
    name: Annotated[str, Parameter(name="TILL", help="Name of the till.")],
    /,
    *,
    date: Annotated[str | None, Parameter(help="Only receipts of this date.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List the receipts of a till and add them up: what came in less what went back."""
    from server.actions import payments
    from server.cli import output, practice
    from server.cli.bill import amounts, parse_date

    day = None if date is None else parse_date(date)
    opened, (found, sums) = done_at(at, lambda home: payments.till(home, name, day), lambda service: service.payments.till(name, day))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {"receipts": common.plain(found), "total_micros": sums}))
        return 0
    rows = [
        (each.receipt, each.received_on, each.account_id, output.amount(each.amount_micros, each.currency),
         output.amount(each.gone_micros, each.currency), each.currency, each.cashier, each.payment_id)
        for each in found
    ]  # fmt: skip
    columns = ("receipt", "date", "account", "amount", "gone back", "currency", "cashier", "payment")
    output.print_table(columns, rows, right=("amount", "gone back"))
    print(f"in till {name}: {amounts(sums)}")
    return 0
