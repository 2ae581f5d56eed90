"""`ratewright payment statement`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.languages import Language, document, words

if TYPE_CHECKING:
    from billing.payments.statement import Statement

_HEADS = {
    "en": {"head": "statement of account {} ({}){}, in {}", "from": " from {}", "to": " to {}", "deposits": "deposits held apart: {}"},
    "zh": {"head": "账户 {}（{}）对账单{}，币种 {}", "from": "，自 {}", "to": "，至 {}", "deposits": "另存押金：{}"},
}


def statement(
    account: Annotated[str, Parameter(name="ACCOUNT", help="Id of the account.")],
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from", help="First day, included; all time by default.")] = None,
    to: Annotated[str | None, Parameter(name="--to", help="Last day, included; all time by default.")] = None,
    language: Language = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show what an account owed, every document and payment of a span, what it owes then, and what is open now."""
    from billing.payments.statement import statement as statement_of
    from server.cli import output, practice
    from server.cli.accounts.common import day_after
    from server.cli.bill import parse_date
    from server.cli.payment import common

    first, last = (None if text is None else parse_date(text) for text in (from_, to))
    after = None if last is None else day_after(last, first)
    opened, found = done_at(
        at,
        lambda home: statement_of(home, account, first, after, language),
        lambda service: service.invoices.statement(account, first, after, language),
    )
    if as_json:
        output.print_json(practice.marked(opened, common.plain(found)))
        return 0
    for text in practice.notice(opened, language):
        print(text)
    _print(found, language)
    return 0


def _print(found: Statement, language: str) -> None:
    from server.cli import output
    from server.cli.payment import common

    told = _HEADS[language]
    span = "".join(told[name].format(day) for name, day in (("from", found.from_date), ("to", output.last_day(found.to_date))) if day)
    print(told["head"].format(found.account_id, output.printable(found.account_name), span, found.currency))
    begins, ends = words(("opening balance", "closing balance"), language)
    rows: list[tuple[str, ...]] = [("", begins, "", "", "", "", output.amount(found.opening_micros, found.currency))]
    for each in found.entries:
        shown = output.amount(abs(each.amount_micros), found.currency)
        debit, credit = (shown, "") if each.amount_micros > 0 else ("", shown)
        balance = output.amount(each.balance_micros, found.currency)
        rows.append((each.on_date, document(each.kind, each.amount_micros, language), each.document, each.text, debit, credit, balance))
    rows.append(("", ends, "", "", "", "", output.amount(found.closing_micros, found.currency)))
    columns = words(("date", "what", "document", "text", "debit", "credit", "balance"), language)
    output.print_table(columns, rows, right=columns[4:])
    if found.open_items:
        open_rows = [
            (item.number, item.part_no or "", item.due_on, output.amount(item.open_micros, found.currency)) for item in found.open_items
        ]
        print()
        columns = words(("open now", "part", "due on", "open"), language)
        output.print_table(columns, open_rows, right=columns[1::2])
    if found.deposits_held_micros:
        print(told["deposits"].format(common.money(found.deposits_held_micros, found.currency)))
