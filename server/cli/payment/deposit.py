"""`ratewright payment deposit take|release|refund|list`."""

from __future__ import annotations

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

app = cyclopts.App(name="deposit", help="Deposits: held apart until they are released to pay, or given back.")
DepositId = Annotated[str, Parameter(name="--deposit", help="Id of the deposit.")]
Reference = Annotated[str, Parameter(name="--id", help="Your own id of it; the same one counts once.")]


@app.command
def take(
    *,
    deposit_id: Reference,
    account: common.AccountId,
    amount: common.Amount,
    date: common.OnDate,
    currency: common.Currency = None,
    reference: Annotated[str, Parameter(help="The bank's text of the booking.")] = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take a deposit. It settles nothing until it is released."""
    from billing.payments.deposits import Deposit
    from server.actions import payments
    from server.cli import output, practice
    from server.cli.bill import parse_date

    told = Deposit(deposit_id, account, common.micros_of(amount), parse_date(date), reference, currency)
    opened, held = done_at(
        at,
        lambda home: payments.take_deposit(home, told, common.act(home, dry_run=dry_run)),
        lambda service: service.deposits.take(told, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(held)))
        return 0
    if held.existed:
        print(f"deposit {deposit_id} was taken before; nothing changed")
    print(f"{common.money(held.held_micros, held.currency)} held of deposit {deposit_id} for account {account}")
    common.print_tried(dry_run=dry_run)
    return 0


@app.command
def release(
    *,
    reference: Reference,
    deposit: DepositId,
    amount: common.AmountOrAll = None,
    date: common.OnDate,
    reason: common.Reason = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Let a deposit pay open invoices, never more than is open."""
    return _move(at, (reference, deposit, "applied", date, amount, reason), dry_run=dry_run, as_json=as_json)


@app.command
def refund(
    *,
    reference: Reference,
    deposit: DepositId,
    amount: common.AmountOrAll = None,
    date: common.OnDate,
    reason: common.Reason = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give back what is held of a deposit."""
    return _move(at, (reference, deposit, "refunded", date, amount, reason), dry_run=dry_run, as_json=as_json)


@app.command(name="list")
def list_(*, account: common.OfAccount = None, at: Place = HERE, as_json: AsJson = False) -> int:
    """List deposits and what is held of each."""
    from billing.payments import deposits
    from server.cli import output, practice

    opened, found = done_at(
        at, lambda home: deposits.list_deposits(home, common.known(home, account)), lambda service: service.deposits.list_deposits(account)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    rows = [
        (each.deposit_id, each.account_id, each.received_on, output.amount(each.amount_micros, each.currency),
         output.amount(each.released_micros, each.currency), output.amount(each.refunded_micros, each.currency),
         output.amount(each.held_micros, each.currency), each.currency, each.by_name, each.moved_by)
        for each in found
    ]  # fmt: skip
    columns = ("deposit", "account", "received on", "amount", "released", "refunded", "held", "currency", "by", "moved by")
    output.print_table(columns, rows, right=("amount", "released", "refunded", "held"))
    return 0


def _move(at: Place, told: tuple[str, str, str, str, str | None, str], *, dry_run: bool, as_json: bool) -> int:
    from billing.payments.deposits import Movement
    from server.actions import payments
    from server.cli import output, practice
    from server.cli.bill import parse_date

    reference, deposit_id, kind, date, amount, reason = told
    movement = Movement(reference, deposit_id, kind, parse_date(date), None if amount is None else common.micros_of(amount), reason)
    opened, held = done_at(
        at,
        lambda home: payments.move_deposit(home, movement, common.act(home, dry_run=dry_run)),
        lambda service: service.deposits.move(movement, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(held)))
        return 0
    if held.existed:
        print(f"{reference} was recorded before; nothing changed")
    if held.proposal:
        print(common.second_person(f"refund {reference} of deposit {deposit_id}", held.proposal, at))
        return 0
    if held.needs_second:
        print(common.NEEDS_SECOND)
    common.print_settled(held.allocated, 0, held.currency)
    print(f"{common.money(held.held_micros, held.currency)} held of deposit {deposit_id}")
    common.print_tried(dry_run=dry_run)
    return 0
