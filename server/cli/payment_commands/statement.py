"""`ratewright payment statement`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.payments.statement import Statement


def statement(
    account: Annotated[str, Parameter(name="ACCOUNT", help="Id of the account.")],
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from", help="First date; all time by default.")] = None,
    to: Annotated[str | None, Parameter(name="--to", help="First date after the span.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what an account owed, every document and payment of a span, what it owes then, and what is open now."""
    from billing.payments.statement import statement as statement_of
    from billing.store.home import Home
    from server.cli import output, practice
    from server.cli.bill import parse_date
    from server.cli.payment_commands import common

    first, last = (None if text is None else parse_date(text) for text in (from_, to))
    with Home.open(home) as opened:
        found = statement_of(opened, account, first, last)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    practice.say(opened)
    _print(found)
    return 0


def _print(found: Statement) -> None:
    from server.cli import output
    from server.cli.payment_commands import common

    span = f" from {found.from_date}" * bool(found.from_date) + f" to {found.to_date}" * bool(found.to_date)
    print(f"statement of account {found.account_id} ({output.printable(found.account_name)}){span}, in {found.currency}")
    rows: list[tuple[str, ...]] = [("", "opening balance", "", "", "", "", output.amount(found.opening_micros, found.currency))]
    for each in found.entries:
        shown = output.amount(abs(each.amount_micros), found.currency)
        debit, credit = (shown, "") if each.amount_micros > 0 else ("", shown)
        balance = output.amount(each.balance_micros, found.currency)
        rows.append((each.on_date, each.kind.replace("_", " "), each.document, each.text, debit, credit, balance))
    rows.append(("", "closing balance", "", "", "", "", output.amount(found.closing_micros, found.currency)))
    columns = ("date", "what", "document", "text", "debit", "credit", "balance")
    output.print_table(columns, rows, right=("debit", "credit", "balance"))
    if found.open_items:
        open_rows = [
            (item.number, item.part_no or "", item.due_on, output.amount(item.open_micros, found.currency)) for item in found.open_items
        ]
        print()
        output.print_table(("open now", "part", "due on", "open"), open_rows, right=("part", "open"))
    if found.deposits_held_micros:
        print(f"deposits held apart: {common.money(found.deposits_held_micros, found.currency)}")
