"""Records of a bank file as lines of text: what a golden file holds, and what tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.statements import reading
from billing.payments.statements.records import Entry, EntryEnd, Problems, Statement, Transaction
from billing.payments.statements.totals import Summary
from rating.money import format_micros

if TYPE_CHECKING:
    from pathlib import Path


def lines(path: Path, content: bytes | None = None, form: reading.Format | None = None) -> list[str]:
    """Every record of a file. Raises ProblemsError with all of its mistakes."""
    problems = Problems(path.name)
    source = reading.source(path, content)
    found = [_line(each) for each in reading.read(source, form or reading.recognised(source), problems)]
    problems.close()
    return found


def _line(record: Statement | Entry | Transaction | EntryEnd | Summary) -> str:
    match record:
        case Statement():
            return f"{record.kind} {record.account} id {record.statement_id or '-'} number {record.number} page {record.page}"
        case Entry():
            parts = [f"entry {record.number}", _money(record), f"booked {record.booked_on}", f"value {record.value_on}"]
            parts += [f"ref {record.reference or '-'}", record.code] + ["reversal"] * record.is_reversal
            return " ".join(parts)
        case Transaction():
            named = {
                "charge": format_micros(record.charge_micros) if record.charge_micros else "",
                "e2e": record.end_to_end_id,
                "mandate": record.mandate_id,
                "reason": record.reason_code,
                "structured": " ".join(f"{each.kind}:{each.text}" for each in record.references),
                "text": record.text,
                "party": record.party,
                "account": record.party_account,
                "batch": "whole" if record.is_whole_batch else "",
            }
            return " | ".join([f"  {_money(record)}", *(f"{name} {text}" for name, text in named.items() if text)])
        case EntryEnd():
            return f"  charge of the entry {format_micros(record.charge_micros)}" if record.charge_micros else "  ."
        case Summary():
            balances = [format_micros(each.micros) if each else "-" for each in (record.opening, record.closing)]
            money = f"credits {format_micros(record.credit_micros)} debits {format_micros(record.debit_micros)}"
            counts = f"{record.entries} entries {record.lines} lines"
            return f"end {' to '.join(balances)} {record.currency} {counts} {money} pending {record.pending}"


def _money(record: Entry | Transaction) -> str:
    return f"{'+' if record.is_credit else '-'}{format_micros(record.amount_micros)} {record.currency}"


def form_of(name: str) -> reading.Format:
    """The format of a file of the tests by its name."""
    if name.endswith(".sta"):
        return reading.Format.MT940
    return reading.Format.CAMT054 if name.startswith("notification") else reading.Format.CAMT053
