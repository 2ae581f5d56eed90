"""Each write is repeated when its answer was lost and much has changed since: the answer is that of its own commit, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from server.operations import doing, processes
from tests.billing.runs.world import World, instant_us
from tests.billing.too_late import late_world
from tests.server.access import write_sequences as sequences
from tests.server.access.conftest import NOW_US, Guarded
from tests.server.access.lost_answers import Letters, writes
from tests.server.cli.remote.runs.test_follow_ups import prepared
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow


class Sequence(NamedTuple):
    """Writes in a home, and the calls among them, which `writes` must have."""

    write: Callable[[Letters], None]
    calls: str
    prepare: Callable[[World], object] = bill_two
    now_us: int = NOW_US


SEQUENCES: Final = {
    "payments": Sequence(
        sequences.payments,
        "PaymentService: RecordPayment ImportBankFile AllocateBankLine ReturnBankLine RefundPayment ReversePayment ChargeBackPayment "
        "TakeDeposit ReleaseDeposit RefundDeposit RecordPromise AgreeInstalmentPlan EndInstalmentPlan; "
        "ApprovalService: AgreeApproval RefuseApproval",
    ),
    "documents": Sequence(
        sequences.documents,
        "InvoiceService: CreditInvoice VoidInvoice ReissueInvoice; LedgerService: WriteOffInvoice UndoWriteOff; "
        "PaymentService: RecordPayment",
    ),
    "undoing": Sequence(sequences.undoing, "BillRunService: UndoBillRun WithdrawBillRunUndo"),
    "adjustments": Sequence(sequences.adjustments, "AdjustmentService: AddAdjustment"),
    "dunning": Sequence(sequences.dunning, "DunningService: AddDunningPolicy RunDunning UndoDunningRun ApproveDunningUndo"),
    "settings": Sequence(sequences.settings, "SettingsService: SetSetting ApproveSetting; UsageService: SetSuspenseLimit"),
    "accounts": Sequence(sequences.accounts, "AccountService: ChangeAccount AddLegalEntity ImportAccounts"),
    "parties": Sequence(sequences.parties, "PartyService: RecordPartyFact EndPartyFact RetractPartyFact"),
    "runs": Sequence(
        sequences.runs,
        "BillRunService: RunBills RejectBillRun AbandonBillRun ApproveBillRun ResumeBillRun PlanRerating ApproveRerating ApplyRerating "
        "RejectRerating CloseMonth; LedgerService: ExportLedger ReopenMonth",
    ),
    "findings": Sequence(sequences.findings, "ControlService: KeepFindings AssignFinding CloseFinding"),
    "suspense": Sequence(
        sequences.suspense,
        "UsageService: CorrectSuspense RecycleSuspense WriteOffSuspense RejectSuspenseProposal ApproveSuspenseProposal",
    ),
    "streams": Sequence(sequences.streams, "UsageService: CreateUsageStream FinalizeUsageStream"),
    "tariffs": Sequence(
        sequences.tariffs, "TariffService: DraftTariff ApproveTariffDraft PublishTariff RejectTariffDraft RepealTariff", lambda _: None
    ),
    "late usage": Sequence(
        sequences.late_usage,
        "UsageService: BillLateUsage TakeBackLateUsage WriteOffLateUsage",
        late_world.late,
        instant_us("2026-03-02T10:00"),
    ),
    "after runs": Sequence(
        sequences.after_runs,
        "BillRunService: IssueOpeningDocuments TellBillAlarm DismissBillAlarm; PaymentService: RecordPayment",
        prepared,
    ),
}
# Writes of one message that no sequence has.
LEFT_OUT: Final = {
    "BillRunService.RetryBillRun": "an operation; its answer is made as that of RunBills",
    "BillRunService.BillThresholds": "an operation, as well",
    "BillRunService.RunWhatIf": "an operation, as well",
    "BillRunService.ResumeOperation": "an operation, as well",
    "UsageService.ResolveSuspense": "a repeat names what counts and the proposal, not the versions, which may change; see test_suspense.py",
    "UsageService.TakeBackResolution": "as ResolveSuspense",
    "UsageService.WaiveFileFinding": "a finding that is waived changes no more; it needs collected files",
}


def _names(sequence: Sequence) -> set[str]:
    parts = (part.split(":") for part in sequence.calls.split(";"))
    return {f"{service.strip()}.{name}" for service, names in parts for name in names.split()}


def test_every_write_is_here_or_left_out_with_a_reason() -> None:
    here = {name for sequence in SEQUENCES.values() for name in _names(sequence)}
    assert here | LEFT_OUT.keys() == writes()
    assert not here & LEFT_OUT.keys()


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_repeat_has_the_answer_of_its_commit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spawn(home: Home, operation: str, _descriptor: int) -> None:
        doing.do(home.path, operation)

    monkeypatch.setattr(processes, "spawn", spawn)
    sequence, world = SEQUENCES[name], World(tmp_path / "home")
    sequence.prepare(world)
    guarded = Guarded(world, max(sequence.now_us, world.now_us))
    world.catch_up()
    guarded.now_us = world.now_us
    guarded.start()
    try:
        letters = Letters(guarded, monkeypatch)
        sequence.write(letters)
        assert {each.name for each in letters.sent} == _names(sequence)
        before = letters.head()
        assert letters.differing() == {}
        assert letters.head() == before, "and nothing is done again"
    finally:
        guarded.stop()
        world.home.close()
