"""Names for the moments at which a crash must do no harm, so that a test can crash at each of them.

`reached(name)` does nothing, unless the environment says RATEWRIGHT_KILL_AT=name (or name:3 for the third time): then the process
kills itself as the kernel would, without a chance to tidy up. Every durable step stands in POINTS; a new one cannot be forgotten,
because `reached` refuses names that are not there and the tests go through all of them.
"""

from __future__ import annotations

import collections
import os
import signal
from typing import Final

VARIABLE: Final = "RATEWRIGHT_KILL_AT"
POINTS: Final = {
    # copies of a home
    "copy.before_commit": "a copy of a database is written and compared, not committed",
    "copy.database_copied": "a copy of a database is committed, and its folder is not a home yet",
    "copy.committed": "the folder of a copy is a home, and no caller has an answer",
    # upgrades of a home
    "upgrade.before_part_commit": "a part of a long step of an upgrade is written, not committed",
    "upgrade.part_committed": "a part of a long step of an upgrade is committed, and others are left",
    # usage that came too late
    "late.before_commit": "a decision on late usage is written with its adjustments, or taken back, not committed",
    "late.committed": "a decision on late usage is committed",
    # accounts, catalogue
    "draft.before_commit": "a draft of a tariff is written, not committed",
    "draft.committed": "a draft of a tariff is committed",
    "decision.before_commit": "a review, repeal or what-if of a tariff is written, not committed",
    "decision.committed": "a review, repeal or what-if of a tariff is committed",
    "catalogue.before_commit": "a publication is written, not committed",
    "catalogue.committed": "a publication is committed",
    "accounts.before_commit": "all rows of an import are written, not committed",
    "accounts.committed": "an import is committed",
    "accounts.change_before_commit": "the facts of one command about accounts are written, not committed",
    "accounts.change_committed": "the facts of one command about accounts are committed",
    # intake
    "intake.journal_written": "a batch is appended to the journal, not synced",
    "intake.journal_synced": "a batch is on disk, and no manifest row names it",
    "intake.before_commit": "manifest, counts and suspense are written, not committed",
    "intake.committed": "a batch counts, and no caller has an answer",
    "stream.before_commit": "a usage stream is made or finalized, not committed",
    "stream.committed": "a usage stream is made or finalized, and no caller has an answer",
    "seal.files_written": "Parquet files are on disk, and no manifest row names them",
    "seal.before_commit": "the manifest points to the Parquet files, not committed",
    "seal.committed": "the Parquet files count, and the journal segments still exist",
    "seal.segments_deleted": "the sealed journal segments are gone",
    "seal.index_written": "a snapshot of the index of known records is on disk, and no row names it",
    "seal.index_committed": "a snapshot of the index of known records is named, and older ones still exist",
    # collection
    "collect.claimed": "a file is renamed into the claims of a collector, and nothing of it is taken",
    "collect.taken": "the records of a claimed file count, and it is not noted as collected",
    "collect.before_commit": "a collected file and its place in the archive are written, not committed",
    "collect.noted": "a collected file is noted, and still lies among the claims",
    "collect.reason_written": "the reason lies among the rejected files, its file still among the claims",
    "collect.moved": "a collected file is in its last place, and its claim is not tidied away",
    "waiver.before_commit": "the waiver of a finding is written, not committed",
    "waiver.committed": "the waiver of a finding is committed",
    # suspense
    "suspense.before_commit": "a proposal, a word about one or a limit is written, not committed",
    "suspense.committed": "a proposal, a word about one or a limit is committed",
    # bill runs
    "run.started": "the run row has pinned its sequence number",
    "run.charge_file_written": "a charge file is on disk, and no manifest row names it",
    "run.charges_written": "all charge files are on disk, and no manifest row names them",
    "run.drafts_written": "the list of invoices is frozen in files, and no row names them",
    "run.before_computed_commit": "the frozen list is named, not committed",
    "run.computed": "the frozen list is named, and nothing of it is numbered",
    "run.before_numbering_commit": "invoices, lines and terms are written, not committed",
    "run.numbered": "invoices have their numbers, and nothing of them is in the ledger",
    "run.before_posting_commit": "a chunk of invoices is posted, not committed",
    "run.chunk_posted": "a chunk of invoices is in the ledger",
    "run.before_posted_commit": "the run is called posted, not committed",
    "run.posted": "the run is posted, and no caller has an answer",
    "follow.before_commit": "findings and alarms of a run are stored, and that it was followed up is written, not committed",
    "follow.committed": "a run was followed up, and no caller has an answer",
    # operations of the service
    "operation.before_commit": "an operation is written, and its request, not committed",
    "operation.committed": "an operation is committed, and its process is not there yet",
    "operation.before_end_commit": "the work of an operation is done, and its end is written, not committed",
    "operation.end_committed": "the end of an operation is committed, and its files are not tidied away",
    # approval of runs, findings of controls
    "approval.before_commit": "a word about the list of a run is written, not committed",
    "approval.committed": "a word about the list of a run is committed",
    "threshold.before_commit": "interim bills and the thresholds they are of are written, not committed",
    "threshold.committed": "interim bills are committed, and no caller has an answer",
    "finding.before_commit": "findings of the books, or a word about one, are written, not committed",
    "finding.committed": "findings of the books, or a word about one, are committed",
    # payments, dunning
    "payment.before_commit": "a payment, its posting and allocations are written, not committed",
    "payment.committed": "a payment is committed, and no caller has an answer",
    "rerate.before_commit": "a re-rating, a word about one or its documents are written, not committed",
    "rerate.committed": "a re-rating, a word about one or its documents are committed",
    "setting.before_commit": "a setting is written, not committed",
    "setting.committed": "a setting is committed",
    "agreement.before_commit": "a second person's word about what waits is written, not committed",
    "agreement.committed": "a second person's word about what waits is committed",
    "ledger.before_commit": "an entry or a decision of the ledger is written, not committed",
    "ledger.committed": "an entry or a decision of the ledger is committed",
    # documents beside the cycle
    "document.before_commit": "a void, a credit note, opening documents or an adjustment is written, not committed",
    "document.committed": "a void, a credit note, opening documents or an adjustment is committed",
    "undo.before_commit": "the undoing of a run, a proposal of it or its withdrawal is written, not committed",
    "undo.committed": "the undoing of a run, a proposal of it or its withdrawal is committed",
    "alarm.before_commit": "alarms about bills, or a word about one, are written, not committed",
    "alarm.committed": "alarms about bills, or a word about one, are committed",
    "dunning.before_commit": "steps and facts of dunning are written, not committed",
    "dunning.committed": "steps and facts of dunning are committed",
    "dunning_undo.before_commit": "a word about undoing a run of dunning is written, with its facts, not committed",
    "dunning_undo.committed": "a word about undoing a run of dunning is committed",
    "dunning_policy.before_commit": "a policy of dunning is written, not committed",
    "dunning_policy.committed": "a policy of dunning is committed",
}

_times: collections.Counter[str] = collections.Counter()


def reached(name: str) -> None:
    """Say that the step `name` has just been taken."""
    assert name in POINTS, name
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    wanted_name, _, wanted_time = wanted.partition(":")
    if wanted_name != name:
        return
    _times[name] += 1
    if _times[name] == int(wanted_time or 1):
        os.kill(os.getpid(), signal.SIGKILL)
