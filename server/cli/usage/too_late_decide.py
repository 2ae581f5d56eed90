"""`ratewright usage too-late bill|write-off|take-back`: what a person decides about usage that no run bills any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment.common import DryRun, Reason  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.too_late.results import Decided, LateAct

Records = Annotated[str, Parameter(name="RECORD", help="Records, by the name that the list shows, or by event key (8 digits or more).")]
OfAccount = Annotated[str | None, Parameter(name="--account", help="All records of this account.", allow_leading_hyphen=True)]
OfMonth = Annotated[str | None, Parameter(name="--month", help="All records that began in this month (as 2025-10) on the account's clock.")]
_KINDS = {"billed": "bill", "written_off": "write off"}


def bill(
    *records: Records,
    account: OfAccount = None,
    month: OfMonth = None,
    reason: Reason,
    date: Annotated[str | None, Parameter(help="The day of the adjustments, in an open period; today by default.")] = None,
    amount: Annotated[
        str | None, Parameter(help="Amount to bill instead of the worth, with or without tax as the catalogue states prices.")
    ] = None,
    text: Annotated[str, Parameter(help="Text of the invoice line; by default days and sources of the records.")] = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Bill late usage by adjustments, one a subscription, over its worth by the tariff of its time. Above the limit another person agrees.

    The next bill of the account has them. No run bills these records any more, even if a period is reopened.
    """
    from billing.late_decisions import BILLED
    from billing.too_late.choosing import Choice
    from billing.too_late.results import LateAct
    from server.cli.bill import parse_date
    from server.cli.payment.common import micros_of

    day, micros = None if date is None else parse_date(date), None if amount is None else micros_of(amount)
    return _decide(LateAct(BILLED, Choice(records, account, month), reason, day, micros, text), at, dry_run=dry_run, as_json=as_json)


def write_off(
    *records: Records,
    account: OfAccount = None,
    month: OfMonth = None,
    reason: Reason,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give late usage up: nothing is billed, and no run bills it any more. Above the limit another person agrees."""
    from billing.late_decisions import WRITTEN_OFF
    from billing.too_late.choosing import Choice
    from billing.too_late.results import LateAct

    return _decide(LateAct(WRITTEN_OFF, Choice(records, account, month), reason), at, dry_run=dry_run, as_json=as_json)


def take_back(
    decision: Annotated[int, Parameter(name="N", help="The number of the decision, as `usage too-late --decided` shows it.")],
    /,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take a decision back: its records are too late and open again. What is on an invoice is credited there instead."""
    from billing.too_late import taking_back
    from server.cli import output, practice
    from server.cli.ledger.common import who

    opened, done = done_at(
        at,
        lambda home: taking_back.take_back(home, decision, reason, who(home), dry_run=dry_run),
        lambda service: service.late_usage.take_back(decision, reason, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    found = done.decision
    retracted = f"; adjustment {found.reference} is retracted" if found.reference else ""
    records = f"{found.records:,} {'record is' if found.records == 1 else 'records are'} open again{retracted}"
    print(f"{'dry run: ' if dry_run else ''}decision {found.decision_id} is taken back: {records}")
    return 0


def _decide(wanted: LateAct, at: Place, *, dry_run: bool, as_json: bool) -> int:
    from billing.too_late import deciding
    from server.cli import output, practice, progress
    from server.cli.ledger.common import who

    def here(home: Home) -> Decided:
        with progress.show("too late", "files and runs") as report:
            return deciding.decide(home, wanted, who(home), dry_run=dry_run, progress=report)

    opened, done = done_at(at, here, lambda service: service.late_usage.decide(wanted, dry_run=dry_run))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        _print(done, at)
    return 0


def _print(done: Decided, at: Place) -> None:
    from server.cli import output
    from server.cli.payment.common import NEEDS_SECOND, second_person

    rows = [
        (each.decision_id or "", each.account_id, each.subscription_id, f"{len(each.records):,}", _worth(each.worth_micros, each.currency),
         output.amount(each.amount_micros, each.currency) if each.on_date else "", each.currency, each.on_date, each.text)
        for each in done.groups
    ]  # fmt: skip
    columns = ("no.", "account", "subscription", "records", "worth", "billed", "currency", "on", "text")
    output.print_table(columns, rows, right=("no.", "records", "worth", "billed"))
    for text in (text for each in done.groups for text in each.versions):
        print(f"difference {text}")
    for each in done.left_alone:
        print(f"left alone: record {each.record_id}: {each.why}; {each.remedy}")
    amounts = ", ".join(f"{_worth(micros, currency)} {currency}".strip() for currency, micros in done.values.items())
    what = f"{_KINDS[done.kind]} {done.records:,} late {'record' if done.records == 1 else 'records'}, {amounts}"
    if done.dry_run:
        print(f"dry run: would {what}{f'; {NEEDS_SECOND}' if done.needs_second else ''}")
    elif done.needs_second:
        print(second_person(f"to {what}", done.proposal, at))
    else:
        print(f"decided: {what}")


def _worth(micros: int, currency: str) -> str:
    from server.cli import output

    return output.about(micros, currency) if currency else "of unknown worth"
