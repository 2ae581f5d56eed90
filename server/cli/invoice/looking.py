"""`ratewright invoice list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.invoice import InvoiceNumber, full
from server.cli.languages import Language, word, words

if TYPE_CHECKING:
    from billing.invoicing import InvoiceSummary

SHOWN_ROWS = 50


def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only documents of this account.")] = None,
    open_: Annotated[bool, Parameter(name="--open", negative="", help="Only those with an open amount.")] = False,
    date: Annotated[str | None, Parameter(name="--date", help="Only those issued on this date, such as 2025-11-01.")] = None,
    run: Annotated[int | None, Parameter(name="--run", help="Only those of this run, as `bill list` numbers them.")] = None,
    language: Language = "en",
    limit: Annotated[int, Parameter(help="Documents to show, by number; --json gives all.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List issued invoices, credit notes and opening documents by number."""
    from billing import invoicing
    from server.cli import output, practice
    from server.cli.bill import parse_date

    wanted = invoicing.DocumentFilter(only_open=open_, issued_on=None if date is None else parse_date(date), run_id=run)
    most = None if as_json else limit + 1
    opened, found = done_at(
        at,
        lambda home: invoicing.list_invoices(home, account, limit=most, wanted=wanted),
        lambda service: service.invoices.list_invoices(account, wanted, most),
    )
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    practice.say(opened, language)
    rows = [
        (each.number, each.account_id, each.period_from, output.last_day(each.period_to), each.due_on,
         output.amount(each.total_micros, each.currency), output.amount(each.open_micros, each.currency), each.currency,
         each.by_name, _state(each, language))
        for each in found[:limit]
    ]  # fmt: skip
    columns = words(("number", "account", "from", "to", "due on", "total", "open", "currency", "by", "state"), language)
    output.print_table(columns, rows, right=columns[5:7])
    if len(found) > limit:
        print("more follow: --limit shows more, --account those of one account")
    return 0


def show(
    number: InvoiceNumber,
    /,
    *,
    language: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the account's own by default.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show one invoice or other document with its lines, and what became of it."""
    import msgspec

    from billing.documents.showing.document import document
    from server.cli import output, practice
    from server.cli.pages import aftermath, invoice

    opened, shown = done_at(
        at, lambda home: document(home, full(home, number), language), lambda service: service.invoices.document(number, language)
    )
    found, more, after = msgspec.structs.astuple(shown)
    if as_json:
        told = msgspec.to_builtins(more)
        lines = {each["line_no"]: each for each in told["lines"]}
        plain = msgspec.to_builtins(found)
        plain["lines"] = [{**line, **lines.get(line["line_no"], {})} for line in plain["lines"]]
        output.print_json(practice.marked(opened, {**plain, "taxes": told["taxes"], "after": after}))
        return 0
    output.print_lines([*practice.notice(opened, language or found.language), *invoice.page(found, language, more)])
    became = aftermath.sentences(after, found.summary.currency, language or found.language)
    if became:
        print("\n" + "\n".join(became))
    return 0


def _state(summary: InvoiceSummary, language: str) -> str:
    told = [] if summary.document_type == "invoice" else [word(summary.document_type.replace("_", " "), language)]
    told += [f"{word('agreed to by', language)} {summary.agreed_by}"] if summary.agreed_by else []
    void = f"{word('void', language)} {summary.voided_on} {word('by', language)} {summary.voided_by}"
    void += f", {word('agreed to by', language)} {summary.void_agreed_by}" if summary.void_agreed_by else ""
    return ", ".join([*told, *([void] if summary.voided_on else [])])
