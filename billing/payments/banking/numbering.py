"""Statements held against those that came before: one that came again, one with a number that was given, a gap, balances that do not join.

A statement came before where one of its account, kind and page has its id or, within one year, its number. Then its balances and its sum
have to be the same as well, and nothing of it is taken again. A gap and balances that do not join are findings: what is missing may come
later, and what is there is true without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.payments.banking.accounts import Owned
from billing.payments.statements.records import Kind
from billing.payments.statements.totals import Summary
from billing.store import tables
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from billing.payments.statements.records import Problems

ORDER: Final = "fetch the statements again, or ask the bank; nothing of the file was taken"
_MISSING_SHOWN: Final = 5


class Placed(NamedTuple):
    """A statement of a file: whose account it is, and whether it came before."""

    summary: Summary
    owned: Owned
    is_known: bool


def held(connection: sa.Connection, found: Sequence[tuple[Summary, Owned]], problems: Problems) -> tuple[list[Placed], list[str]]:
    """Every statement with whether it came before, and findings. Notes what cannot be in `problems`."""
    placed: list[Placed] = []
    findings: list[str] = []
    for summary, owned in found:
        before = _same(connection, summary, owned)
        if before is not None:
            _require_same(before, summary, problems)
        elif _is_twice(summary, owned, placed):
            problems.add(summary.statement.line_no, f"statement {name_of(summary)} is in the file twice", ORDER)
        else:
            _require_recognisable(connection, summary, owned, problems)
            findings += _joins(connection, summary, owned, placed)
        findings += _pending(summary)
        placed.append(Placed(summary, owned, before is not None))
    return placed, findings


def row(file_id: int, placed: Placed) -> dict[str, Any]:
    """The row of a new statement."""
    summary, head = placed.summary, placed.summary.statement
    return {
        "bank_file_id": file_id,
        "kind": head.kind.value,
        "account": placed.owned.number,
        "statement_id": head.statement_id,
        "number": head.number,
        "page": head.page,
        "currency": summary.currency,
        "opening_micros": summary.opening.micros if summary.opening else None,
        "closing_micros": summary.closing.micros if summary.closing else None,
        "closed_on": summary.closing.on.isoformat() if summary.closing else None,
        "entries": summary.entries,
        "net_micros": summary.net_micros,
        "is_referenced": int(summary.is_referenced),
    }


def name_of(summary: Summary) -> str:
    """A statement as people name it: its number, else its id."""
    head = summary.statement
    page = f", page {head.page}" if head.page > 1 else ""
    return f"{head.number if head.number is not None else head.statement_id}{page}"


def _same(connection: sa.Connection, summary: Summary, owned: Owned) -> Any:  # noqa: ANN401 -- a row of bank_statements or None
    """The statement of before that this one is, by its id or by its number within the year."""
    row_, head = tables.bank_statements.c, summary.statement
    query = sa.select(tables.bank_statements).where(row_.account == owned.number, row_.kind == head.kind.value, row_.page == head.page)
    if head.statement_id:
        found = connection.execute(query.where(row_.statement_id == head.statement_id)).first()
        if found is not None:
            return found
    if head.number is None or summary.closing is None:
        return None
    of_year = row_.closed_on.startswith(f"{summary.closing.on.year:04}-")
    return connection.execute(query.where(row_.number == head.number, of_year, row_.currency == summary.currency)).first()


def _require_same(before: Any, summary: Summary, problems: Problems) -> None:  # noqa: ANN401 -- a row of bank_statements
    fields = (
        ("opening balance", before.opening_micros, summary.opening.micros if summary.opening else None),
        ("closing balance", before.closing_micros, summary.closing.micros if summary.closing else None),
        ("sum", before.net_micros, summary.net_micros),
    )
    for name, old, new in fields:
        if old != new:
            shown = [format_micros(each) if each is not None else "none" for each in (old, new)]
            message = f"statement {name_of(summary)} of {before.account} came before with the {name} {shown[0]}, not {shown[1]}"
            problems.add(summary.statement.line_no, message, ORDER)


def _is_twice(summary: Summary, owned: Owned, placed: Sequence[Placed]) -> bool:
    head = summary.statement
    for each in placed:
        other = each.summary.statement
        if each.owned == owned and (other.kind, other.page) == (head.kind, head.page):
            years = [each.closing.on.year if each.closing else None for each in (each.summary, summary)]
            is_numbered = head.number is not None and head.number == other.number and years[0] == years[1]
            currencies = each.summary.currency == summary.currency
            if (head.statement_id and head.statement_id == other.statement_id) or (is_numbered and currencies and years[0] is not None):
                return True
    return False


def _require_recognisable(connection: sa.Connection, summary: Summary, owned: Owned, problems: Problems) -> None:
    """Note a file of one kind where the other one came before, and bookings without the bank's id would count twice."""
    row_, head = tables.bank_statements.c, summary.statement
    query = sa.select(row_.bank_statement_id).where(row_.account == owned.number)
    if head.kind is Kind.STATEMENT and not summary.is_referenced:
        other = query.where(row_.kind == Kind.NOTIFICATION.value)
        what = "notifications (camt.054) of it were imported, and entries of this statement have no reference of the bank"
    elif head.kind is Kind.NOTIFICATION:
        other = query.where(row_.kind == Kind.STATEMENT.value, row_.is_referenced == 0)
        what = "statements without references of the bank were imported, so entries of this notification may be there already"
    else:
        return
    if connection.execute(other.limit(1)).first() is not None:
        message = f"account {owned.number}: {what}"
        problems.add(head.line_no, message, "import only statements of this account, or ask the bank for references (AcctSvcrRef)")


def _joins(connection: sa.Connection, summary: Summary, owned: Owned, placed: Sequence[Placed]) -> list[str]:
    """Findings about the statement before this one: numbers that are missing, and a closing balance that is not the opening one."""
    head = summary.statement
    if head.kind is not Kind.STATEMENT or summary.closing is None or summary.opening is None:
        return []
    before = _before(connection, summary, owned, placed)
    if before is None:
        return []
    found = []
    number, closing_micros, closed_on = before
    same_year = closed_on[:4] == f"{summary.closing.on.year:04}"
    if number is not None and head.number is not None and same_year and head.number > number + 1:
        missing = [f"{each}" for each in range(number + 1, min(head.number, number + 1 + _MISSING_SHOWN))]
        more = head.number - number - 1 - len(missing)
        words = ", ".join(missing) + (f" and {more} more" if more else "")
        found.append(
            f"statement {head.number} of {owned.number} follows {number}: {words} {'are' if len(missing) + more > 1 else 'is'} missing"
        )
    elif closing_micros != summary.opening.micros:
        shown = format_micros(summary.opening.micros), format_micros(closing_micros)
        found.append(f"statement {name_of(summary)} of {owned.number} opens with {shown[0]}, the one before closed with {shown[1]}")
    return found


def _before(connection: sa.Connection, summary: Summary, owned: Owned, placed: Sequence[Placed]) -> tuple[int | None, int, str] | None:
    """Number, closing balance and day of the last statement that closed no later than this one opened, in the store or in the file."""
    assert summary.closing is not None
    row_, head = tables.bank_statements.c, summary.statement
    last_day = summary.closing.on.isoformat()
    query = sa.select(row_.number, row_.closing_micros, row_.closed_on).where(
        row_.account == owned.number, row_.kind == head.kind.value, row_.currency == summary.currency, row_.closed_on <= last_day
    )
    if head.number is not None:
        year = f"{summary.closing.on.year:04}-01-01"
        query = query.where(sa.or_(row_.closed_on < year, row_.number < head.number))
    stored = connection.execute(query.order_by(row_.closed_on.desc(), row_.number.desc(), row_.bank_statement_id.desc()).limit(1)).first()
    rows = [] if stored is None else [(stored.number, stored.closing_micros, stored.closed_on)]
    for each in placed:
        other = each.summary
        if (
            each.owned == owned
            and other.closing is not None
            and other.currency == summary.currency
            and other.closing.on <= summary.closing.on
        ):
            rows.append((other.statement.number, other.closing.micros, other.closing.on.isoformat()))
    return max(rows, key=lambda row_: (row_[2], row_[0] or 0), default=None)


def _pending(summary: Summary) -> list[str]:
    if not summary.pending:
        return []
    what = "1 entry is" if summary.pending == 1 else f"{summary.pending:,} entries are"
    return [f"statement {name_of(summary)}: {what} not booked yet and passed over"]


def first_day(summary: Summary, default: dt.date) -> dt.date:
    """The day on which a statement's account has to be known: that of its closing balance, else `default`."""
    return summary.closing.on if summary.closing else default
