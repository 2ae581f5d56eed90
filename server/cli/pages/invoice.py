"""An invoice as a page of text, in English or Chinese: its head, the lines without tax, tax by class and rate, and the totals.

Amounts have the decimal places of their currency. Tax is shown for each class and period with the net amount it was charged on: rate,
base and tax of every class can be checked on the page. Lines keep the numbers they have in the store: `invoice explain` takes them.
Those of the account as a whole are below those of its subscriptions, so that a discount is below what it is off.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from billing.invoicing.reading import in_page_order
from rating.durations import minutes_text
from rating.explain.volumes import BYTE, volume_text
from rating.model import QuantityUnit
from server.cli import output

if TYPE_CHECKING:
    from billing.documents.showing.lines import Shown, ShownLine
    from billing.invoicing import Invoice, InvoiceLine, InvoiceSummary

WORDS: Final = {
    "en": {
        "invoice": "Invoice", "credit": "Credit invoice", "credit_note": "Credit note", "opening": "Balance brought forward",
        "customer": "Customer", "account": "account", "period": "Period",
        "issued": "Issued on", "due": "Due on", "number": "No.", "line": "Line", "subscription": "Subscription", "events": "Events",
        "quantity": "Quantity", "free": "of it free", "amount": "Amount", "with_tax": "With tax", "tax": "Tax",
        "message": "message", "messages": "messages", "purchase": "purchase", "purchases": "purchases",
        "taxed": "Net taxed", "untaxed": "without tax", "exempt": "{}, exempt", "certificate": "{}, exempt: {}", "of_class": "{} ({})",
        "passes": "Line {} holds {} x {}: {} {}", "net": "Net", "total": "Total", "open": "Still to pay",
        "charges": "Events: {}, charges of {} before the line is rounded",
    },
    "zh": {
        "invoice": "账单", "credit": "贷项账单", "credit_note": "贷项通知单", "opening": "期初余额",
        "customer": "客户", "account": "账户", "period": "账期",
        "issued": "出账日期", "due": "付款期限", "number": "序号", "line": "项目", "subscription": "订购", "events": "次数",
        "quantity": "用量", "free": "其中免费", "amount": "金额", "with_tax": "含税金额", "tax": "税额",
        "message": "条", "messages": "条", "purchase": "次", "purchases": "次",
        "taxed": "计税金额", "untaxed": "无税", "exempt": "{}，免税", "certificate": "{}，免税：{}", "of_class": "{}（{}）",
        "passes": "第 {} 项含 {} 次 {}：{} {}", "net": "不含税金额", "total": "应付总额", "open": "未付金额",
        "charges": "共 {} 次使用，取整前费用合计 {}",
    },
}  # fmt: skip


class Charged(Protocol):
    """A line of an invoice, of a draft of one, or of what is not billed yet."""

    @property
    def kind(self) -> str:
        """The kind, such as `usage`."""

    @property
    def events(self) -> int:
        """The number of events; of a fee, how often it is charged."""

    @property
    def quantity(self) -> int:
        """The quantity, in the unit of the line."""


def page(invoice: Invoice, language: str | None = None, shown: Shown | None = None) -> list[str]:
    """The invoice as lines of text; `language` None is that of its account, English where we have no words in it.

    `shown`: what there is to say beside what is stored, in the same language; without it the page has what is stored.
    """
    words = WORDS.get((language or invoice.language).partition("-")[0], WORDS["en"])
    summary = invoice.summary
    head = [
        f"{words[_kind(summary)]} {summary.number}",
        f"{words['customer']}: {summary.account_name} ({words['account']} {summary.account_id})",
        f"{words['period']}: {output.period(summary.period_from, summary.period_to)}",
        f"{words['issued']}: {summary.issued_on}    {words['due']}: {summary.due_on}",
    ]
    more = {} if shown is None else {each.line_no: each for each in shown.lines}
    taxes = _taxes(invoice, words) if shown is None else _shown_taxes(shown, summary.currency, words)
    passes = [] if shown is None else _passes(shown, summary.currency, words)
    below = ["", *passes] if passes else []
    return [*head, "", *_lines(invoice, words, more), *below, *(["", *taxes] if taxes else []), "", *_totals(invoice, words)]


def _kind(summary: InvoiceSummary) -> str:
    """The word for a document."""
    if summary.document_type != "invoice":
        return summary.document_type
    return "credit" if summary.total_micros < 0 else "invoice"


def events_head(events: int, exact_micros: int, currency: str, language: str) -> str:
    """The line above the explanations of a line's events."""
    return WORDS[language]["charges"].format(f"{events:,}", output.amount(exact_micros, currency))


def _lines(invoice: Invoice, words: dict[str, str], more: dict[int, ShownLine]) -> list[str]:
    currency = invoice.summary.currency
    names = ("number", "line", "subscription", "period", "events", "quantity", "free")
    with_tax = any(each.with_tax_micros is not None for each in more.values())
    amounts = ["amount", *(["with_tax"] if with_tax else [])]
    columns = [*(words[name] for name in names), *(f"{words[name]} {currency}" for name in amounts)]
    charges = [line for line in invoice.lines if line.kind != "tax"]
    rows = [_row(line, more.get(line.line_no), currency, words)[: len(columns)] for line in in_page_order(charges)]
    return output.plain_table(columns, rows, right=[columns[0], *columns[4:]])


def _row(line: InvoiceLine, more: ShownLine | None, currency: str, words: dict[str, str]) -> list[str]:
    """The cells of a line; the last one, its amount with tax, is not shown where no line has any."""
    unit = more.unit if more is not None else ""
    text = of_class(line.text, (more.tax_name or more.reference) if more is not None else "", words)
    days = more.days if more is not None else ()
    with_tax = more.with_tax_micros if more is not None else None
    return [
        str(line.line_no),
        text,
        line.subscription_id,
        output.periods(line.period_from, line.period_to, days),
        events_text(line),
        _quantity(line, line.quantity, unit, words),
        _quantity(line, line.free_quantity, unit, words) if line.free_quantity else "",
        output.amount(line.amount_micros, currency),
        output.amount(with_tax, currency) if with_tax is not None else "",
    ]


def _passes(shown: Shown, currency: str, words: dict[str, str]) -> list[str]:
    """Day passes in lines of usage."""
    return [
        words["passes"].format(line.line_no, each.times, each.name, output.amount(each.fees_micros, currency), currency)
        for line in shown.lines
        for each in line.passes
    ]


def _shown_taxes(shown: Shown, currency: str, words: dict[str, str]) -> list[str]:
    """One row a tax class and period: what was taxed, and the tax; or that none is due, and why."""
    rows = []
    for each in shown.taxes:
        text = each.text or words["untaxed"]
        if each.exempt:
            text = words["certificate" if each.certificate else "exempt"].format(text, each.certificate)
        amounts = (output.amount(micros, currency) for micros in (each.taxed_micros, each.tax_micros))
        rows.append([text, output.period(each.period_from, each.period_to), *amounts])
    return _tax_table(rows, currency, words) if rows else []


def _tax_table(rows: list[list[str]], currency: str, words: dict[str, str]) -> list[str]:
    columns = [words["tax"], words["period"], f"{words['taxed']} {currency}", f"{words['amount']} {currency}"]
    return output.plain_table(columns, rows, right=columns[2:])


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
    rows = [
        [
            texts.get(key, words["untaxed"]),
            output.period(key[0], key[1]),
            output.amount(base.get(key, 0), currency),
            output.amount(tax.get(key, 0), currency),
        ]
        for key in sorted(base.keys() | tax.keys())
        if base.get(key) or tax.get(key)
    ]
    return _tax_table(rows, currency, words)


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


def _quantity(line: InvoiceLine, quantity: int, unit: str, words: dict[str, str]) -> str:
    return quantity_text(quantity, line.quantity_unit, unit, words) if has_use(line) else ""


def events_text(line: Charged) -> str:
    """The number of events of a line of usage; empty for what is none."""
    return f"{line.events:,}" if has_use(line) else ""


def has_use(line: Charged) -> bool:
    """True where a line is about usage; one that credits or corrects an amount alone does not."""
    return line.kind == "usage" and bool(line.events or line.quantity)


def of_class(text: str, tax_name: str, words: dict[str, str] = WORDS["en"]) -> str:
    """The name of a line, with its tax class where nothing else distinguishes it from another."""
    return words["of_class"].format(text, tax_name) if tax_name else text


def quantity_text(quantity: int, quantity_unit: int, unit: str, words: dict[str, str]) -> str:
    """A quantity as people read it: minutes and seconds; a volume in the `unit` of its price, bytes without one; or so many messages."""
    if quantity_unit == QuantityUnit.MILLISECOND:
        return minutes_text(quantity)
    if quantity_unit == QuantityUnit.BYTE:
        return f"{volume_text(quantity, unit or BYTE)} {unit or BYTE}"
    name = unit or "message"
    return f"{quantity:,} {words[name if abs(quantity) == 1 else f'{name}s']}"
