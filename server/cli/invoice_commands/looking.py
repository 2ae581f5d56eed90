"""`ratewright invoice list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- read when the command is called

if TYPE_CHECKING:
    from billing.documents.aftermath import Aftermath, Note
    from billing.invoicing import InvoiceSummary

SHOWN_ROWS = 50


def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only documents of this account.")] = None,
    limit: Annotated[int, Parameter(help="How many to show, by number; with --json all are given.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List issued invoices, credit notes and opening documents by number."""
    from billing import invoicing
    from billing.store.home import Home
    from server.cli import output, practice

    with Home.open(home) as opened:
        found = invoicing.list_invoices(opened, account, limit=None if as_json else limit + 1)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    practice.say(opened)
    rows = [
        (each.number, each.account_id, each.period_from, each.period_to, each.due_on, output.amount(each.total_micros, each.currency),
         output.amount(each.open_micros, each.currency), each.currency, _state(each))
        for each in found[:limit]
    ]  # fmt: skip
    columns = ("number", "account", "from", "to", "due on", "total", "open", "currency", "state")
    output.print_table(columns, rows, right=("total", "open"))
    if len(found) > limit:
        print("more follow: --limit shows more, --account those of one account")
    return 0


def show(
    number: InvoiceNumber,
    /,
    *,
    language: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the account's own by default.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show one invoice or other document with its lines, and what became of it."""
    import msgspec

    from billing import invoicing
    from billing.documents.aftermath import aftermath
    from billing.store.home import Home
    from server.cli import invoice_page, output, practice

    with Home.open(home) as opened:
        found, after = invoicing.get_invoice(opened, number), aftermath(opened, number)
    if as_json:
        output.print_json(practice.marked(opened, {**msgspec.to_builtins(found), "after": after}))
        return 0
    print("\n".join([*practice.notice(opened, language or found.language), *invoice_page.page(found, language)]))
    told = _told(after, found.summary.currency)
    if told:
        print("\n" + "\n".join(told))
    return 0


def _state(summary: InvoiceSummary) -> str:
    words = [] if summary.document_type == "invoice" else [summary.document_type.replace("_", " ")]
    return ", ".join([*words, *([f"void {summary.voided_on}"] if summary.voided_on else [])])


def _told(after: Aftermath, currency: str) -> list[str]:
    """What became of the document, a sentence a line."""
    found = [f"About invoice {after.about}"] if after.about else []
    if after.voided_on:
        found.append(f"Void as of {after.voided_on}, by {after.voided_by}: {after.void_reason}")
    found += [f"Credited by {_named(note, currency)}, {note.effect}" for note in after.credit_notes]
    return found + [f"Corrected by {_named(note, currency)}" for note in after.corrected_by]


def _named(note: Note, currency: str) -> str:
    from server.cli import output

    return f"{note.number} of {note.issued_on} ({output.amount(note.total_micros, currency)} {currency}{', void' if note.is_void else ''})"
