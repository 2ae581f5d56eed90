"""The work of each kind of operation: its request, and what is done in its process. Each may be done again, and goes on where it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from billing.accounting.closing import Closing
from billing.catalogue import Operator
from billing.controls import Book
from billing.controls.findings import Finding
from billing.documents import interim
from billing.documents.interim import InterimRun
from billing.invoicing.forms import InvoiceDraft
from billing.persons import Who
from billing.rerate import jobs
from billing.rerate.figures import Figures
from billing.rerate.jobs import Job
from billing.rerate.request import Request, request
from billing.runs import quarantine_retry
from billing.runs.reports import RunReport
from billing.runs.start import Order
from billing.runs.states import By
from billing.runs.trial import Trial
from billing.store.home import Home
from billing.what_if import WhatIf
from server.actions import bill_runs, catalogues, month_end, what_if
from server.actions.threads import thread_count

if TYPE_CHECKING:
    from billing.runs.preview import Preview

# Progress of the only stage of work that has no stages.
_EVENTS: Final = "price usage"
BILLS_MAX: Final = 1_000  # of a preview of many accounts: an operation is a row
WHOLE_BILLS_MAX: Final = 100  # of a preview whose bills are kept with their lines


class Bench(NamedTuple):
    """The tools of work: the home, who acts, the clock, where progress goes.

    `run_id`: the run that it goes on with; `resumes`: an operation before it did a part of the work.
    """

    home: Home
    by: Operator
    clock: Callable[[], int]
    progress: Callable[[str, int, int], None]
    run_id: int | None = None
    resumes: bool = False

    @property
    def who(self) -> Who:
        """The person, and now."""
        return Who(self.by.name, self.by.uid, self.clock())


class FollowedRun(msgspec.Struct, frozen=True):
    """A posted run with its books, all findings that were open then, and new alarms."""

    run: RunReport
    books: tuple[Book, ...]
    open_findings: tuple[Finding, ...]
    alarms: int


class RunEnded(msgspec.Struct, frozen=True):
    """A run as it ended: its report, its list beside the last period where it stopped there, open findings, new alarms.

    `followed`: the run and those that were not followed up before.
    """

    run: RunReport
    trial: Trial | None = None
    findings: tuple[Finding, ...] = ()
    alarms: int = 0
    balances: bool = True
    waits: bool = False
    followed: tuple[FollowedRun, ...] = ()


class Bill(msgspec.Struct, frozen=True):
    """A bill that would be made."""

    account_id: str
    period_from: str
    period_to: str
    currency: str
    net_micros: int
    tax_micros: int


class Previewed(msgspec.Struct, frozen=True):
    """A preview as it is kept: the first BILLS_MAX bills without lines, and sums by currency of all of them.

    `drafts`: the same bills with their lines, where there are few; `seq`: the last commit that it knows.
    """

    bill_date: str
    bills: tuple[Bill, ...]
    bill_count: int
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    quarantined: dict[str, str]
    put_aside: dict[str, str]
    findings: dict[str, str]
    refused: str
    goes_on: int
    waits: bool
    seq: int = 0
    events: dict[str, int] = {}
    left_out: dict[str, int] = {}
    drafts: tuple[InvoiceDraft, ...] = ()


class RunBills(msgspec.Struct, frozen=True, tag_field="kind", tag="bill_run"):
    """A run of the cycle, or its preview."""

    bill_date: dt.date
    accounts: tuple[str, ...] | None = None
    trial: bool = False
    everything: bool = False
    ahead: str = ""
    wait: bool = False
    threads: int = 0
    dry_run: bool = False
    resume: bool = False  # only go on with the run of the operation

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"{'preview' if self.dry_run else 'bill run'} {self.bill_date}"

    def done(self, bench: Bench) -> RunEnded | Previewed:
        """Run it, or go on with it."""
        accounts = None if self.accounts is None else frozenset(self.accounts)
        order = Order(
            By(bench.by.name, bench.by.uid), accounts, self.trial, self.resume, everything=self.everything, wait=self.wait, ahead=self.ahead
        )
        how: dict[str, Any] = {"threads": thread_count(self.threads), "progress": bench.progress}
        if self.dry_run:
            return previewed(bill_runs.preview(bench.home, self.bill_date, order, bench.clock, **how))
        if bench.run_id is not None and (bench.resumes or (self.resume and self.accounts is None)):
            return _ended(bill_runs.go_on(bench.home, bench.run_id, order, bench.clock, **how))
        return _ended(bill_runs.run(bench.home, self.bill_date, order, bench.clock, **how))


class RetryRun(msgspec.Struct, frozen=True, tag_field="kind", tag="retry"):
    """Accounts of a run in quarantine, billed again, or a preview of that."""

    of_run: int
    bill_date: dt.date
    threads: int = 0
    dry_run: bool = False

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"{'preview' if self.dry_run else 'bill run'} {self.bill_date}"

    def done(self, bench: Bench) -> RunEnded | Previewed:
        """Try them again, or go on with the run that does."""
        by = By(bench.by.name, bench.by.uid)
        how: dict[str, Any] = {"threads": thread_count(self.threads), "progress": bench.progress}
        if self.dry_run:
            return previewed(quarantine_retry.preview(bench.home, self.of_run, bench.clock(), by, **how))
        if bench.run_id is not None:
            return _ended(bill_runs.go_on(bench.home, bench.run_id, Order(by), bench.clock, **how))
        return _ended(bill_runs.retry(bench.home, self.of_run, by, bench.clock, **how))


class Thresholds(msgspec.Struct, frozen=True, tag_field="kind", tag="thresholds"):
    """Interim bills of usage that reached a threshold."""

    bill_date: dt.date
    threads: int = 0
    dry_run: bool = False

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"{'preview of ' if self.dry_run else ''}thresholds {self.bill_date}"

    def done(self, bench: Bench) -> InterimRun:
        """Make them."""
        bench.progress(_EVENTS, 0, 0)
        if self.dry_run:
            return interim.preview(bench.home, self.bill_date, bench.clock(), threads=thread_count(self.threads))
        return interim.run(bench.home, self.bill_date, bench.who, threads=thread_count(self.threads))


class PlanRerating(msgspec.Struct, frozen=True, tag_field="kind", tag="rerating"):
    """A re-rating, or what it would come to."""

    plan: str
    version: int
    months: str
    accounts: tuple[str, ...] | None = None
    threads: int = 0
    dry_run: bool = False

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"re-rating of {self.plan}@{self.version} {self.months}"

    def wanted(self) -> Request:
        """The request of billing. Raises UserError for one that makes no sense."""
        return request(self.plan, self.version, self.months, self.accounts)

    def done(self, bench: Bench) -> Rerated:
        """Plan it."""
        how: dict[str, Any] = {"threads": thread_count(self.threads), "progress": bench.progress}
        if self.dry_run:
            return Rerated(self.wanted(), jobs.preview(bench.home, self.wanted(), **how))
        job = jobs.plan(bench.home, self.wanted(), bench.who, **how)
        return Rerated(job.request, job.figures, job)


class ApplyRerating(msgspec.Struct, frozen=True, tag_field="kind", tag="apply_rerating"):
    """The documents of an approved re-rating."""

    job_id: int
    issued_on: dt.date
    threads: int = 0

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"re-rating {self.job_id}"

    def done(self, bench: Bench) -> Rerated:
        """Make them."""
        how: dict[str, Any] = {"threads": thread_count(self.threads), "progress": bench.progress}
        job = jobs.apply(bench.home, self.job_id, self.issued_on, bench.who, **how)
        return Rerated(job.request, job.figures, job)


class Rerated(msgspec.Struct, frozen=True):
    """A re-rating: what was asked, what it comes to, and its job where one is stored."""

    request: Request
    figures: Figures
    job: Job | None = None


class CloseMonth(msgspec.Struct, frozen=True, tag_field="kind", tag="month_end"):
    """The end of a month: closed, or what that would post."""

    month: str
    entity: str = ""
    note: str = ""
    dry_run: bool = False

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"month end {self.month} {self.entity}".rstrip()

    def done(self, bench: Bench) -> Closing:
        """Close it."""

        def report(done: int, total: int) -> None:
            bench.progress(_EVENTS, done, total)

        return month_end.close(bench.home, self.month, self.entity, self.note, bench.who, dry_run=self.dry_run, progress=report)


class TryTariff(msgspec.Struct, frozen=True, tag_field="kind", tag="what_if"):
    """A draft, tried on a stored month."""

    catalogue: str
    month: str
    plan: str = ""
    migrations: tuple[str, ...] = ()
    threads: int = 0
    dry_run: bool = False

    @property
    def subject(self) -> str:
        """The thing that one operation at a time works on."""
        return f"what-if of {self.catalogue} {self.month}"

    def done(self, bench: Bench) -> Tried:
        """Price the month twice."""
        bench.progress(_EVENTS, 0, 0)
        draft = catalogues.named(bench.home, self.catalogue)
        report = what_if.run(bench.home, draft, self.month, self.plan, self.migrations, threads=thread_count(self.threads))
        kept = None if self.dry_run else what_if.keep(bench.home, draft, report, bench.by, bench.clock())
        return Tried(report, bool(kept))


class Tried(msgspec.Struct, frozen=True):
    """A what-if, and whether it was kept that the draft was tried."""

    report: WhatIf
    kept: bool


Work = RunBills | RetryRun | Thresholds | PlanRerating | ApplyRerating | CloseMonth | TryTariff
Result = RunEnded | Previewed | InterimRun | Rerated | Closing | Tried
RESULTS: Final[dict[str, Any]] = {
    "bill_run": RunEnded,
    "preview": Previewed,
    "retry": RunEnded,
    "thresholds": InterimRun,
    "rerating": Rerated,
    "apply_rerating": Rerated,
    "month_end": Closing,
    "what_if": Tried,
}


def kind_of(work: Work) -> str:
    """The kind of an operation: that of its request, and `preview` for one that only shows what a run would bill."""
    is_preview = isinstance(work, RunBills | RetryRun) and work.dry_run
    return "preview" if is_preview else str(msgspec.to_builtins(work)["kind"])


def read_work(text: str) -> Work:
    """The request of an operation from its JSON."""
    found: Work = msgspec.json.decode(text, type=Work)
    return found


def read_result(kind: str, text: str) -> Result:
    """The result of an operation from its JSON."""
    found: Result = msgspec.json.decode(text, type=RESULTS[kind])
    return found


def previewed(found: Preview, *, whole_max: int = WHOLE_BILLS_MAX) -> Previewed:
    """A preview as it is kept; `whole_max`: the most bills that are kept with their lines."""
    net: dict[str, int] = {}
    tax: dict[str, int] = {}
    for draft in found.drafts:
        net[draft.currency] = net.get(draft.currency, 0) + draft.net_micros
        tax[draft.currency] = tax.get(draft.currency, 0) + draft.tax_micros
    bills = tuple(
        Bill(account_id, draft.period_from, draft.period_to, draft.currency, draft.net_micros, draft.tax_micros)
        for account_id, draft in zip(found.account_ids[:BILLS_MAX], found.drafts[:BILLS_MAX], strict=True)
    )
    return Previewed(
        bill_date=found.bill_date,
        bills=bills,
        bill_count=len(found.drafts),
        net_micros=net,
        tax_micros=tax,
        quarantined=found.quarantined,
        put_aside=found.put_aside,
        findings=found.findings,
        refused=found.refused,
        goes_on=found.goes_on,
        waits=found.waits,
        seq=found.seq,
        events=found.events,
        left_out=found.left_out,
        drafts=found.drafts if len(found.drafts) <= whole_max else (),
    )


def _ended(ended: bill_runs.Ended) -> RunEnded:
    open_ones = tuple(each for of in ended.followed[-1:] for each in of.open_findings)
    alarms = sum(each.alarms for each in ended.followed)
    followed = tuple(
        FollowedRun(report, tuple(of.books), tuple(of.open_findings), of.alarms)
        for of, report in zip(ended.followed, ended.reports, strict=True)
    )
    return RunEnded(ended.run, ended.trial, open_ones, alarms, ended.balances, ended.waits, followed)
