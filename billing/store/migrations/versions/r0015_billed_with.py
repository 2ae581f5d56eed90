"""The period that a line was billed with, where that is not its own: of fees in advance, and of lines that correct them.

Revision 0015. Lines of before are filled in by the rule by which alarms worked it out until then. It reads every line of a home. So it is a
long step (`billing.store.migrations.long_step`): a home with many lines gets it by `db upgrade` alone, some accounts at a time.

The rule of before:
- A charge was billed ahead by a document that ends by the first day of the charge. It was billed with the last period that the document
  bills. Void documents count, those of undone runs do not.
- All lines of that charge belong to that period, in any document and however its own period ends since.
- So do all lines of a re-rating of a period that goes on, and of credit notes about it: only fees in advance were billed of it.
- Discounts and tax go with the charges of their document, period and tax class. Without any they go with the charges billed ahead.
- Where charges of one period were billed ahead with several, the last of these counts for all.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa
from alembic import op

from billing.store.migrations import long_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

revision = "0015"
down_revision = "0014"

_FOLLOWING: Final = ("discount", "tax")  # kinds of line that go with others
_SHORTEST_MONTH: Final = 28
_CHARGE: Final = ("kind", "subscription_key", "charge_code", "price_id", "tax_class", "revenue_code")
_LINE: Final = ("invoice_key", "line_no", *_CHARGE, "period_from", "period_to", "amount_micros", "billed_with")


class Line(NamedTuple):
    """A line with what the rule asks of its document. `is_gone`: of an undone run. `running_to`: of a re-rating, the day of its issue."""

    invoice_key: int
    line_no: int
    account_key: int
    charge: tuple[Any, ...]
    kind: str
    tax_class: int
    period_from: str
    period_to: str
    amount_micros: int
    head_from: str
    head_to: str
    is_gone: bool
    running_to: str | None

    @property
    def is_ahead(self) -> bool:
        """True where its document bills it before its period."""
        return self.period_from >= self.head_to and self.kind not in _FOLLOWING and not self.is_gone


def upgrade() -> None:
    """Add the column, and fill it in. In a home with many lines `db upgrade` fills it in afterwards."""
    op.add_column("invoice_lines", sa.Column("billed_with", sa.Text(), nullable=True))
    connection, after = op.get_bind(), 0
    if long_step.is_long(connection):
        long_step.note(connection, revision, after)
        return
    while (last := fill(connection, after)) is not None:
        after = last


def downgrade() -> None:
    """Back to 0014, which works the periods out anew."""
    op.drop_column("invoice_lines", "billed_with")
    op.execute("DELETE FROM run_terms WHERE term = 'documents.periods'")
    long_step.forget(op.get_bind())


def fill(connection: sa.Connection, after: int) -> int | None:
    """Fill in the lines of the next accounts, those with keys above `after`. Returns the last key of them; None: there are none."""
    invoice = _table("invoices", "account_key").c
    keys = sa.select(invoice.account_key).where(invoice.account_key > after).distinct().order_by(invoice.account_key)
    last = connection.execute(sa.select(sa.func.max(keys.limit(long_step.ACCOUNTS).subquery().c.account_key))).scalar()
    if last is None:
        return None
    line = _table("invoice_lines", *_LINE)
    found = periods(lines(connection, after, int(last)))
    place = (line.c.invoice_key == sa.bindparam("key"), line.c.line_no == sa.bindparam("no"))
    rows = [{"key": key, "no": number, "period": period} for (key, number), period in found.items()]
    if rows:
        connection.execute(line.update().where(*place).values(billed_with=sa.bindparam("period")), rows)
    return int(last)


def lines(connection: sa.Connection, after: int, last: int) -> list[Line]:
    """The lines of all documents of the accounts with keys above `after`, up to `last`."""
    line = _table("invoice_lines", *_LINE).alias("line")
    heads = _table("invoices", "invoice_key", "account_key", "run_id", "period_from", "period_to", "issued_on", "corrects_invoice_key")
    head, about, run = heads.alias("head"), heads.alias("about"), _table("bill_runs", "run_id", "kind").alias("run")
    event, undo = _table("invoice_events", "invoice_key", "kind", "commit_seq").c, _table("run_undos", "kind", "commit_seq").c
    undone = sa.select(undo.commit_seq).where(undo.kind == "undone")
    gone = sa.select(event.invoice_key).where(event.kind == "voided", event.commit_seq.in_(undone))
    running_to = sa.case((run.c.kind == "rerate", about.c.issued_on))
    columns: list[sa.ColumnElement[Any]] = [
        line.c[name] for name in ("invoice_key", "line_no", *_CHARGE, "period_from", "period_to", "amount_micros")
    ]
    columns += [head.c.account_key, head.c.period_from.label("head_from"), head.c.period_to.label("head_to")]
    query = sa.select(*columns, head.c.invoice_key.in_(gone).label("is_gone"), running_to.label("running_to")).select_from(line)
    query = query.join(head, head.c.invoice_key == line.c.invoice_key)
    query = query.join(about, about.c.invoice_key == sa.func.coalesce(head.c.corrects_invoice_key, head.c.invoice_key))
    query = query.join(run, run.c.run_id == about.c.run_id).where(head.c.account_key > after, head.c.account_key <= last)
    return [_line(row) for row in connection.execute(query.order_by(line.c.invoice_key, line.c.line_no))]


def periods(every: Sequence[Line]) -> dict[tuple[int, int], str]:
    """The period that lines (by invoice key and number) were billed with, where that is not their own. `every`: those of whole accounts."""
    last = _last_periods(every)
    charges: set[tuple[Any, ...]] = set()
    begun: dict[tuple[int, str], str] = {}
    for each in every:
        if each.is_ahead:
            charges.add(each.charge)
            of = (each.account_key, each.period_from)
            begun[of] = max(begun.get(of, ""), last[each.invoice_key])
    ahead = [each for each in every if each.charge in charges or _is_running(each, begun)]
    found = {(each.invoice_key, each.line_no): begun[each.account_key, each.period_from] for each in ahead}
    return found | _alone(every, found, begun)


def _alone(every: Iterable[Line], ahead: Mapping[tuple[int, int], str], begun: Mapping[tuple[int, str], str]) -> dict[tuple[int, int], str]:
    """Discounts and tax in documents whose charges of their period and tax class come to nothing."""
    sums: dict[tuple[int, str, int, bool], int] = collections.defaultdict(int)
    for each in every:
        is_ahead = (each.invoice_key, each.line_no) in ahead
        if is_ahead or each.kind not in _FOLLOWING:
            sums[each.invoice_key, each.period_from, each.tax_class, is_ahead] += each.amount_micros
    found = {}
    for each in every:
        place, of = (each.invoice_key, each.line_no), (each.account_key, each.period_from)
        group = (each.invoice_key, each.period_from, each.tax_class)
        is_alone = not sums.get((*group, True)) and not sums.get((*group, False))
        if is_alone and each.kind in _FOLLOWING and each.amount_micros and place not in ahead and of in begun:
            found[place] = begun[of]
    return found


def _is_running(each: Line, begun: Mapping[tuple[int, str], str]) -> bool:
    """True for lines of a re-rating in a period that goes on, if anything of that was billed ahead."""
    return each.running_to is not None and each.running_to < each.period_to and (each.account_key, each.period_from) in begun


def _last_periods(every: Iterable[Line]) -> dict[int, str]:
    """By document the first day of the last period that it bills: of one over several the last that begins before it ends."""
    found: dict[int, str] = {}
    heads: dict[int, str] = {}
    for each in every:
        heads[each.invoice_key] = each.head_from
        if each.period_from < each.head_to and _is_over_several(each.head_from, each.head_to):
            found[each.invoice_key] = max(found.get(each.invoice_key, ""), each.period_from)
    return heads | found


def _is_over_several(first: str, end: str) -> bool:
    """True for more than a month. A period that begins on 28 February may end on 31 March."""
    months = (int(end[:4]) - int(first[:4])) * 12 + int(end[5:7]) - int(first[5:7])
    return months > 1 or (months == 1 and int(end[8:]) > int(first[8:]) and int(first[8:]) < _SHORTEST_MONTH)


def _line(row: Any) -> Line:  # noqa: ANN401 -- a row of the database
    charge = (row.account_key, row.period_from, *(getattr(row, name) for name in _CHARGE))
    about = (row.kind, row.tax_class, row.period_from, row.period_to, row.amount_micros, row.head_from, row.head_to)
    return Line(row.invoice_key, row.line_no, row.account_key, charge, *about, bool(row.is_gone), row.running_to)


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *[sa.column(each) for each in columns])
