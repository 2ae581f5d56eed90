"""The call of the service that does what a command does, for the help of the command; or why it has none.

A command with a call takes --server. The comment of each call in `proto/ratewright/v1` names its command.
`tests/server/test_counterparts.py` holds both lists to each other.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_CHANGES: Final = (
    "accounts open",
    "accounts activate",
    "accounts change-plan",
    "accounts add-on add",
    "accounts add-on remove",
    "accounts pause",
    "accounts resume",
    "accounts outage",
    "accounts end",
    "accounts revive",
    "accounts transfer",
    "accounts untransfer",
    "accounts terms",
    "accounts discount",
    "accounts tax",
    "accounts category",
    "accounts hold",
    "accounts payer",
    "accounts sponsor",
    "accounts pool",
    "accounts bill-day",
    "accounts close",
    "accounts retract",
    "accounts number give",
    "accounts number take",
)
_PARTIES: Final = (("set", "RecordPartyFact"), ("end", "EndPartyFact"), ("retract", "RetractPartyFact"), ("show", "GetParty"))
_ALARMS: Final = (("list", "ListBillAlarms"), ("told", "TellBillAlarm"), ("dismiss", "DismissBillAlarm"))
# command: its calls, in the package ratewright.v1
CALLS: Final = MappingProxyType(
    {
        "quote": ("RatingService.Quote", "RatingService.RateBatch", "RatingService.ComparePlans"),
        "bill explain": ("RatingService.Explain",),
        "accounts list": ("AccountService.ListAccounts",),
        "accounts show": ("AccountService.GetAccount",),
        "accounts find": ("AccountService.SearchAccounts",),
        "accounts import": ("AccountService.ImportAccounts",),
        "accounts export": ("AccountService.StreamAccountExport",),
        "accounts entity add": ("AccountService.AddLegalEntity",),
        "accounts entity list": ("AccountService.ListLegalEntities",),
        **dict.fromkeys(_CHANGES, ("AccountService.ChangeAccount",)),
        **{f"{group} {name}": (f"PartyService.{call}",) for group in ("party", "entity") for name, call in _PARTIES},
        "bill undo": ("BillRunService.UndoBillRun", "BillRunService.WithdrawBillRunUndo"),
        "bill due": ("BillRunService.ListDueBillDates",),
        **{f"bill alarms {name}": (f"BillRunService.{call}",) for name, call in _ALARMS},
        "bill refused": ("BillRunService.ListRefusedEvents",),
        "bill opening": ("BillRunService.IssueOpeningDocuments",),
        "status": ("ControlService.GetHomeStatus",),
        "bill unbilled": ("AccountService.GetAccount",),
        "usage ingest": ("UsageService.IngestFile",),
        "usage findings": ("UsageService.ListFileFindings",),
        "usage findings waive": ("UsageService.WaiveFileFinding",),
        "usage suspense": ("UsageService.ListSuspenseRecords",),
        "usage suspense list": ("UsageService.ListSuspenseRecords",),
        "usage suspense show": ("UsageService.GetSuspenseRecord",),
        "usage suspense correct": ("UsageService.CorrectSuspense",),
        "usage suspense recycle": ("UsageService.RecycleSuspense",),
        "usage suspense resolve": ("UsageService.ResolveSuspense",),
        "usage suspense take-back": ("UsageService.TakeBackResolution",),
        "usage suspense decisions": ("UsageService.ListSuspenseDecisions",),
        "usage suspense write-off": ("UsageService.WriteOffSuspense",),
        "usage suspense proposals": ("UsageService.ListSuspenseProposals",),
        "usage suspense limit": ("UsageService.GetSuspenseLimit", "UsageService.SetSuspenseLimit"),
        "usage suspense approve": ("UsageService.ApproveSuspenseProposal", "UsageService.RejectSuspenseProposal"),
        "usage report": ("UsageService.ReportUsage",),
        "usage seal": ("UsageService.SealUsage",),
        "usage assemble": ("UsageService.AssembleUsage",),
        "usage find": ("UsageService.FindUsage",),
        "usage too-late": ("UsageService.ListLateUsage",),
        "usage too-late list": ("UsageService.ListLateUsage",),
        "usage too-late bill": ("UsageService.BillLateUsage",),
        "usage too-late write-off": ("UsageService.WriteOffLateUsage",),
        "usage too-late take-back": ("UsageService.TakeBackLateUsage",),
        "approvals list": ("ApprovalService.ListApprovals",),
        "approvals agree": ("ApprovalService.AgreeApproval",),
        "approvals refuse": ("ApprovalService.RefuseApproval",),
        "settings list": ("SettingsService.ListSettings", "SettingsService.GetSetting"),
        "settings set": ("SettingsService.SetSetting",),
        "settings agree": ("SettingsService.ApproveSetting",),
        "audit show": ("AuditService.ListAuditEntries",),
        "audit verify": ("AuditService.VerifyAudit",),
        "bill run": ("BillRunService.RunBills", "BillRunService.ResumeBillRun"),
        "bill retry": ("BillRunService.RetryBillRun",),
        "bill preview": ("BillRunService.PreviewBill", "BillRunService.RunBills"),
        "bill list": ("BillRunService.GetBillRun", "BillRunService.ListBillRuns"),
        "bill trial": ("BillRunService.CompareBillRun",),
        "bill approve": ("BillRunService.ApproveBillRun",),
        "bill reject": ("BillRunService.RejectBillRun",),
        "bill abandon": ("BillRunService.AbandonBillRun", "BillRunService.ListBillRuns"),
        "bill quarantine": ("BillRunService.ListQuarantinedAccounts",),
        "bill thresholds": ("BillRunService.BillThresholds",),
        "bill rerate": ("BillRunService.PlanRerating",),
        "bill rerate-apply": ("BillRunService.ApplyRerating",),
        "bill rerate-list": ("BillRunService.ListReratings",),
        "bill rerate-approve": ("BillRunService.ApproveRerating",),
        "bill rerate-reject": ("BillRunService.RejectRerating",),
        "ledger close": ("BillRunService.CloseMonth",),
        "ledger month-end": ("BillRunService.CloseMonth",),
        "tariffs check": ("TariffService.CheckTariff",),
        "tariffs draft": ("TariffService.DraftTariff",),
        "tariffs review": ("TariffService.ApproveTariffDraft", "TariffService.RejectTariffDraft"),
        "tariffs publish": ("TariffService.PublishTariff",),
        "tariffs repeal": ("TariffService.RepealTariff",),
        "tariffs history": ("TariffService.ListTariffVersions", "TariffService.GetTariffVersion"),
        "tariffs diff": ("TariffService.DiffTariffVersions",),
        "tariffs sheet": ("TariffService.GetTariffSheet",),
        "tariffs what-if": ("BillRunService.RunWhatIf",),
        "controls": ("ControlService.CheckBooks", "ControlService.KeepFindings"),
        "controls findings": ("ControlService.ListFindings",),
        "controls findings list": ("ControlService.ListFindings",),
        "controls findings assign": ("ControlService.AssignFinding",),
        "controls findings close": ("ControlService.CloseFinding",),
        "dunning show": ("DunningService.GetDunningState",),
        "dunning run": ("DunningService.RunDunning",),
        "dunning preview": ("DunningService.RunDunning",),
        "dunning list": ("DunningService.ListDunningRuns",),
        "dunning undo": ("DunningService.UndoDunningRun", "DunningService.ApproveDunningUndo"),
        "dunning policy add": ("DunningService.AddDunningPolicy",),
        "dunning policy check": ("DunningService.AddDunningPolicy",),
        "dunning policy list": ("DunningService.ListDunningPolicies",),
        "invoice list": ("InvoiceService.ListInvoices",),
        "invoice show": ("InvoiceService.GetInvoice", "InvoiceService.ListInvoiceLines"),
        "invoice usage": ("InvoiceService.ListInvoiceUsage", "InvoiceService.StreamInvoiceUsage"),
        "invoice explain": ("InvoiceService.ExplainInvoice", "RatingService.Explain"),
        "invoice void": ("InvoiceService.VoidInvoice",),
        "invoice reissue": ("InvoiceService.ReissueInvoice",),
        "invoice credit": ("InvoiceService.CreditInvoice",),
        "payment statement": ("InvoiceService.GetStatement",),
        "ledger ageing": ("InvoiceService.ListAgeing",),
        "ledger balance": ("LedgerService.ListBalances",),
        "ledger export": ("LedgerService.ExportLedger", "LedgerService.StreamLedgerExport", "LedgerService.ListPostings"),
        "ledger revenue": ("LedgerService.ListRevenue",),
        "ledger months": ("LedgerService.ListMonthDecisions",),
        "ledger reopen": ("LedgerService.ReopenMonth",),
        "ledger write-off": ("LedgerService.WriteOffInvoice", "LedgerService.UndoWriteOff"),
        "ledger write-offs": ("LedgerService.ListWriteOffs",),
        "ledger check": ("LedgerService.CheckLedger",),
        "adjustment add": ("AdjustmentService.AddAdjustment",),
        "adjustment list": ("AdjustmentService.ListAdjustments",),
        "adjustment reasons": ("AdjustmentService.ListAdjustmentReasons",),
        "payment record": ("PaymentService.RecordPayment",),
        "payment cash": ("PaymentService.RecordPayment",),
        "payment list": ("PaymentService.ListPayments",),
        "payment till": ("PaymentService.ListReceipts",),
        "payment import": ("PaymentService.ImportBankFile",),
        "payment worklist list": ("PaymentService.ListBankLines",),
        "payment worklist assign": ("PaymentService.AllocateBankLine",),
        "payment worklist return": ("PaymentService.ReturnBankLine",),
        "payment refund": ("PaymentService.RefundPayment",),
        "payment reverse": ("PaymentService.ReversePayment",),
        "payment chargeback": ("PaymentService.ChargeBackPayment",),
        "payment events": ("PaymentService.ListPaymentEvents",),
        "payment deposit take": ("PaymentService.TakeDeposit",),
        "payment deposit release": ("PaymentService.ReleaseDeposit",),
        "payment deposit refund": ("PaymentService.RefundDeposit",),
        "payment deposit list": ("PaymentService.ListDeposits",),
        "payment promise add": ("PaymentService.RecordPromise",),
        "payment promise list": ("PaymentService.ListPromises",),
        "payment order": ("SettingsService.ListSettings", "SettingsService.SetSetting"),
        "payment instalments agree": ("PaymentService.AgreeInstalmentPlan",),
        "payment instalments end": ("PaymentService.EndInstalmentPlan",),
        "payment instalments list": ("PaymentService.ListInstalmentPlans",),
    }
)

_MACHINE = "it works on the machine that holds the home"
_KEYS = "keys and roles are given on the machine that holds the home"
_WRITER = "it tries out a definition or a table before it is used"
_OWN_FILE = "it reads a file of the machine on which it is given, needs no home, and stores nothing"
_OWN_CATALOGUE = "it writes files on the machine on which it is given; `tariffs draft` sends them"
_FOLDERS = "it takes files from folders of the machine that holds the home, and no person signs it; `usage ingest` sends a file"
_CATALOGUES = (
    "it works on the machine that holds the home; `tariffs history`, `tariffs diff` and `tariffs sheet` show versions by a service"
)
_WORDS = "it shows words of the program, and reads no home"
# command, or the first words of several: why it has no call
WITHOUT_CALL: Final = MappingProxyType(
    {
        "config": _MACHINE,
        "db": _MACHINE,
        "serve": _MACHINE,
        "operators": _KEYS,
        "tokens": _KEYS,
        "certs": _KEYS,
        "audit export": _MACHINE,
        "source": _WRITER,
        "tariffs schema": "it writes what an editor reads, and needs no home",
        "tariffs show": _CATALOGUES,
        "tariffs at": _CATALOGUES,
        "tariffs affected": "it works on the machine that holds the home; `tariffs what-if` shows by a service who pays more or less",
        "tariffs import-cgrates": _OWN_CATALOGUE,
        "tariffs deck": _OWN_CATALOGUE,
        "documents show": "it shows what documents are made from, on the machine that holds the home; `invoice show` is served",
        "documents write": "it needs the fonts of the machine that makes the file; a call for it comes with the call for its data",
        "documents xml": "its data is that of `documents show`; it is made, and judged, on the machine that holds the home",
        "documents check": "its findings are those of the documents; it looks at all accounts, on the machine that holds the home",
        "party kinds": _WORDS,
        "entity kinds": _WORDS,
        "entity logo": "it takes a picture from the machine that holds the home; `entity set style` names one that is stored",
        "usage inspect": _OWN_FILE,
        "usage collect": _FOLDERS,
        "bill verify": "it computes for long, by other code, on the machine that holds the home",
    }
)


def sentence(command: str) -> str:
    """The line of help about the service, of a command such as `payment record`; KeyError of one that is in neither table."""
    calls = CALLS.get(command)
    if calls is not None:
        return f"Over gRPC: {', '.join(calls)}."
    return f"Over gRPC: none; {reason(command)}."


def reason(command: str) -> str:
    """The reason why a command has no call: by the longest of its first words that the table has. KeyError where it has none of them."""
    words = command.split()
    for length in range(len(words), 0, -1):
        known = WITHOUT_CALL.get(" ".join(words[:length]))
        if known is not None:
            return known
    raise KeyError(command)
