"""`ratewright payment refund|reverse|chargeback|events`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.payments.giving_back import Back, GivenBack

Reference = Annotated[str, Parameter(name="--id", help="Your own id of it; the same one counts once.")]
OfPayment = Annotated[str, Parameter(name="--payment", help="Id of the payment.")]
Fee = Annotated[str, Parameter(name="--fee", help="Fee that the bank charges for it.")]


def refund(
    *,
    reference: Reference,
    payment: Annotated[str | None, Parameter(help="Id of the payment that is given back.")] = None,
    document: Annotated[str | None, Parameter(help="Number of a document with a negative total that is paid out.")] = None,
    amount: common.AmountOrAll = None,
    date: common.OnDate,
    to: Annotated[str, Parameter(help="To whom it is paid: a name, an account number.")],
    reason: common.Reason = "",
    reopen: Annotated[bool, Parameter(negative="", help="Take more than is left: invoices that it paid are open again.")] = False,
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Pay back what is left of a payment or a credit document; never more than was paid."""
    from billing.payments.giving_back import REFUND, Back
    from server.cli.bill import parse_date

    micros = None if amount is None else common.micros_of(amount)
    told = Back(
        reference=reference,
        kind=REFUND,
        on_date=parse_date(date),
        payment_id=payment,
        number=document,
        amount_micros=micros,
        fee_micros=0,
        payee=to,
        reason=reason,
        reopens=reopen,
    )
    return _give_back(at, told, dry_run=dry_run, as_json=as_json)


def reverse(
    *,
    reference: Reference,
    payment: OfPayment,
    date: common.OnDate,
    fee: Fee = "0",
    reason: common.Reason = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record that a payment bounced, or take back one recorded by mistake. What it settled is open again with its own due dates."""
    from billing.payments.giving_back import REVERSAL, Back
    from server.cli.bill import parse_date

    told = Back(
        reference=reference,
        kind=REVERSAL,
        on_date=parse_date(date),
        payment_id=payment,
        number=None,
        amount_micros=None,
        fee_micros=common.micros_of(fee, "--fee"),
        payee="",
        reason=reason,
    )
    return _give_back(at, told, dry_run=dry_run, as_json=as_json)


def chargeback(
    *,
    reference: Reference,
    payment: OfPayment,
    amount: common.AmountOrAll = None,
    date: common.OnDate,
    won: Annotated[bool, Parameter(negative="", help="The bank returned the money of an earlier chargeback.")] = False,
    fee: Fee = "0",
    reason: common.Reason = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record that the payer's bank took a payment back, all or part of it; or, with --won, that it returned the money."""
    from billing.payments.giving_back import CHARGEBACK, WON, Back
    from server.cli.bill import parse_date

    micros = None if amount is None else common.micros_of(amount)
    kind = WON if won else CHARGEBACK
    told = Back(
        reference=reference,
        kind=kind,
        on_date=parse_date(date),
        payment_id=payment,
        number=None,
        amount_micros=micros,
        fee_micros=common.micros_of(fee, "--fee"),
        payee="",
        reason=reason,
    )
    return _give_back(at, told, dry_run=dry_run, as_json=as_json)


def events(*, account: common.OfAccount = None, at: Place = HERE, as_json: AsJson = False) -> int:
    """List refunds, payments that bounced, chargebacks and those that were won."""
    from billing.payments.giving_back import list_events
    from server.cli import output, practice

    opened, found = done_at(
        at, lambda home: list_events(home, common.known(home, account)), lambda service: service.payments.events(account)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    rows = [
        (each.reference, each.kind, each.account_id, each.of, each.on_date, output.amount(each.amount_micros, each.currency),
         output.amount(each.fee_micros, each.currency), each.currency, each.payee, each.reason, each.by_name, each.agreed_by)
        for each in found
    ]  # fmt: skip
    columns = ("id", "what", "account", "of", "date", "amount", "fee", "currency", "to", "reason", "by", "agreed by")
    output.print_table(columns, rows, right=("amount", "fee"))
    return 0


def _give_back(at: Place, told: Back, *, dry_run: bool, as_json: bool) -> int:
    from server.actions import payments
    from server.cli import output, practice

    opened, done = done_at(
        at,
        lambda home: payments.give_back(home, told, common.act(home, dry_run=dry_run)),
        lambda service: service.payments.give_back(told, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(done)))
        return 0
    if done.existed:
        print(f"{done.kind} {done.reference} was recorded before; nothing changed")
        return 0
    if done.proposal:
        print(common.second_person(f"{done.kind} {done.reference} of {_with_fee(done)}", done.proposal, at))
        return 0
    fee = f", and a fee of {common.money(done.fee_micros, done.currency)}" if done.fee_micros else ""
    print(f"{done.kind} {done.reference}: {common.money(done.amount_micros, done.currency)} of account {done.account_id}{fee}")
    for text in opened_again(done):
        print(text)
    if done.credit_micros:
        print(f"{common.money(done.credit_micros, done.currency)} left as credit")
    if done.needs_second:
        print(common.NEEDS_SECOND)
    common.print_tried(dry_run=dry_run)
    return 0


def _with_fee(done: GivenBack) -> str:
    """The sum that leaves, and what of it is the fee of the bank."""
    total = common.money(done.amount_micros + done.fee_micros, done.currency)
    return total + common.fee_apart(done.fee_micros, done.currency)


def opened_again(done: GivenBack) -> Iterator[str]:
    """The amount that is open after it, and what other credit of the account settled in its place."""
    instead = dict(done.resettled)
    for number, micros in done.reopened:
        if again := micros - instead.get(number, 0):
            yield f"{common.money(again, done.currency)} of invoice {number} is open again"
        if number in instead:
            yield f"{common.money(instead[number], done.currency)} of invoice {number} is settled by other credit of the account instead"
    if instead and done.account_credit_before_micros:  # which a repeat of a call that was cut off does not know
        before, now = (common.money(each, done.currency) for each in (done.account_credit_before_micros, done.account_credit_micros))
        yield f"credit of the account that is not used up: {before} before, {now} now"
