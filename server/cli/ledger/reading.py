"""`ratewright ledger balance|ageing|revenue|check`: they change nothing."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.ledger.common import MonthText  # noqa: TC001 -- read when the command is called


def balance(
    *,
    through: Annotated[str | None, Parameter(help="Last date, included; all dates by default.")] = None,
    entity: Annotated[str | None, Parameter(help="Only this legal entity.")] = None,
    customers: Annotated[bool, Parameter(negative="", help="Every customer's receivable on a row of its own.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the trial balance. Debits equal credits by entity and currency."""
    from server.actions import ledger
    from server.cli import output, practice
    from server.cli.bill import parse_date

    last = None if through is None else parse_date(through)
    opened, found = done_at(
        at,
        lambda home: ledger.balances(home, entity, last, every_customer=customers),
        lambda service: service.ledger.balances(entity, last, every_customer=customers),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, [{**each._asdict(), "balance_micros": each.balance_micros} for each in found]))
        return 0
    rows = [
        (each.entity, each.account, each.currency, *(output.amount(micros, each.currency) for micros in each[3:]),
         output.amount(each.balance_micros, each.currency))
        for each in found
    ]  # fmt: skip
    columns = ("entity", "account", "currency", "debits", "credits", "balance")
    output.print_table(columns, rows, right=("debits", "credits", "balance"))
    return 0


def ageing_(
    *,
    date: Annotated[str, Parameter(help="As of the end of this date.")],
    account: Annotated[str | None, Parameter(help="Only this account.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what customers owe, by days past due. Credit that is not used up is listed apart."""
    from billing.accounting import ageing
    from server.actions import invoices
    from server.cli import output, practice
    from server.cli.bill import parse_date
    from server.cli.payment.common import known

    as_of = parse_date(date)
    opened, found = done_at(
        at, lambda home: invoices.aged(home, as_of, known(home, account)), lambda service: service.invoices.aged(as_of, account)
    )
    names = ageing.bucket_names()
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(
            practice.marked(opened, [{**each._asdict(), "buckets": dict(zip(names, each.buckets, strict=True))} for each in found])
        )
        return 0
    rows = [
        (
            each.account_id,
            each.currency,
            *(output.amount(micros, each.currency) for micros in (*each.buckets, each.credit_micros, each.total_micros)),
        )
        for each in found
    ]
    columns = ("account", "currency", *names, "credit", "total")
    output.print_table(columns, rows, right=columns[2:])
    return 0


def revenue(
    *,
    month: MonthText,
    entity: Annotated[str | None, Parameter(help="Only this legal entity.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what was posted to each revenue code and tax class in a month."""
    from server.actions import ledger
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: ledger.revenue(home, month, entity), lambda service: service.ledger.revenue(month, entity))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {name: [each._asdict() for each in rows] for name, rows in found.items()}))
        return 0
    rows = [
        (name, each.code, each.entity, each.currency, output.amount(each.amount_micros, each.currency))
        for name, of_kind in found.items()
        for each in of_kind
    ]
    output.print_table(("what", "code", "entity", "currency", "amount"), rows, right=("amount",))
    return 0


def check_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """Compute every posting, balance and entry again from documents and payments. Exit status 1 names the first difference."""
    from billing.accounting import check
    from server.cli import output, progress

    with progress.show("ledger check", "checks") as report:
        _, found = done_at(at, lambda home: check.check(home, report), lambda service: service.ledger.check())
    if as_json:
        output.print_json(found)
    else:
        rows = [("ok" if each.ok else "DIFFERS", each.name, f"{each.compared:,}", each.first_difference) for each in found]
        output.print_table(("", "check", "compared", "first difference"), rows, right=("compared",))
    return 0 if all(each.ok for each in found) else 1
