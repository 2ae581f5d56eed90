"""An invoice as a page of text, in English or Chinese: its head, the lines without tax, tax by class and rate, and the totals.

Amounts have the decimal places of their currency. Tax is shown for each class and period with the net amount it was charged on, so that
rate, base and tax of every class can be checked on the page. Lines keep the numbers they have in the store: `invoice explain` takes them.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from rating.model import QuantityUnit
from server.cli import output

if TYPE_CHECKING:
    from billing.explain_line import LineExplained
    from billing.invoicing import Invoice, InvoiceLine, InvoiceSummary

WORDS: Final = {
    "en": {
        "invoice": "Invoice", "credit": "Credit invoice", "credit_note": "Credit note", "opening": "Balance brought forward",
        "customer": "Customer", "account": "account", "period": "Period",
        "issued": "Issued on", "due": "Due on", "number": "No.", "line": "Line", "subscription": "Subscription", "events": "Events",
        "quantity": "Quantity", "free": "of it free", "amount": "Amount", "messages": "messages", "bytes": "bytes", "tax": "Tax",
        "taxed": "Net taxed", "untaxed": "without tax", "net": "Net", "total": "Total", "open": "Still to pay",
        "explained": "Invoice {}, line {}: {}, {} {}", "charges": "Events: {}, charges of {} before the line is rounded",
    },
    "zh": {
        "invoice": "账单", "credit": "贷项账单", "credit_note": "贷项通知单", "opening": "期初余额",
        "customer": "客户", "account": "账户", "period": "账期",
        "issued": "出账日期", "due": "付款期限", "number": "序号", "line": "项目", "subscription": "用户", "events": "次数",
        "quantity": "用量", "free": "其中免费", "amount": "金额", "messages": "条", "bytes": "字节", "tax": "税额",
        "taxed": "计税金额", "untaxed": "无税", "net": "不含税金额", "total": "应付总额", "open": "未付金额",
        "explained": "账单 {}，第 {} 项：{}，{} {}", "charges": "共 {} 次使用，取整前费用合计 {}",
    },
}  # fmt: skip
MILLISECONDS_PER_MINUTE: Final = 60_000


def page(invoice: Invoice, language: str | None = None) -> list[str]:
    """The invoice as lines of text; `language` None is that of its account, English where we have no words in it."""
    words = WORDS.get((language or invoice.language).partition("-")[0], WORDS["en"])
    summary = invoice.summary
    head = [
        f"{words[_kind(summary)]} {summary.number}",
        f"{words['customer']}: {summary.account_name} ({words['account']} {summary.account_id})",
        f"{words['period']}: {_period(summary.period_from, summary.period_to)}",
        f"{words['issued']}: {summary.issued_on}    {words['due']}: {summary.due_on}",
    ]
    return [*head, "", *_lines(invoice, words), "", *_taxes(invoice, words), "", *_totals(invoice, words)]


def _kind(summary: InvoiceSummary) -> str:
    """The word for a document."""
    if summary.document_type != "invoice":
        return summary.document_type
    return "credit" if summary.total_micros < 0 else "invoice"


def explained_head(line: LineExplained, language: str) -> list[str]:
    """What stands above the explanations of a line's events; the line's own text is in the language of its account."""
    words, currency = WORDS[language], line.currency
    return [
        words["explained"].format(line.number, line.line_no, line.text, output.amount(line.amount_micros, currency), currency),
        words["charges"].format(f"{len(line.outcomes):,}", output.amount(line.exact_micros, currency)),
    ]


def _lines(invoice: Invoice, words: dict[str, str]) -> list[str]:
    names = ("number", "line", "subscription", "period", "events", "quantity", "free", "amount")
    columns = [*(words[name] for name in names[:-1]), f"{words['amount']} {invoice.summary.currency}"]
    rows = [
        [
            str(line.line_no),
            line.text,
            line.subscription_id,
            _period(line.period_from, line.period_to),
            f"{line.events:,}" if line.kind == "usage" else "",
            _quantity(line, line.quantity, words),
            _quantity(line, line.free_quantity, words) if line.free_quantity else "",
            output.amount(line.amount_micros, invoice.summary.currency),
        ]
        for line in invoice.lines
        if line.kind != "tax"
    ]
    return output.plain_table(columns, rows, right=[columns[place] for place in (0, 4, 5, 6, 7)])


def _taxes(invoice: Invoice, words: dict[str, str]) -> list[str]:
    """One row a tax class and period: what was taxed, and the tax."""
    texts: dict[tuple[str, str, int], str] = {}
    base: dict[tuple[str, str, int], int] = {}
    tax: dict[tuple[str, str, int], int] = {}
    for line in invoice.lines:
        key = (line.period_from, line.period_to, line.tax_class)
        sums = tax if line.kind == "tax" else base
        sums[key] = sums.get(key, 0) + line.amount_micros
        if line.kind == "tax":
            texts[key] = line.text
    currency = invoice.summary.currency
    columns = [words["tax"], words["period"], f"{words['taxed']} {currency}", f"{words['amount']} {currency}"]
    rows = [
        [
            texts.get(key, words["untaxed"]),
            _period(key[0], key[1]),
            output.amount(base.get(key, 0), currency),
            output.amount(tax.get(key, 0), currency),
        ]
        for key in sorted(base.keys() | tax.keys())
    ]
    return output.plain_table(columns, rows, right=columns[2:])


def _totals(invoice: Invoice, words: dict[str, str]) -> list[str]:
    summary = invoice.summary
    sums = [
        (words["net"], summary.net_micros),
        (words["tax"], summary.tax_micros),
        (words["total"], summary.total_micros),
        (words["open"], summary.open_micros),
    ]
    rows = [[name, f"{output.amount(micros, summary.currency)} {summary.currency}"] for name, micros in sums]
    return output.plain_table(["", ""], rows, right=("",))[1:]


def _period(start: str, end: str) -> str:
    """First and last day, as customers read a period."""
    return f"{start} .. {dt.date.fromisoformat(end) - dt.timedelta(days=1)}"


def _quantity(line: InvoiceLine, quantity: int, words: dict[str, str]) -> str:
    if line.kind != "usage":
        return ""
    if line.quantity_unit == QuantityUnit.MILLISECOND:
        sign, rest = ("-", -quantity) if quantity < 0 else ("", quantity)
        minutes, milliseconds = divmod(rest, MILLISECONDS_PER_MINUTE)
        return f"{sign}{minutes:,}:{milliseconds // 1000:02d}"
    return f"{quantity:,} {words['bytes' if line.quantity_unit == QuantityUnit.BYTE else 'messages']}"
