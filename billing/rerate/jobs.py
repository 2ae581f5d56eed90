"""Jobs of re-rating: previewed and stored, decided by another person, applied once.

A job is identified by its request and its result. The same request with the same differences is the same job as long as it waits or is
approved. One whose differences have changed since (another version, a later run) is another one, which has to be approved again. After a
job was rejected, or its documents are void, the same request makes a new one. Applying makes documents of the run kind `rerate`: an invoice
for an account that pays more, a credit note (effect `advance`) for one that pays less. They count as billed, so that a repeat, and the next
run of the cycle, find no difference. Quantities that the months leave of allowances that roll over (`leaving`) are stored with them: the
computation of later months begins with these.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing import clocks
from billing.allocations.items import chunks
from billing.charges.lines import LINE
from billing.charges.rollover import Left
from billing.documents.issuing import issue
from billing.documents.run_inputs import AS_BILLED, LATE_RULE, LEAVES_LATE
from billing.documents.trying import Work
from billing.intake import marks
from billing.invoicing.drafts import Drafts, joined
from billing.invoicing.forms import CREDIT_NOTE, INVOICE
from billing.left_out.for_good import RULE
from billing.persons import same_person
from billing.rerate import given_back
from billing.rerate.figures import Figures, figures
from billing.rerate.leaving import left_by
from billing.rerate.parts import part_of
from billing.rerate.request import Request
from billing.rerate.scoping import read
from billing.runs import states
from billing.runs.computing import settled
from billing.runs.contracts import facts
from billing.runs.lock import only_run
from billing.runs.usage import carried_allowances
from billing.store import commit_points, requests, tables
from rating.counted import counted
from rating.dates import day_number, day_of
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from billing.charges.lines import Int64s, Lines
    from billing.ledger.closed_months import Who
    from billing.rerate.scoping import Part
    from billing.runs.computing import Computed, Progress
    from billing.runs.contracts.facts import Facts
    from billing.store.home import Home

PLANNED: Final = "planned"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
APPLIED: Final = "applied"
WAITING: Final = "waiting"
RUN_KIND: Final = "rerate"
_HASH_BYTES: Final = 12
_CURRENCY: Final = "S3"  # a code of ISO 4217
_Days = tuple[dt.date, dt.date]


class Step(msgspec.Struct, frozen=True):
    """A step of a job, with its person and instant. `kind`: planned, approved, rejected or applied."""

    kind: str
    by_name: str
    at_us: int
    note: str = ""


class Job(msgspec.Struct, frozen=True):
    """A stored re-rating. `state`: waiting, approved, rejected or applied; `run_ids` of the documents that it made.

    `decided_by` approved or rejected it; `steps` names all persons, oldest step first.
    """

    job_id: int
    request: Request
    pinned_seq: int
    figures: Figures
    by_name: str
    by_uid: int
    state: str
    decided_by: str
    run_ids: tuple[int, ...]
    existed: bool = False
    steps: tuple[Step, ...] = ()

    def step(self, *kinds: str) -> Step | None:
        """The newest step of these kinds."""
        return next((each for each in reversed(self.steps) if each.kind in kinds), None)


class _Found(NamedTuple):
    """`reference` identifies the request and every line of its result. In the table `/1`, `/2` behind it distinguish jobs of it."""

    seq: int
    drafts: Drafts
    left: list[Left]  # of allowances that roll over, by the months asked for
    figures: Figures
    reference: str
    leaves_late: bool  # usage that runs have left out for good was looked for, and is in none of the lines
    as_billed: marks.Versions | None  # of records on final bills that lost versions since: those that were priced


def preview(home: Home, request: Request, *, threads: int = 1, progress: Progress | None = None) -> Figures:
    """The effect of a re-rating now; nothing is stored."""
    return _find(home, request, threads, progress).figures


def plan(home: Home, request: Request, who: Who, *, threads: int = 1, progress: Progress | None = None) -> Job:
    """Store the job with its preview. The same request with the same result is the job that was stored before, unless that is over."""
    found = _find(home, request, threads, progress)
    row = tables.rerate_jobs
    with home.begin() as connection:
        known = _same_jobs(connection, found.reference)
        if known and not _is_over(connection, known[-1], found):
            return msgspec.structs.replace(known[-1], existed=True)
        seq = home.next_commit_seq(connection, "rerate", who.now_us)
        values = {
            "reference": f"{found.reference}/{len(known)}" if known else found.reference,
            "plan": request.plan,
            "version": request.version,
            "periods": msgspec.json.encode([request.first_day, request.after_day]).decode(),
            "accounts": msgspec.json.encode(request.accounts).decode(),
            "pinned_seq": found.seq,
            "preview": msgspec.json.encode(found.figures).decode(),
            "net_micros": sum(found.figures.net_micros.values()),
        }
        by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
        added = connection.execute(row.insert().values(**values, **by)).inserted_primary_key
        assert added is not None
        job = _job(connection, int(added[0]))
        commit_points.reached("rerate.before_commit")
    commit_points.reached("rerate.committed")
    return job


def decide(home: Home, job_id: int, kind: str, note: str, who: Who, *, dry_run: bool = False) -> Job:  # noqa: PLR0913 -- which, how, why and by whom
    """Approve or reject a job as another person than its author. Raises UserError where it is decided already or one's own.

    `dry_run`: everything is done and refused as it would be, and nothing is stored.
    """
    assert kind in {APPROVED, REJECTED}, kind
    with home.begin(dry_run=dry_run) as connection:
        job = _job(connection, job_id)
        if job.state != WAITING:
            raise UserError(f"re-rating {job_id} was {job.state} by {job.steps[-1].by_name}", "plan a new one: ratewright bill rerate ...")
        if kind == APPROVED and same_person(job.by_uid, who.by_uid):
            raise UserError(
                f"{job.by_name} has planned re-rating {job_id}, and cannot approve it",
                "another person has to give the same command",
            )
        _note(Work(home, connection, who), job_id, kind, note)
        job = _job(connection, job_id)
        requests.tell(connection, job)
        commit_points.reached("rerate.before_commit")
    commit_points.reached("rerate.committed")
    return job


def apply(  # noqa: PLR0913 -- which, when, who, and how
    home: Home, job_id: int, on: dt.date, who: Who, *, threads: int = 1, progress: Progress | None = None
) -> Job:
    """Make the documents of an approved job, dated `on`. One that was applied is left as it is.

    Raises UserError when the job is not approved, when its result has changed since (nothing is made then), and when a run is not finished.
    Dates are refused before an invoice that is corrected, before the billed amounts were due for a bill, and if they have not begun.
    """
    with only_run(home, f"re-rating {job_id}", who.now_us):
        with home.connect() as connection:
            job = _job(connection, job_id)
            unfinished = states.unfinished(connection)
        if job.state == APPLIED:
            return msgspec.structs.replace(job, existed=True)
        if job.state != APPROVED:
            raise UserError(
                f"re-rating {job_id} is {job.state}",
                f"another person than {job.by_name} approves it: ratewright bill rerate-approve {job_id}",
            )
        if unfinished is not None:
            raise UserError(
                f"the bill run of {unfinished.bill_date} is not finished",
                f"finish it first: ratewright bill run --date {unfinished.bill_date}",
            )
        found = _find(home, job.request, threads, progress, on)
        _require_same(home, job_id, found)
        with home.begin() as connection:
            _require_date(connection, found.drafts, on, who)
            work = Work(home, connection, who)
            made: list[int | None] = [*_issue(work, job_id, found, on)]
            for run_id in made or [None]:
                _note(work, job_id, APPLIED, "", run_id)
            job = _job(connection, job_id)
            commit_points.reached("rerate.before_commit")
        commit_points.reached("rerate.committed")
    return job


def jobs(home: Home) -> list[Job]:
    """Every job, oldest first."""
    with home.connect() as connection:
        ids = connection.execute(sa.select(tables.rerate_jobs.c.job_id).order_by(tables.rerate_jobs.c.job_id)).scalars().all()
        return [_job(connection, int(job_id)) for job_id in ids]


def _find(home: Home, request: Request, threads: int, progress: Progress | None, on: dt.date | None = None) -> _Found:
    """The differences. `on`: the date of their documents, which have the terms of now for it; None: nothing is made of them."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
        scoped = read(home, connection, request, seq)
        now = None if on is None else facts.load(connection, seq)

    def made_of(part: Part) -> Computed:
        keys = part.known.contracts.facts.account_keys
        terms = None if on is None or now is None else now.bill_terms_of(keys, on)
        return settled(home, part.pinned_seq, part.known, threads=threads, kept=part.kept, document_terms=terms, progress=progress)

    made = [made_of(part) for part in scoped.parts]
    with home.connect() as connection:
        beyond = {key: each for of in made for key, each in given_back.beyond_billed(connection, of.settlement.drafts, seq).items()}
    if request.accounts is None:
        made = [given_back.without(each, beyond) for each in made]
    drafts = made[0].settlement.drafts if len(made) == 1 else joined([each.settlement.drafts for each in made])
    reasons = {key: reason for each in made for key, reason in each.settlement.quarantined.items()}
    ids: dict[int, str] = {}
    for computed in made:
        ids |= _ids(computed.contracts.facts, [*computed.settlement.drafts.account_key.tolist(), *computed.settlement.quarantined])
    accounts = np.concatenate([drafts.account_key, *(_computed(each, part) for each, part in zip(made, scoped.parts, strict=True))])
    quarantined = dict(sorted((ids[key], reason) for key, reason in reasons.items()))
    named = {ids[key]: beyond[key] for key in sorted(beyond.keys() - reasons.keys(), key=ids.__getitem__)}
    found = figures(drafts, ids, len(np.unique(accounts)), scoped.left_alone, quarantined, named)
    found = msgspec.structs.replace(found, moved=scoped.moved)
    left = [each for made_of, part in zip(made, scoped.parts, strict=True) for each in left_by(made_of, part.kept, request.plan)]
    leaves_late = any(part.known.left_alone is not None for part in scoped.parts)
    return _Found(seq, drafts, left, found, _reference(request, drafts), leaves_late, scoped.parts[0].known.instead)


def _computed(made: Computed, part: Part) -> Int64s:
    """The accounts (keys) with the plan for which anything was computed."""
    known = made.contracts.facts
    return known.account_keys[(made.scope.calendar >= 0) & np.isin(known.account_keys, part.kept.accounts)]


def _ids(known: Facts, keys: list[int]) -> dict[int, str]:
    """The ids of accounts by their keys."""
    ids: Any = known.account_ids
    found = ids.take(pa.array(known.account_index(np.array(keys, np.int64))))
    return dict(zip(keys, found.to_pylist(), strict=True))


def _same_jobs(connection: sa.Connection, reference: str) -> list[Job]:
    """Jobs of the same request with the same result, oldest first."""
    row = tables.rerate_jobs.c
    query = sa.select(row.job_id).where((row.reference == reference) | row.reference.startswith(f"{reference}/"))
    return [_job(connection, int(job_id)) for job_id in connection.execute(query.order_by(row.job_id)).scalars()]


def _is_over(connection: sa.Connection, job: Job, found: _Found) -> bool:
    """Return whether a job will have no more effect, though there is something to do.

    A difference that is due again after the job was applied was voided. Where nothing is due, its months may leave other quantities than
    those that count: by now, with those that another job left to them, or again, after a void.
    """
    if job.state != APPLIED:
        return job.state == REJECTED
    return bool(found.drafts) or not carried_allowances.counts(connection, facts.load(connection, found.seq), found.left)


def _reference(request: Request, drafts: Drafts) -> str:
    """An identifier of the request and of every line of its result.

    The places of currency and catalogue move when another catalogue is published. So the currency counts by its name. The catalogue, which
    no document stores, does not count: its effect on a line is in the line's codes, rate and amounts.
    """
    hasher = hashlib.blake2b(msgspec.json.encode(request), digest_size=_HASH_BYTES)
    currency = np.array(drafts.currencies, _CURRENCY)[drafts.currency]
    fields = (drafts.lines[name] for name in LINE.names or () if name not in {"currency", "catalogue"})
    for column in (drafts.account_key, currency, drafts.first_line, *fields):
        hasher.update(np.ascontiguousarray(column).data)
    return hasher.hexdigest()


def _require_same(home: Home, job_id: int, found: _Found) -> None:
    row = tables.rerate_jobs.c
    with home.connect() as connection:
        reference = connection.execute(sa.select(row.reference).where(row.job_id == job_id)).scalar_one()
    if reference.partition("/")[0] != found.reference:
        net = ", ".join(f"{amount} micro-units {currency}" for currency, amount in found.figures.net_micros.items()) or "nothing"
        accounts = counted(found.figures.accounts, "account")
        raise UserError(
            f"what re-rating {job_id} comes to has changed since it was approved: it is {net} now, of {accounts}",
            "plan it again and have it approved again; nothing was made",
        )


def _require_date(connection: sa.Connection, drafts: Drafts, on: dt.date, who: Who) -> None:
    """Raises UserError for a date before the corrected invoices or their first bill, and for one that has not begun for each account.

    An invoice may be dated ahead of the clock, by its bill date; then so may its correction.
    """
    invoice, account = tables.invoices.c, tables.accounts.c
    dated = sa.select(invoice.issued_on, invoice.number)
    about = np.unique(drafts.lines["corrects"]).tolist()
    corrected = [row for lot in chunks(about) for row in connection.execute(dated.where(invoice.invoice_key.in_(lot or ())))]
    newest = max(corrected, default=None)
    if newest is not None and on.isoformat() < newest[0]:
        what = f"{newest[1]}, which it corrects, was issued on {newest[0]}"
        raise UserError(f"a re-rating cannot be dated {on}: {what}", "give that date or a later one")
    zones = sa.select(account.timezone).distinct()
    lots = chunks(drafts.account_key.tolist())
    names = {zone for lot in lots for zone in connection.execute(zones.where(account.account_key.in_(lot or ()))).scalars()}
    today = clocks.clocks(names, who.now_us)[0].today
    if on > today and (newest is None or on.isoformat() > newest[0]):
        raise UserError(f"a re-rating cannot be dated {on}: today is {today}", "give a date that has come")
    first = _first_bill(drafts.lines, today)
    if on < first:
        what = f"it bills charges that no bill before {first} can have"
        raise UserError(f"a re-rating cannot be dated {on}: {what}", "give that date or a later one")


def _first_bill(lines: Lines, today: dt.date) -> dt.date:
    """The date of the first bill that can have the charges of these lines that no invoice has billed: when each period has ended.

    Of a period that goes on there are only fees in advance (or its bill was dated ahead of the clock): those are billed as it begins. The
    condition of `billed_lines` holds either way: nothing is billed before its period begins.
    """
    fresh = lines[lines["corrects"] == 0]
    days = np.where(fresh["period_to"] <= day_number(today), fresh["period_to"], fresh["period_from"])
    return day_of(int(days.max(initial=0)))


def _issue(work: Work, job_id: int, found: _Found, on: dt.date) -> list[int]:
    """Invoices for accounts that pay more, credit notes for those that pay less; and the quantities left, with the last. Their run ids.

    Where something is left and no bill differs there is a run without documents: later months may differ by the quantities left to them.
    """
    drafts, made = found.drafts, list[int]()
    total = drafts.net_micros() + drafts.tax_micros()
    for rows, kind, effect in ((total >= 0, INVOICE, None), (total < 0, CREDIT_NOTE, "advance")):
        part = part_of(drafts, np.flatnonzero(rows), on, kind)
        if part or (found.left and not made and kind == CREDIT_NOTE):
            rules = {LEAVES_LATE: found.leaves_late, LATE_RULE: RULE, AS_BILLED: marks.as_texts(found.as_billed)}
            detail = {"job": job_id, **rules}
            made.append(issue(work, part, RUN_KIND, detail, effect=effect).run_id)
    if made:
        carried_allowances.store(work.connection, made[-1], found.left)
    return made


def _note(work: Work, job_id: int, kind: str, note: str, run_id: int | None = None) -> None:
    seq, who = work.next_seq("rerate"), work.who
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    work.connection.execute(tables.rerate_decisions.insert().values(job_id=job_id, kind=kind, note=note, run_id=run_id, **by))


def _job(connection: sa.Connection, job_id: int) -> Job:
    job, decision = tables.rerate_jobs.c, tables.rerate_decisions.c
    row = connection.execute(sa.select(tables.rerate_jobs).where(job.job_id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no re-rating {job_id}", "`ratewright bill rerate-list` shows all of them")
    decided = connection.execute(sa.select(tables.rerate_decisions).where(decision.job_id == job_id).order_by(decision.decision_id)).all()
    said = next((each.by_name for each in reversed(decided) if each.kind in {APPROVED, REJECTED}), "")
    taken = dict.fromkeys(Step(each.kind, each.by_name, int(each.at_us), each.note or "") for each in decided)  # one row a run
    first_day, after_day = msgspec.json.decode(row.periods, type=_Days)
    accounts = msgspec.json.decode(row.accounts, type=tuple[str, ...] | None)
    return Job(
        job_id=job_id,
        request=Request(row.plan, row.version, first_day, after_day, accounts),
        pinned_seq=row.pinned_seq,
        figures=msgspec.json.decode(row.preview, type=Figures),
        by_name=row.by_name,
        by_uid=row.by_uid,
        state=decided[-1].kind if decided else WAITING,
        decided_by=said,
        run_ids=tuple(each.run_id for each in decided if each.run_id is not None),
        steps=(Step(PLANNED, row.by_name, int(row.at_us)), *taken),
    )
