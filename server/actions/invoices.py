"""Acts on invoices, from what a user gives: a short number is meant whole, and a void or a bill is followed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.invoicing import full_number
from billing.invoicing.rerated import Rerated
from billing.persons import Who
from billing.store import tables
from server.actions.payments import require_currency

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounting.ageing import Aged
    from billing.documents.crediting import CreditNote, CreditRequest
    from billing.documents.explaining import Explained
    from billing.documents.following import Reissued
    from billing.documents.voiding import Void
    from billing.payments.writing import Act
    from billing.runs.cycle import Preview
    from billing.store.home import Home


def void(home: Home, number: str, reason: str, act: Act, *, on: dt.date | None = None) -> Void:
    """Make a document void."""
    from billing.documents import voiding

    return voiding.void(home, whole_number(home, number), reason, _who(act), on=on, dry_run=act.dry_run)


def credit(home: Home, wanted: CreditRequest, act: Act, *, on: dt.date | None = None, currency: str | None = None) -> CreditNote:
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
    owner = listing.owner(home, number)
    made = listing.of_run(home, report.run_id, None if owner is None else owner.account_id)
    failed = [book for each in followed for book in each.books if not book.ok]
    return following.reissued(report, made, failed, sum(each.alarms for each in followed))


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
    return following.reissued(run_report(home, run_id, resumed=False), listing.of_run(home, run_id), failed, raised)


class Events(NamedTuple):
    """The first events of a usage line, in words and as objects. `total`: how many there are; `exact_micros`: the sum of their charges.

    `run_id`: the run that priced them; `rerated`: what re-ratings have billed since.
    """

    total: int
    exact_micros: int
    run_id: int
    rerated: Sequence[Rerated]
    texts: Sequence[str]
    objects: Sequence[dict[str, Any]]


def explain(home: Home, number: str, line_no: int | None, language: str, limit: int) -> tuple[Explained, Events | None]:
    """Explain a document, or one line of it.

    Of one usage line of a run of the cycle, which keeps its charges, the first events are explained as well, at most `limit`.
    """
    from billing.documents import explaining
    from billing.verification.explain_line import explain_line
    from rating.explain import as_json, as_text

    number = whole_number(home, number)
    found = explaining.explain(home, number, line_no, language)
    is_usage = line_no is not None and found.lines[0].kind == "usage" and found.run_kind == "cycle"
    if not is_usage or line_no is None:
        return found, None
    line = explain_line(home, number, line_no)
    shown = line.outcomes[:limit]
    texts = [as_text(each, language) for each in shown]
    return found, Events(len(line.outcomes), line.exact_micros, line.run_id, line.rerated, texts, list(map(as_json, shown)))


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
