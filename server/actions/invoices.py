"""Acts on invoices, from what a user gives: a short number is meant whole, and a void or a bill is followed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoicing import full_number
from billing.persons import Who
from billing.store import tables
from server.actions.payments import require_currency

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounting.ageing import Aged
    from billing.documents.crediting import CreditNote, Wanted
    from billing.documents.explaining import Explained
    from billing.documents.following import Reissued
    from billing.documents.voiding import Void
    from billing.payments.writing import Act
    from billing.runs.cycle import Preview
    from billing.store.home import Home
    from billing.verification.explain_line import LineExplained


def void(home: Home, number: str, reason: str, act: Act, *, on: dt.date | None = None) -> Void:
    """Make a document void."""
    from billing.documents import voiding

    return voiding.void(home, whole_number(home, number), reason, _who(act), on=on, dry_run=act.dry_run)


def credit(home: Home, wanted: Wanted, act: Act, *, on: dt.date | None = None, currency: str | None = None) -> CreditNote:
    """Credit a line of an invoice, or all of it. `currency`: as the caller says, None unknown."""
    import msgspec

    from billing.documents import crediting

    whole = msgspec.structs.replace(wanted, number=whole_number(home, wanted.number))
    require_currency(home, currency, tables.invoices, tables.invoices.c.number == whole.number)
    return crediting.credit(home, whole, _who(act), on=on, dry_run=act.dry_run)


def reissue(home: Home, number: str, act: Act) -> Reissued:
    """Bill again what a void invoice had billed, and follow the run up."""
    from billing.documents import following, voiding
    from billing.invoicing import listing

    number, who = whole_number(home, number), _who(act)
    report = voiding.reissue(home, number, who)
    followed = following.follow_up(home, report.run_id, who) if report.state == "posted" else []
    made = listing.of_run(home, report.run_id, listing.owner(home, number))
    failed = [book for each in followed for book in each.books if not book.ok]
    return following.Reissued(report, made, failed, sum(each.alarms for each in followed))


def preview_reissue(home: Home, number: str, act: Act) -> Preview:
    """The bills that `reissue` would make; nothing is stored."""
    from billing.documents import voiding

    return voiding.preview_reissue(home, whole_number(home, number), _who(act))


def reissued_by(home: Home, commit_seq: int) -> Reissued:
    """The run that a commit began, as it is now: the call that asked for it may have been cut off before the run ended."""
    import sqlalchemy as sa

    from billing.controls import findings, of_run
    from billing.documents import alarms, following
    from billing.invoicing import listing
    from billing.runs.reports import run_report

    run = tables.bill_runs.c
    with home.connect() as connection:
        run_id = int(connection.execute(sa.select(run.run_id).where(run.commit_seq == commit_seq)).scalar_one())
    kept = [each.name for each in findings.findings(home) if each.run_id == run_id]
    failed = [each for each in of_run(home, run_id) if each.name in kept] if kept else []
    raised = sum(each.run_id == run_id for each in alarms.list_all(home))
    return following.Reissued(run_report(home, run_id, resumed=False), listing.of_run(home, run_id), failed, raised)


def explain(home: Home, number: str, line_no: int | None, language: str) -> tuple[Explained, LineExplained | None]:
    """Explain a document, or one line of it; with the events of one usage line of a run of the cycle, which keeps their charges."""
    from billing.documents import explaining
    from billing.verification.explain_line import explain_line

    number = whole_number(home, number)
    found = explaining.explain(home, number, line_no, language)
    is_usage = line_no is not None and found.lines[0].kind == "usage" and found.run_kind == "cycle"
    return found, explain_line(home, number, line_no) if is_usage and line_no is not None else None


def aged(home: Home, as_of: dt.date, account_id: str | None = None) -> list[Aged]:
    """Amounts that customers owe at the end of a day, by days past due, of one account or all."""
    from billing.accounting import ageing

    with home.connect() as connection:
        return ageing.aged(ageing.items(connection, as_of, account_id), as_of)


def whole_number(home: Home, number: str) -> str:
    """The number of a document as printed on it, where its zeros were left out."""
    with home.connect() as connection:
        return full_number(connection, number)


def _who(act: Act) -> Who:
    return Who(act.by.name, act.by.uid, act.now_us)
