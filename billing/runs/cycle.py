"""One bill run: compute, number, post; and the same again without a trace of the first time when it was killed in between.

    computing   the run row pins the sequence number; charges are priced and written; nothing of it counts yet
    numbered    one transaction has given every draft its number and stored invoices, lines, the names of the charge files and the terms
    posted      every invoice is in the ledger

A run is a pure function of its bill date and pinned number, so a killed one is computed afresh; a numbered one only posts what is
missing. One run works on a home at a time.
"""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.charges.lines import Lines, empty
from billing.collection import gate
from billing.guiding import Guide
from billing.intake import view
from billing.invoicing import InvoiceDraft, billed_lines, digest, number_drafts
from billing.runs import charge_files, facts, leftovers, posting, price_list, pricing, scope
from billing.runs.circumstances import asked
from billing.runs.contracts import Contracts
from billing.runs.lock import only_run
from billing.runs.proposal import Currencies, one_off_lines, recurring_lines, usage_lines
from billing.runs.reports import RunReport, run_report
from billing.runs.settlement import Settlement, Term, settle
from billing.store import commit_points, tables
from rating.errors import UserError
from rating.status import Status

DIGEST: Final = "invoices.digest"  # name of the term that holds it
YEARS_AHEAD_MAX: Final = 3  # a bill date further ahead is a slip of the pen: it would bill fees of years that nobody has had
FIRST_DATE: Final = dt.date(2000, 1, 1)
LAST_DATE: Final = dt.date(2099, 12, 31)

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from billing.store.home import Home

    Progress = Callable[[int, int], None]


class Preview(msgspec.Struct, frozen=True):
    """What a run would bill now."""

    bill_date: str
    seq: int
    drafts: tuple[InvoiceDraft, ...]
    account_ids: tuple[str, ...]  # of each draft
    events: dict[str, int]
    left_out: dict[str, int]
    quarantined: dict[str, str]
    findings: dict[str, str]  # open ones about usage files, by name: a run refuses while there are any


class Computed(NamedTuple):
    """Everything a run needs to number its invoices."""

    contracts: Contracts
    scope: scope.Scope
    priced: pricing.Priced | None  # None: no account is in the run
    settlement: Settlement
    terms: dict[str, Term]


class _Run(NamedTuple):
    run_id: int
    bill_date: dt.date
    pinned_seq: int
    state: str
    resumed: bool


def run(home: Home, bill_date: dt.date, now_us: int, *, threads: int = 1, progress: Progress | None = None) -> RunReport:
    """Bill every account for its periods that ended on or before `bill_date`; resume a run of that date that is not finished.

    Raises UserError for a date that is years ahead, when a run of another date is not finished, or another run works on this home; and,
    before a new run, while usage files of its periods are missing or rejected and nobody has waived that (`collection.gate`).
    """
    this_year = (facts.EPOCH + dt.timedelta(microseconds=now_us)).year
    _require_date(bill_date, min(LAST_DATE, dt.date(this_year + YEARS_AHEAD_MAX, 12, 31)))
    report = progress or _silent
    with only_run(home):
        current = _begin(home, bill_date, now_us)
        if current.state == scope.COMPUTING:
            _compute_and_number(home, current, now_us, threads, report)
        posting.post_run(home, current.run_id, now_us)
    return run_report(home, current.run_id, resumed=current.resumed)


def abandon(home: Home, bill_date: dt.date) -> int:
    """Forget a run that was interrupted before it numbered anything, such as one of a wrong date. Returns its id.

    Raises UserError when there is none, or it has numbered: then it can only be finished.
    """
    runs = tables.bill_runs
    with only_run(home), home.begin() as connection:
        open_run = runs.c.state != scope.POSTED
        row = connection.execute(sa.select(runs).where(open_run, runs.c.bill_date == bill_date.isoformat())).first()
        if row is None:
            raise UserError(f"no bill run of {bill_date} is unfinished", "`ratewright bill list` shows all runs")
        if row.state != scope.COMPUTING:
            raise UserError(f"the bill run of {bill_date} has numbered its invoices", f"finish it: ratewright bill run --date {bill_date}")
        connection.execute(runs.delete().where(runs.c.run_id == row.run_id))
    return int(row.run_id)


def preview(
    home: Home, bill_date: dt.date, *, threads: int = 1, progress: Progress | None = None, accounts: AbstractSet[str] | None = None
) -> Preview:
    """What `run` would bill for `bill_date` as things stand; writes nothing. `accounts`: only these ids."""
    _require_date(bill_date, LAST_DATE)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        findings = gate.in_the_way(connection, bill_date)
    computed = compute(home, bill_date, seq, threads=threads, only=accounts)
    if progress is not None and computed.priced is not None:
        progress(len(computed.priced.start_us), len(computed.priced.start_us))
    names = {each.account_key: each.account_id for each in computed.contracts.facts.accounts}
    settlement = computed.settlement
    return Preview(
        bill_date.isoformat(),
        seq,
        tuple(settlement.drafts),
        tuple(names[draft.account_key] for draft in settlement.drafts),
        {name.removeprefix("events."): term.rows for name, term in computed.terms.items() if name.startswith("events.")},
        {name.removeprefix("left_out."): term.rows for name, term in computed.terms.items() if name.startswith("left_out.")},
        {names[key]: reason for key, reason in settlement.quarantined.items()},
        {each.name: each.text for each in findings},
    )


def compute(  # noqa: PLR0913 -- what, as of when, and how
    home: Home, bill_date: dt.date, seq: int, *, threads: int, only: AbstractSet[str] | None = None, before_run: int | None = None
) -> Computed:
    """Price and settle everything as of `seq`, in memory."""
    midnights = facts.Midnights()
    with home.connect() as connection:
        contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
        covered = scope.covered_through(connection, contracts.facts, before_run)
        chosen = scope.decide(contracts.facts, covered, bill_date, midnights, only)
        billed = _billed(connection, chosen)
        stored = leftovers.stored(connection, chosen.begins(contracts.facts), before_run)
    currencies = Currencies(contracts)
    proposed = np.concatenate([recurring_lines(contracts, chosen, currencies), one_off_lines(contracts, chosen, currencies)])
    priced, terms, too_large = None, {}, {}
    if chosen.window is not None:
        columns = pricing.columns(asked(contracts.price_list.catalogues))
        usage = view.usage(home, columns, seq, *chosen.window, checked=True)
        priced = pricing.price_usage(usage, Guide(home, seq), contracts, chosen, stored, threads=threads)
        sums = usage_lines(priced, contracts, currencies)
        proposed = np.concatenate([proposed, sums.lines])
        too_large = dict.fromkeys(sums.too_large, "a sum of charges is beyond the limit of money")
        terms = _usage_terms(priced, contracts, set(sums.too_large))
    settlement = settle(proposed, billed, too_large, contracts, chosen, currencies)
    in_run = sum(bool(periods) for periods in chosen.periods)
    return Computed(contracts, chosen, priced, settlement, {**terms, **settlement.terms, "accounts": Term(in_run, 0)})


def _require_date(bill_date: dt.date, last: dt.date) -> None:
    """Raises UserError for a date that cannot be meant, before anything is stored for it."""
    if not FIRST_DATE <= bill_date <= last:
        raise UserError(
            f"the bill date {bill_date} is not between {FIRST_DATE} and {last}",
            "give the date on which the period to bill has ended, such as 2025-11-01",
            exit_status=2,
        )


def _begin(home: Home, bill_date: dt.date, now_us: int) -> _Run:
    """The unfinished run of this date, or a new one."""
    runs = tables.bill_runs
    with home.begin() as connection:
        row = connection.execute(sa.select(runs).where(runs.c.state != scope.POSTED).order_by(runs.c.run_id)).first()
        if row is not None and row.bill_date != bill_date.isoformat():
            raise UserError(
                f"the bill run of {row.bill_date} is not finished",
                f"finish it first: ratewright bill run --date {row.bill_date}"
                + (f"; or forget it: ratewright bill abandon --date {row.bill_date}" if row.state == scope.COMPUTING else ""),
            )
        if row is not None:
            return _Run(row.run_id, bill_date, row.pinned_seq, row.state, resumed=True)
        gate.require_complete(connection, bill_date)
        seq = home.next_commit_seq(connection, "run", now_us)
        values = {"bill_date": bill_date.isoformat(), "pinned_seq": seq, "state": scope.COMPUTING, "started_us": now_us}
        key = connection.execute(runs.insert().values(**values, commit_seq=seq)).inserted_primary_key
        assert key is not None
    commit_points.reached("run.started")
    return _Run(int(key[0]), bill_date, seq, scope.COMPUTING, resumed=False)


def _compute_and_number(home: Home, current: _Run, now_us: int, threads: int, progress: Progress) -> None:
    computed = compute(home, current.bill_date, current.pinned_seq, threads=threads, before_run=current.run_id)
    files = _write_charges(home, current.run_id, computed, threads, progress)
    commit_points.reached("run.charges_written")
    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "invoice", now_us)
        number_drafts(connection, current.run_id, computed.settlement.drafts, seq)
        _insert(connection, tables.charge_manifest, [{"run_id": current.run_id, "commit_seq": seq, **each._asdict()} for each in files])
        with_digest = {**computed.terms, DIGEST: Term(*digest(connection, current.run_id))}
        terms = [{"run_id": current.run_id, "term": name, **_clipped(term)} for name, term in sorted(with_digest.items())]
        _insert(connection, tables.run_terms, terms)
        left = computed.priced.left if computed.priced is not None else []
        _insert(connection, tables.carried_allowances, leftovers.rows(current.run_id, left))
        parked = computed.settlement.quarantined.items()
        _insert(connection, tables.quarantine, [{"run_id": current.run_id, "account_key": key, "reason": why} for key, why in parked])
        posting.move(connection, current.run_id, scope.COMPUTING, scope.NUMBERED)
        commit_points.reached("run.before_numbering_commit")
    commit_points.reached("run.numbered")


def _billed(connection: sa.Connection, chosen: scope.Scope) -> Lines:
    """What invoices have billed from the oldest open period of any account on."""
    first = min((periods[0].start for periods in chosen.periods if periods), default=None)
    return billed_lines(connection, first) if first is not None else empty()


def _write_charges(home: Home, run_id: int, computed: Computed, threads: int, progress: Progress) -> list[charge_files.ChargeFile]:
    folder = home.charges_folder / f"run={run_id}"
    if folder.exists():
        shutil.rmtree(folder)  # of an attempt that was killed: nothing names these files
    if computed.priced is None:
        return []
    total, done = len(computed.priced.start_us), 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)
        commit_points.reached("run.charge_file_written")

    return charge_files.write(folder, home.path, run_id, computed.priced, computed.contracts, threads=threads, report=report)


def _usage_terms(priced: pricing.Priced, contracts: Contracts, too_large: set[int]) -> dict[str, Term]:
    """Events by status and by reason of leaving out, and the charges by currency, as the run counted them."""
    status, counts = np.unique(priced.rated.status, return_counts=True)
    terms = {f"events.{Status(code).name}": Term(rows, 0) for code, rows in zip(status.tolist(), counts.tolist(), strict=True)}
    terms |= {f"left_out.{name}": Term(rows, 0) for name, rows in priced.left_out.items()}
    version = priced.rated.version
    facts_ = contracts.facts
    excluded = np.isin(facts_.account_keys[priced.account], list(too_large)) if too_large else np.zeros(len(version), bool)
    for currency in sorted({each.currency for each in contracts.price_list.tables.versions}):
        own = [index for index, each in enumerate(contracts.price_list.tables.versions) if each.currency == currency]
        rated = np.isin(version, own) & (priced.rated.status <= int(Status.ZERO_RATED))
        charge = priced.rated.charge_micros
        terms[f"usage:{currency}"] = _term(charge[rated])
        if too_large:
            terms[f"too_large:{currency}"] = _term(charge[rated & excluded])
    return terms


def _term(charges: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Term:
    """Rows and sum, in two halves that cannot wrap."""
    return Term(len(charges), (int((charges >> 32).sum()) << 32) + int((charges & 0xFFFFFFFF).sum()))


def _clipped(term: Term) -> dict[str, int]:
    """A term as the table holds it. A sum beyond int64 is cut, and the book that reads it fails, as it should."""
    limit = 2**63 - 1
    return {"rows": term.rows, "amount_micros": max(-limit, min(limit, term.amount_micros))}


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _silent(_done: int, _total: int) -> None:
    """Progress that nobody watches."""
