"""`ratewright invoice void|reissue|credit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rating.counted import counted
from server.cli.by_service import for_another, in_texts
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- cyclopts reads the annotations when the command runs
from server.cli.payment.common import NEEDS_SECOND, act, second_person

if TYPE_CHECKING:
    import datetime as dt

    from billing.documents.voiding import Void

OnDate = Annotated[str | None, Parameter(name="--date", help="Date of it, such as 2025-11-10; today on the account's clock by default.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would happen, and store nothing.")]


def void(
    number: InvoiceNumber,
    /,
    *,
    reason: Annotated[str, Parameter(help="The reason; it is kept with your name.")],
    date: OnDate = None,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Void an invoice that is unpaid and that no later one corrects: it keeps its number, and its lines no longer count as billed."""
    from server.actions import invoices
    from server.cli import output, practice

    on = _day(date)
    opened, done = done_at(
        at,
        lambda home: invoices.void(home, number, reason, act(home, dry_run=dry_run), on=on),
        lambda service: service.corrections.void(number, reason, on, dry_run=dry_run),
    )
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    practice.say(opened)
    if done.proposal:
        print(second_person(f"the void of {done.number}", done.proposal, at))
        return 0
    shown = f"{output.amount(done.total_micros, done.currency)} {done.currency} of account {done.account_id}"
    postings = counted(done.postings, "posting")
    print(f"{done.number} ({shown}) {'would be' if dry_run else 'is'} void as of {done.on_date}; {postings} turned back")
    for source, micros in done.freed.items():
        freed = f"{output.amount(micros, done.currency)} {done.currency} of {source}"
        print(f"{freed} that settled it {'would be' if dry_run else 'is'} free again")
    if not dry_run and done.document_type == "invoice":
        print(*in_texts([_what_bills_it(done)], at))
    if done.needs_second:
        print(NEEDS_SECOND)
    return 0


def reissue(number: InvoiceNumber, /, *, dry_run: DryRun = False, at: Place = HERE, as_json: AsJson = False) -> int:
    """Bill the account of a void invoice again, dated today and under a new number.

    Exit status 1 where nothing is due, the run would refuse, or a book of it does not balance.
    """
    from server.actions import invoices
    from server.cli import output, practice
    from server.cli.bill.run import print_alarms, print_failed

    if dry_run:
        return _preview_reissue(at, number, as_json=as_json)
    opened, done = done_at(
        at,
        lambda home: invoices.reissue(home, number, act(home, dry_run=False)),
        lambda service: service.corrections.reissue(number),
    )
    made = done.made
    status = 0 if done.is_done else 1
    if as_json:
        told = {"run_id": done.run_id, "state": done.state, "drafts": done.drafts, "invoices": made}
        output.print_json(practice.marked(opened, told))
        return status
    practice.say(opened)
    for each in made:
        amount = f"{output.amount(each.total_micros, each.currency)} {each.currency}"
        print(f"{each.number}: {amount} of account {each.account_id}, run {done.run_id}")
    if done.waits:
        approve = for_another(f"ratewright bill approve --run {done.run_id}", at)
        print(f"run {done.run_id} is computed, {done.drafts} on its list, none numbered: `ratewright bill trial --run {done.run_id}` "
              f"shows them;\nanother person approves it: {approve}, then ratewright bill run --date {done.bill_date} --resume "
              "numbers it")  # fmt: skip
    elif not made:
        forget = f"; abandon it: ratewright bill abandon --date {done.bill_date}" if done.state == "computed" else ""
        print(f"run {done.run_id} is {done.state}: nothing is due that was not billed{forget}")
    print_failed(done.failed)
    print_alarms(done.alarms)
    return status


def _preview_reissue(at: Place, number: str, *, as_json: bool) -> int:
    from server.actions import invoices
    from server.cli import output, practice
    from server.cli.bill.preview import print_preview

    opened, found = done_at(
        at,
        lambda home: invoices.preview_reissue(home, number, act(home, dry_run=True)),
        lambda service: service.corrections.preview_reissue(number),
    )
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened)
        print_preview(found, with_lines=True)
    return 0 if found.drafts and not found.refused and not found.findings else 1


def credit(
    number: InvoiceNumber,
    /,
    *,
    reference: Annotated[str, Parameter(name="--id", help="Your own id of it; the same one counts once.")],
    line: Annotated[
        int | None, Parameter(name="--line", help="Number of the line, from 1; without it, all that is left of the invoice.")
    ] = None,
    amount: Annotated[str | None, Parameter(help="Net amount, such as 12.50; all that is left of the line by default.")] = None,
    effect: Annotated[Literal["outside", "advance"], Parameter(help="outside: for good; advance: ahead of a correction.")],
    reason: Annotated[str, Parameter(help="Reason code, as `adjustment reasons` shows them.")],
    text: Annotated[str, Parameter(help="More about the reason.")] = "",
    date: OnDate = None,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Credit a line of an invoice, or all of it, with the tax that goes with it: never more than was billed less earlier credit."""
    from billing.documents.crediting import CreditRequest
    from server.actions import invoices
    from server.cli import output, practice
    from server.cli.payment.common import micros_of

    wanted, on = CreditRequest(reference, number, line, None if amount is None else micros_of(amount), effect, reason, text), _day(date)
    opened, done = done_at(
        at,
        lambda home: invoices.credit(home, wanted, act(home, dry_run=dry_run), on=on),
        lambda service: service.corrections.credit(wanted, on, dry_run=dry_run),
    )
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    practice.say(opened)
    sums = (output.amount(-micros, done.currency) for micros in (done.total_micros, done.net_micros, done.tax_micros))
    shown = "{} {} ({} net, {} tax)".format(next(sums), done.currency, *sums)
    if done.proposal:
        print(second_person(f"a credit of {shown} of {done.about}", done.proposal, at))
    elif done.existed and done.voided_on:
        print(f"credit note {done.number} had {shown} of {done.about} and is void since {done.voided_on}; give a new one another --id")
    elif done.existed:
        print(f"credit note {done.number} has {shown} of {done.about} already; nothing changed")
    else:
        print(f"{shown} of {done.about} would be credited" if dry_run else f"credit note {done.number}: {shown} of {done.about}")
    if done.needs_second and not done.proposal:
        print(NEEDS_SECOND)
    return 0


def _what_bills_it(done: Void) -> str:
    """A sentence on the run or command that bills the charges of a void invoice again."""
    if done.run_kind == "cycle":
        return f"the next run bills its charges again; at once: ratewright invoice reissue {done.number}"
    if done.run_kind == "threshold":
        return "the next run bills its charges again"
    return "the next run bills its charges again where their periods are still open; for older ones: ratewright bill rerate"


def _day(text: str | None) -> dt.date | None:
    from server.cli.bill import parse_date

    return None if text is None else parse_date(text)
