"""The service that does a command: one connection, and the calls of each group of commands."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from server.cli.remote import calling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.cli.homes import Place
    from server.cli.remote.accounts.changes import AccountChanges
    from server.cli.remote.accounts.exports import AccountExports
    from server.cli.remote.accounts.imports import AccountImports
    from server.cli.remote.accounts.parties import Parties, PartyChanges
    from server.cli.remote.accounts.reading import Accounts
    from server.cli.remote.accounts.unbilled import Unbilled
    from server.cli.remote.adjustments import Adjustments
    from server.cli.remote.approvals import Approvals
    from server.cli.remote.audit import Audit
    from server.cli.remote.bill_runs.follow_ups import FollowUps
    from server.cli.remote.bill_runs.reratings import Reratings
    from server.cli.remote.bill_runs.running import BillRuns
    from server.cli.remote.bill_runs.thresholds import Thresholds
    from server.cli.remote.controls import Controls
    from server.cli.remote.documents.corrections import Corrections
    from server.cli.remote.documents.explanations import Explanations
    from server.cli.remote.documents.reading import Invoices
    from server.cli.remote.documents.usage_lists import UsageLists
    from server.cli.remote.dunning import Dunning
    from server.cli.remote.ledger.month_ends import MonthEnds
    from server.cli.remote.ledger.reading import Ledger
    from server.cli.remote.ledger.write_offs import WriteOffs
    from server.cli.remote.payments.agreements import Agreements
    from server.cli.remote.payments.deposits import Deposits
    from server.cli.remote.payments.recording import Payments
    from server.cli.remote.prices import Prices
    from server.cli.remote.settings import Settings
    from server.cli.remote.tariffs.versions import Tariffs
    from server.cli.remote.usage.late_usage import LateUsage
    from server.cli.remote.usage.suspense import Suspense
    from server.cli.remote.usage.suspense_choices import SuspenseChoices
    from server.cli.remote.usage.usage_files import UsageFiles
    from server.cli.remote.usage.usage_find import UsageFind
    from server.cli.remote.usage.usage_reports import UsageReports
    from server.cli.remote.usage.usage_upkeep import UsageUpkeep
    from server.client import Connection


class Service:
    """Calls by groups of commands. A group is imported when a command asks for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def is_practice(self) -> bool:
        """True where the last answer came from a practice home."""
        return self._connection.is_practice

    @functools.cached_property
    def accounts(self) -> Accounts:
        """`accounts list|show|find`, `accounts entity list`."""
        from server.cli.remote.accounts.reading import Accounts

        return Accounts(self._connection)

    @functools.cached_property
    def account_imports(self) -> AccountImports:
        """`accounts import`."""
        from server.cli.remote.accounts.imports import AccountImports

        return AccountImports(self._connection)

    @functools.cached_property
    def account_exports(self) -> AccountExports:
        """`accounts export`."""
        from server.cli.remote.accounts.exports import AccountExports

        return AccountExports(self._connection)

    @functools.cached_property
    def unbilled(self) -> Unbilled:
        """`bill unbilled`."""
        from server.cli.remote.accounts.unbilled import Unbilled

        return Unbilled(self._connection)

    def account_changes(self, *, dry_run: bool) -> AccountChanges:
        """`accounts open|activate|...`, `accounts entity add`."""
        from server.cli.remote.accounts.changes import AccountChanges

        return AccountChanges(self._connection, dry_run=dry_run)

    @functools.cached_property
    def parties(self) -> Parties:
        """`party show`, `entity show`."""
        from server.cli.remote.accounts.parties import Parties

        return Parties(self._connection)

    def party_changes(self, *, dry_run: bool) -> PartyChanges:
        """`party set|end|retract`, `entity set|end|retract`."""
        from server.cli.remote.accounts.parties import PartyChanges

        return PartyChanges(self._connection, dry_run=dry_run)

    @functools.cached_property
    def payments(self) -> Payments:
        """`payment record|cash|till|list|import|worklist|refund|reverse|chargeback|events`."""
        from server.cli.remote.payments.recording import Payments

        return Payments(self._connection)

    @functools.cached_property
    def deposits(self) -> Deposits:
        """`payment deposit`."""
        from server.cli.remote.payments.deposits import Deposits

        return Deposits(self._connection)

    @functools.cached_property
    def agreements(self) -> Agreements:
        """`payment promise|instalments`."""
        from server.cli.remote.payments.agreements import Agreements

        return Agreements(self._connection)

    @functools.cached_property
    def adjustments(self) -> Adjustments:
        """`adjustment`."""
        from server.cli.remote.adjustments import Adjustments

        return Adjustments(self._connection)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """`ledger balance|revenue|check|export|months|reopen`."""
        from server.cli.remote.ledger.reading import Ledger

        return Ledger(self._connection)

    @functools.cached_property
    def write_offs(self) -> WriteOffs:
        """`ledger write-off|write-offs`."""
        from server.cli.remote.ledger.write_offs import WriteOffs

        return WriteOffs(self._connection)

    @functools.cached_property
    def controls(self) -> Controls:
        """`controls` and its findings, `status`."""
        from server.cli.remote.controls import Controls

        return Controls(self._connection)

    @functools.cached_property
    def invoices(self) -> Invoices:
        """`invoice list|show`, `payment statement`, `ledger ageing`."""
        from server.cli.remote.documents.reading import Invoices

        return Invoices(self._connection)

    @functools.cached_property
    def usage_lists(self) -> UsageLists:
        """`invoice usage`."""
        from server.cli.remote.documents.usage_lists import UsageLists

        return UsageLists(self._connection)

    @functools.cached_property
    def explanations(self) -> Explanations:
        """`invoice explain`."""
        from server.cli.remote.documents.explanations import Explanations

        return Explanations(self._connection)

    @functools.cached_property
    def corrections(self) -> Corrections:
        """`invoice void|reissue|credit`."""
        from server.cli.remote.documents.corrections import Corrections

        return Corrections(self._connection)

    @functools.cached_property
    def dunning(self) -> Dunning:
        """`dunning` and its policies."""
        from server.cli.remote.dunning import Dunning

        return Dunning(self._connection)

    @functools.cached_property
    def prices(self) -> Prices:
        """`quote` and `bill explain`."""
        from server.cli.remote.prices import Prices

        return Prices(self._connection)

    @functools.cached_property
    def tariffs(self) -> Tariffs:
        """`tariffs` of files, drafts and versions."""
        from server.cli.remote.tariffs.versions import Tariffs

        return Tariffs(self._connection)

    @functools.cached_property
    def bill_runs(self) -> BillRuns:
        """`bill run|retry|preview|list|trial|approve|reject|abandon|quarantine`."""
        from server.cli.remote.bill_runs.running import BillRuns

        return BillRuns(self._connection)

    @functools.cached_property
    def follow_ups(self) -> FollowUps:
        """`bill undo|due|alarms|refused|opening`."""
        from server.cli.remote.bill_runs.follow_ups import FollowUps

        return FollowUps(self._connection)

    @functools.cached_property
    def thresholds(self) -> Thresholds:
        """`bill thresholds`."""
        from server.cli.remote.bill_runs.thresholds import Thresholds

        return Thresholds(self._connection)

    @functools.cached_property
    def reratings(self) -> Reratings:
        """`bill rerate` and what is done with a re-rating."""
        from server.cli.remote.bill_runs.reratings import Reratings

        return Reratings(self._connection)

    @functools.cached_property
    def month_ends(self) -> MonthEnds:
        """`ledger month-end`."""
        from server.cli.remote.ledger.month_ends import MonthEnds

        return MonthEnds(self._connection)

    @functools.cached_property
    def approvals(self) -> Approvals:
        """`approvals list|agree|refuse`."""
        from server.cli.remote.approvals import Approvals

        return Approvals(self._connection)

    @functools.cached_property
    def usage_files(self) -> UsageFiles:
        """`usage ingest|findings`."""
        from server.cli.remote.usage.usage_files import UsageFiles

        return UsageFiles(self._connection)

    @functools.cached_property
    def usage_upkeep(self) -> UsageUpkeep:
        """`usage seal|assemble`."""
        from server.cli.remote.usage.usage_upkeep import UsageUpkeep

        return UsageUpkeep(self._connection)

    @functools.cached_property
    def suspense(self) -> Suspense:
        """`usage suspense`, but for choices among versions."""
        from server.cli.remote.usage.suspense import Suspense

        return Suspense(self._connection)

    @functools.cached_property
    def suspense_choices(self) -> SuspenseChoices:
        """`usage suspense resolve|take-back`."""
        from server.cli.remote.usage.suspense_choices import SuspenseChoices

        return SuspenseChoices(self._connection)

    @functools.cached_property
    def usage_find(self) -> UsageFind:
        """`usage find`."""
        from server.cli.remote.usage.usage_find import UsageFind

        return UsageFind(self._connection)

    @functools.cached_property
    def usage_reports(self) -> UsageReports:
        """`usage report`."""
        from server.cli.remote.usage.usage_reports import UsageReports

        return UsageReports(self._connection)

    @functools.cached_property
    def late_usage(self) -> LateUsage:
        """`usage too-late`."""
        from server.cli.remote.usage.late_usage import LateUsage

        return LateUsage(self._connection)

    @functools.cached_property
    def audit(self) -> Audit:
        """`audit show|verify`."""
        from server.cli.remote.audit import Audit

        return Audit(self._connection)

    @functools.cached_property
    def settings(self) -> Settings:
        """`settings`, `payment order`."""
        from server.cli.remote.settings import Settings

        return Settings(self._connection)


@contextlib.contextmanager
def connected(place: Place) -> Iterator[Service]:
    """The service of a place, with its refusals as errors of the command."""
    with calling.connected(place) as connection:
        yield Service(connection)
