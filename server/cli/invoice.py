"""`ratewright invoice list|show|explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.invoicing import Invoice, InvoiceLine

app = cyclopts.App(name="invoice", help="List and show invoices.")
InvoiceNumber = Annotated[str, Parameter(name="NUMBER", help="Such as R-0000000001.")]
SHOWN_ROWS = 50

WORDS = {
    "en": {
        "invoice": "Invoice", "customer": "Customer", "period": "Period", "issued": "Issued on", "due": "Due on", "line": "Line",
        "line_period": "Period", "events": "Events", "quantity": "Quantity", "free": "of it free", "amount": "Amount", "net": "Net",
        "tax": "Tax", "total": "Total", "open": "Still to pay", "account": "account", "messages": "messages", "bytes": "bytes",
        "subscription": "Subscription",
    },
    "zh": {
        "invoice": "账单", "customer": "客户", "period": "账期", "issued": "出账日期", "due": "付款期限", "line": "项目",
        "line_period": "账期", "events": "次数", "quantity": "用量", "free": "其中免费", "amount": "金额", "net": "不含税金额",
        "tax": "税额", "total": "应付总额", "open": "未付金额", "account": "账户", "messages": "条", "bytes": "字节",
        "subscription": "用户",
    },
}  # fmt: skip
MILLISECONDS_PER_MINUTE = 60_000


@app.command(name="list")
def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only invoices of this account.")] = None,
    limit: Annotated[int, Parameter(help="How many to show, by number; with --json all are given.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List issued invoices by number."""
    from billing import invoicing
    from billing.store.home import Home
    from rating.money import format_micros
    from server.cli import output

    with Home.open(home) as opened:
        found = invoicing.list_invoices(opened, account, limit=None if as_json else limit + 1)
    if as_json:
        output.print_json(found)
        return 0
    rows = [
        (each.number, each.account_id, each.period_from, each.period_to, each.due_on, format_micros(each.total_micros),
         format_micros(each.open_micros), each.currency)
        for each in found[:limit]
    ]  # fmt: skip
    columns = ("number", "account", "from", "to", "due on", "total", "open", "currency")
    output.print_table(columns, rows, right=("total", "open"))
    if len(found) > limit:
        print("more follow: --limit shows more, --account those of one account")
    return 0


@app.command
def show(
    number: InvoiceNumber,
    /,
    *,
    language: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the account's own by default.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show one invoice with its lines."""
    from billing import invoicing
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = invoicing.get_invoice(opened, number)
    if as_json:
        output.print_json(found)
        return 0
    print("\n".join(page(found, WORDS.get(language or found.language, WORDS["en"]))))
    return 0


def page(invoice: Invoice, words: dict[str, str]) -> list[str]:
    """The invoice as lines of text."""
    from rating.money import format_micros
    from server.cli import output

    summary = invoice.summary
    head = [
        f"{words['invoice']} {summary.number}",
        f"{words['customer']}: {summary.account_name} ({words['account']} {summary.account_id})",
        f"{words['period']}: {_period(summary.period_from, summary.period_to)}",
        f"{words['issued']}: {summary.issued_on}    {words['due']}: {summary.due_on}",
    ]
    names = ("line", "subscription", "line_period", "events", "quantity", "free", "amount")
    columns = [f"{words['amount']} {summary.currency}" if name == "amount" else words[name] for name in names]
    rows = [
        [
            line.text,
            line.subscription_id,
            _period(line.period_from, line.period_to),
            f"{line.events:,}" if line.kind == "usage" else "",
            _quantity(line, line.quantity, words),
            _quantity(line, line.free_quantity, words) if line.free_quantity else "",
            format_micros(line.amount_micros),
        ]
        for line in invoice.lines
    ]
    numeric = [columns[place] for place in (3, 4, 5, 6)]
    sums = [
        (words["net"], summary.net_micros),
        (words["tax"], summary.tax_micros),
        (words["total"], summary.total_micros),
        (words["open"], summary.open_micros),
    ]
    totals = output.plain_table(["", ""], [[name, f"{format_micros(micros)} {summary.currency}"] for name, micros in sums], right=("",))
    return [*head, "", *output.plain_table(columns, rows, right=numeric), "", *totals[1:]]


def _period(start: str, end: str) -> str:
    """First and last day, as customers read a period."""
    import datetime as dt

    return f"{start} .. {dt.date.fromisoformat(end) - dt.timedelta(days=1)}"


def _quantity(line: InvoiceLine, quantity: int, words: dict[str, str]) -> str:
    from rating.model import QuantityUnit

    if line.kind != "usage":
        return ""
    if line.quantity_unit == QuantityUnit.MILLISECOND:
        sign, rest = ("-", -quantity) if quantity < 0 else ("", quantity)
        minutes, milliseconds = divmod(rest, MILLISECONDS_PER_MINUTE)
        return f"{sign}{minutes:,}:{milliseconds // 1000:02d}"
    return f"{quantity:,} {words['bytes' if line.quantity_unit == QuantityUnit.BYTE else 'messages']}"


@app.command
def explain(
    number: InvoiceNumber,
    line: Annotated[int, Parameter(name="LINE", help="Which line, counted from 1.")],
    /,
    *,
    limit: Annotated[int, Parameter(help="How many events to explain, from the first.")] = 1,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Take a usage line back to its events and explain them down to their increments."""
    from billing.explain_line import explain_line
    from billing.store.home import Home
    from rating import explain as explained
    from rating.money import format_micros
    from server.cli import output

    with Home.open(home) as opened:
        found = explain_line(opened, number, line)
    shown = found.outcomes[:limit]
    if as_json:
        figures = {"number": number, "line_no": line, "text": found.text, "amount_micros": found.amount_micros}
        events = [explained.as_json(outcome) for outcome in shown]
        output.print_json({**figures, "exact_micros": found.exact_micros, "events_total": len(found.outcomes), "events": events})
        return 0
    print(f"invoice {number}, line {line}: {found.text}, {format_micros(found.amount_micros)}")
    print(f"{len(found.outcomes)} events, charges of {format_micros(found.exact_micros)} before the line is rounded")
    for outcome in shown:
        print()
        print(explained.as_text(outcome, language))
    return 0
