"""Lists of invoices that wait: a trial changes nothing that counts, and what was looked at is numbered exactly, once it may be, or never.

Every list is taken down when it is first seen, with whatever is told afterwards before it is numbered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.invoicing.forms import LineDraft
from billing.runs import frozen_list, states
from billing.store import tables
from billing.store.tables.columns import metadata

if TYPE_CHECKING:
    from billing.store.home import Home

Invoice = tuple[int, str, tuple[object, ...]]  # account key, date, lines
OF_RUNS = ("bill_runs", "run_steps", "run_accounts", "run_drafts", "run_decisions", "commits")  # what a run that numbers nothing may write
FIELDS = LineDraft.__struct_fields__


class Lists:
    """Lists by the number of their run, the numbers of those that somebody else approved, and of all runs that count."""

    def __init__(self) -> None:
        self._seen: dict[int, list[Invoice]] = {}
        self._approved: set[int] = set()
        self._counted: set[int] = set()
        self._wrong: list[str] = []

    def look(self, home: Home, *, needed: bool) -> None:
        """Take down the list that waits, if any does. `needed`: since the last look nothing was numbered but what somebody approved."""
        with home.connect() as connection:
            run, counted = states.unfinished(connection), _counted(connection)
        if run is not None and run.state == states.COMPUTED:
            drafts = frozen_list.read(home.path, frozen_list.named(home, run.run_id)).drafts
            found: list[Invoice] = [
                (each.account_key, each.issued_on, tuple(tuple(getattr(line, name) for name in FIELDS) for line in each.lines))
                for each in drafts.structs()
            ]
            self._seen.setdefault(run.run_id, found)
        without = counted - self._counted - self._approved if needed else ()
        self._wrong += [f"nobody approved run {run_id}, and it was numbered" for run_id in without]
        self._counted = counted

    def approved(self, run_id: int) -> None:
        """Somebody else approved it."""
        self._approved.add(run_id)

    def wrong(self, home: Home) -> list[str]:
        """Which lists were numbered otherwise, or should never have been."""
        found = list(self._wrong)
        with home.connect() as connection:
            for run_id, expected in self._seen.items():
                run, numbered = states.find(connection, run_id), _numbered(connection, run_id)
                if numbered != (expected if run.state in states.COUNTED else []):
                    found.append(f"run {run_id} ({run.state}) showed {len(expected)} invoices, and numbered {len(numbered)}")
        return found


def everything(home: Home) -> dict[str, list[str]]:
    """All rows of all tables but those about runs themselves."""
    with home.connect() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in connection.execute(sa.select(table)))
            for name, table in metadata.tables.items()
            if name not in OF_RUNS
        }


def _counted(connection: sa.Connection) -> set[int]:
    run = tables.bill_runs.c
    return set(connection.execute(sa.select(run.run_id).where(run.state.in_(states.COUNTED), run.kind == states.CYCLE)).scalars())


def _numbered(connection: sa.Connection, run_id: int) -> list[Invoice]:
    invoice, line = tables.invoices.c, tables.invoice_lines.c
    query = sa.select(invoice.invoice_key, invoice.account_key, invoice.issued_on).where(invoice.run_id == run_id)
    columns = [line[name] for name in FIELDS]
    return [
        (
            account,
            issued_on,
            tuple(tuple(row) for row in connection.execute(sa.select(*columns).where(line.invoice_key == key).order_by(line.line_no))),
        )
        for key, account, issued_on in connection.execute(query.order_by(invoice.invoice_key)).all()
    ]
