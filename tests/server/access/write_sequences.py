"""Writes of operators, one after another, so that what each has made changes behind it. Each function takes `Letters`.

The home is that of `tests.server.grpc.finance.conftest.bill_two`, unless a function says otherwise. Fields are as JSON has them.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from billing import give_back_limit
from billing.charges.reasons import reasons
from billing.runs.settlement.adjustments import LIMIT
from tests.billing.runs.world import Call
from tests.billing.second_person import set_by_two
from tests.server.grpc.bill_runs.test_operations import dearer
from tests.server.grpc.finance.asking import BANK_FILE, MAPPING
from tests.server.grpc.tariffs.conftest import FIRST, SECOND, files_of

if TYPE_CHECKING:
    from tests.server.access.lost_answers import Letters

OPERATOR, APPROVER, FINANCE = "the-operator", "the-approver", "the-finance"
ANNA, BERTA = "accounts/anna", "accounts/berta"
FIRST_BILL, SECOND_BILL = "accounts/anna/invoices/R-0000000001", "accounts/berta/invoices/R-0000000002"
CHART: Final = Path(__file__).parents[3] / "examples" / "ledger" / "chart.yaml"


def on(text: str) -> dict[str, int]:
    """A day of 2025, such as 11-10."""
    day = dt.date.fromisoformat(f"2025-{text}")
    return {"year": day.year, "month": day.month, "day": day.day}


def cny(units: int) -> dict[str, str]:
    """Whole units."""
    return {"currency_code": "CNY", "units": str(units)}


def sent(content: bytes | str) -> str:
    """Bytes as JSON has them."""
    return b64encode(content.encode() if isinstance(content, str) else content).decode()


def tighten(letters: Letters, name: str, value: str) -> None:
    """A setting of the home, by two persons."""
    set_by_two(letters.guarded.home, name, value, lambda: letters.guarded.now_us)


def payments(letters: Letters) -> None:
    """Money that comes, settles, and goes back; the last payment settles what is left."""
    write, of, later = letters.write, "PaymentService.", on("11-12")
    write(of + "RecordPayment", parent=ANNA, payment_id="P-1", amount=cny(20), receive_date=on("11-10"))
    write(of + "RecordPayment", parent=ANNA, payment_id="P-2", amount=cny(3), receive_date=on("11-10"), till="front")
    write(of + "ImportBankFile", file_name="bank.csv", content=sent(BANK_FILE), mapping=MAPPING)
    write(of + "AllocateBankLine", name="bankLines/CB/T-2", account=BERTA, note="hers")
    write(of + "RefundPayment", event_id="E-1", payment="payments/P-1", amount=cny(3), payee="anna", reason="too much", event_date=later)
    write(of + "ReversePayment", event_id="E-2", payment="payments/P-2", reason="bounced", event_date=later)
    write(of + "ChargeBackPayment", event_id="E-3", payment="payments/P-1", amount=cny(5), fee=cny(1), reason="lost", event_date=later)
    write(of + "ChargeBackPayment", event_id="E-4", payment="payments/P-1", won=True, reason="won", event_date=later)
    write(of + "TakeDeposit", parent=BERTA, deposit_id="D-1", amount=cny(30), receive_date=on("11-10"))
    write(of + "ReleaseDeposit", name="deposits/D-1", event_id="E-5", amount=cny(3), reason="due", event_date=later)
    write(of + "RefundDeposit", name="deposits/D-1", event_id="E-6", amount=cny(10), reason="moved", event_date=later)
    promised = {"promise_date": on("11-08"), "due_date": on("11-11"), "note": "by phone"}
    write(of + "RecordPromise", parent=BERTA, promise_id="M-1", amount=cny(2), **promised)
    agreed = {"agree_date": on("11-10"), "equal_parts": 3, "first_date": on("11-30"), "note": "as agreed"}
    write(of + "AgreeInstalmentPlan", parent=BERTA, plan_id="I-1", **agreed)
    write(of + "EndInstalmentPlan", name="instalmentPlans/I-1", end_date=later, note="changed")
    tighten(letters, give_back_limit.LIMIT, "1000000")
    write(of + "ReturnBankLine", name="bankLines/CB/T-4", note="unknown")
    again = {"payment": "payments/P-1", "amount": cny(2), "payee": "anna", "reason": "again", "event_date": later}
    write(of + "RefundPayment", event_id="E-7", **again)
    write("ApprovalService.AgreeApproval", APPROVER, name="approvals/2", note="yes")
    write("ApprovalService.RefuseApproval", APPROVER, name="approvals/1", note="no")
    write(of + "RecordPayment", parent=BERTA, payment_id="P-9", amount=cny(50), receive_date=on("11-10"))


def documents(letters: Letters) -> None:
    """A bill is corrected, given up, found again and given up again; another one is void and billed anew."""
    write = letters.write
    tighten(letters, "write_off_limit_micros", "5000000")
    credit = {"effect": "outside", "reason_code": "goodwill", "credit_date": on("11-05"), "text": "sorry"}
    write("InvoiceService.CreditInvoice", name=SECOND_BILL, credit_id="N-1", line_no=1, amount=cny(1), **credit)
    write("LedgerService.WriteOffInvoice", name=SECOND_BILL, write_off_id="W-1", date=on("11-10"), reason="lost", amount=cny(2))
    write("LedgerService.UndoWriteOff", name=SECOND_BILL, write_off_id="W-1", date=on("11-10"), reason="found")
    write("LedgerService.WriteOffInvoice", FINANCE, name=SECOND_BILL, write_off_id="W-2", date=on("11-10"), reason="lost again")
    write("LedgerService.WriteOffInvoice", APPROVER, name=SECOND_BILL, write_off_id="W-2", date=on("11-10"), reason="lost again")
    write("InvoiceService.VoidInvoice", name=FIRST_BILL, reason="wrong address", void_date=on("11-10"))
    write("InvoiceService.ReissueInvoice", name=FIRST_BILL)
    write("PaymentService.RecordPayment", parent=ANNA, payment_id="P-9", amount=cny(50), receive_date=on("11-10"))


def undoing(letters: Letters) -> None:
    """A run whose undoing is proposed, withdrawn, proposed again and agreed to."""
    for name in ("UndoBillRun", "WithdrawBillRunUndo", "UndoBillRun"):
        letters.write(f"BillRunService.{name}", OPERATOR, name="billRuns/1", reason="wrong")
    letters.write("BillRunService.UndoBillRun", APPROVER, name="billRuns/1", reason="wrong")


def adjustments(letters: Letters) -> None:
    """One that counts at once and one that another person approves; a run bills both."""
    assert "goodwill" in reasons()
    fields: dict[str, Any] = {"date": on("11-10"), "reason_code": "goodwill", "catalogue": "shop", "tax_class": "standard", "text": "sorry"}
    tighten(letters, LIMIT, "2000000")
    letters.write("AdjustmentService.AddAdjustment", FINANCE, parent=ANNA, adjustment_id="A-1", amount=cny(-1), **fields)
    for operator in (FINANCE, APPROVER):
        letters.write("AdjustmentService.AddAdjustment", operator, parent=ANNA, adjustment_id="A-2", amount=cny(-5), **fields)
    letters.bill("2025-12-01")


def dunning(letters: Letters) -> None:
    """Two contents of one policy; a run that is undone, and run again."""
    for days in (1, 2):
        policy = f"name: stern\nsteps:\n- {{level: 1, action: remind, days_past_due: {days}}}\n"
        letters.write("DunningService.AddDunningPolicy", content=sent(policy))
    letters.begin(dt.date(2025, 12, 1))
    letters.write("DunningService.RunDunning", date=on("12-01"))
    letters.write("DunningService.UndoDunningRun", name="dunningRuns/1", reason="wrong")
    letters.write("DunningService.ApproveDunningUndo", APPROVER, name="dunningRuns/1", reason="yes")
    letters.write("DunningService.RunDunning", date=on("12-01"))


def settings(letters: Letters) -> None:
    """Values that are loosened by two and tightened by one; two limits of suspense."""
    name = "settings/write_off_limit_micros"
    letters.write("SettingsService.SetSetting", name=name, value="5000000", reason="debts")
    letters.write("SettingsService.ApproveSetting", APPROVER, name=name)
    letters.write("SettingsService.SetSetting", name=name, value="1000000")
    for units in (2, 1):
        letters.write("UsageService.SetSuspenseLimit", amount={"units": units}, note=f"{units} alone")


def accounts(letters: Letters) -> None:
    """A hold, an end that is undone, an issuer, an account that is imported and then ends, a transfer that is taken back."""
    write, change = letters.write, "AccountService.ChangeAccount"
    end = {"date": on("12-20"), "reason": "moves"}
    write(change, name=ANNA, hold={"from_date": on("11-01"), "to_date": on("12-30"), "reason": "dispute"})
    write(change, name=ANNA, end={"subscription": "anna-1", **end})
    write(change, name=ANNA, revive={"subscription": "anna-1", "reason": "stays"})
    north = {"name": "legalEntities/north", "display_name": "North", "invoice_prefix": "N", "credit_prefix": "NC"}
    write("AccountService.AddLegalEntity", legal_entity=north)
    files = {
        "accounts.csv": "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"
        "zoe,Zoe,CNY,Asia/Shanghai,1,zh,2025-11-01,,standard,14\n",
        "subscriptions.csv": "subscription_id,account_id,plan,from_date,to_date\nzoe-1,zoe,shop/basic,2025-11-01,\n",
        "numbers.csv": "served_id,subscription_id,from,to\n8613811110001,zoe-1,2025-11-01T00:00:00+08:00,\n",
    }
    write("AccountService.ImportAccounts", files=[{"file_name": name, "content": sent(text)} for name, text in files.items()])
    write(change, name="accounts/zoe", end={"subscription": "zoe-1", **end})
    to_zoe = {"to_account": "accounts/zoe", "date": on("12-10"), "new_subscription": "zoe-2"}
    write(change, name=ANNA, transfer={"subscription": "anna-1", **to_zoe})
    write(change, name="accounts/zoe", untransfer={"subscription": "zoe-2", "reason": "wrong"})


def runs(letters: Letters) -> None:
    """Lists that are rejected, given up and approved; re-ratings; a month that is closed, exported and opened again."""
    write, of = letters.write, "BillRunService."
    tighten(letters, "approval", "required")
    letters.begin(dt.date(2025, 12, 1))
    write(of + "RunBills", OPERATOR, bill_date=on("12-01"))
    write(of + "RejectBillRun", APPROVER, name="billRuns/2", note="no")
    write(of + "RunBills", OPERATOR, bill_date=on("12-01"))
    write(of + "AbandonBillRun", OPERATOR, name="billRuns/3")
    write(of + "RunBills", OPERATOR, bill_date=on("12-01"))
    write(of + "ApproveBillRun", APPROVER, name="billRuns/4", note="yes")
    write(of + "ResumeBillRun", OPERATOR, name="billRuns/4")
    dearer(letters.guarded.world, 2, publish=True)
    letters.guarded.now_us = letters.guarded.world.now_us
    plan: dict[str, Any] = {"plan": "shop/basic", "version": 2, "months": "2025-10"}
    write(of + "PlanRerating", OPERATOR, **plan)
    write(of + "ApproveRerating", APPROVER, name="reratings/1", note="yes")
    write(of + "ApplyRerating", OPERATOR, name="reratings/1", issue_date=on("12-01"))
    write(of + "PlanRerating", OPERATOR, **plan)
    write(of + "RejectRerating", APPROVER, name="reratings/2", note="no")
    write("LedgerService.ExportLedger", FINANCE, month="2025-11", mapping=CHART.read_text(encoding="utf-8"))
    write(of + "CloseMonth", FINANCE, month="2025-10")
    write("LedgerService.ReopenMonth", FINANCE, month="2025-10", reason="late")
    write("LedgerService.ReopenMonth", APPROVER, month="2025-10", reason="late")


def findings(letters: Letters) -> None:
    """Books that do not balance: kept, given to a person, closed, and kept again."""
    wrong = "UPDATE invoices SET net_micros = net_micros + 10000, total_micros = total_micros + 10000 WHERE number = 'R-0000000001'"
    assert letters.guarded.world.changed(wrong) == 1
    assert letters.write("ControlService.KeepFindings", FINANCE).failed_books
    letters.write("ControlService.AssignFinding", FINANCE, name="findings/1", owner="ann", due_date=on("12-01"))
    letters.write("ControlService.CloseFinding", FINANCE, name="findings/1", note="mended")
    letters.write("ControlService.KeepFindings", FINANCE)


def suspense(letters: Letters) -> None:
    """A correction that is applied, write-offs that are given up and approved, and versions of which one is chosen, and none again."""
    write, of, world = letters.write, "UsageService.", letters.guarded.world
    world.take(Call("13800000001", "2025-10-06T10:00", 600), Call("stranger", "2025-10-07T10:00", 60))
    for seconds in (1500, 1560):
        world.take(Call("1000", "2025-11-06T10:00", seconds, key="one"))
    world.subscription("anna-2", "anna", "shop/basic", "8613800000001")
    letters.bill("2025-12-01")
    rule = {"source": "switch", "served": {"begins": "1", "digits": 11, "add": "86"}}
    saved = write(of + "CorrectSuspense", OPERATOR, rule=rule, note="no country code")
    assert saved.preview.record_count == 1
    write(of + "RecycleSuspense", OPERATOR, correction=saved.proposal.name)
    lost: dict[str, Any] = {"source": "switch", "reasons": ["UNKNOWN_SUBSCRIPTION"], "note": "a test call"}
    write(of + "WriteOffSuspense", OPERATOR, **lost)
    write(of + "RejectSuspenseProposal", OPERATOR, name="suspenseProposals/2", note="a mistake")
    write(of + "WriteOffSuspense", OPERATOR, **lost)
    assert write(of + "ApproveSuspenseProposal", APPROVER, name="suspenseProposals/3", note="yes").written_off.record_count == 1


def streams(letters: Letters) -> None:
    """A stream that is made, and ends."""
    letters.write("UsageService.CreateUsageStream", "the-switch", usage_stream={"source": "stream"}, usage_stream_id="stream-1")
    letters.write("UsageService.FinalizeUsageStream", "the-switch", name="usageStreams/stream-1")


def tariffs(letters: Letters) -> None:
    """A version that is approved, published and repealed, and one that goes back to its author."""
    write, of, name = letters.write, "TariffService.", "catalogues/mobile/versions/"
    first, second = ([{"name": each.name, "content": sent(each.content)} for each in files_of(folder)] for folder in (FIRST, SECOND))
    write(of + "DraftTariff", OPERATOR, files=first)
    write(of + "ApproveTariffDraft", APPROVER, name=f"{name}1", note="good")
    write(of + "PublishTariff", OPERATOR, name=f"{name}1", waive_what_if="a test")
    write(of + "DraftTariff", OPERATOR, files=second)
    write(of + "RejectTariffDraft", OPERATOR, name=f"{name}2", note="bad")
    write(of + "RepealTariff", OPERATOR, name=f"{name}1", from_date={"year": 2027, "month": 1, "day": 1}, reason="new")


def late_usage(letters: Letters) -> None:
    """The records of `late_world`: billed and taken back, given up, proposed and agreed to."""
    write, of = letters.write, "UsageService."
    made = write(of + "BillLateUsage", OPERATOR, records=["late-1"], reason="lost")
    write(of + "TakeBackLateUsage", OPERATOR, name=made.groups[0].decision, reason="a mistake")
    write(of + "WriteOffLateUsage", OPERATOR, records=["late-1", "late-2"], reason="lost")
    letters.bill("2026-04-01")


def after_runs(letters: Letters) -> None:
    """The home of `tests/server/cli/remote/runs/test_follow_ups.py`: what an account owed before, an alarm that is told and dismissed."""
    letters.write("BillRunService.IssueOpeningDocuments")
    letters.write("BillRunService.TellBillAlarm", name="billAlarms/1", note="by mail")
    letters.write("BillRunService.DismissBillAlarm", OPERATOR, name="billAlarms/1", note="a mistake")
    letters.write("PaymentService.RecordPayment", parent=BERTA, payment_id="P-9", amount=cny(60), receive_date=on("11-10"))


def parties(letters: Letters) -> None:
    """An address that is recorded, replaced, ended and retracted."""
    write, of = letters.write, "PartyService."
    for number, (day, city) in enumerate((("11-01", "Bonn"), ("11-01", "Berlin"), ("11-10", "Kiel"))):
        fact = {"fact_name": "billing", "from_date": on(day), "address": {"city": city, "country": "DE", "street": f"Road {number}"}}
        write(of + "RecordPartyFact", name=f"{ANNA}/party", fact=fact)
    write(of + "EndPartyFact", name=f"{ANNA}/party", kind="address", fact_name="billing", last_date=on("11-20"))
    write(of + "RetractPartyFact", name=f"{ANNA}/party", fact="4", reason="did not move")
