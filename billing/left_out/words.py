"""Sentences about records that are on no bill, in English and Chinese."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from billing.late_decisions import BILLED
from billing.left_out import put_aside
from billing.left_out.on_interim_bills import DETAILS
from billing.left_out.telling import AFTER_BILL, FOR_TESTS, NOBODYS, NOBODYS_UNREAD, TAKEN_OFF, TESTED_BY_MISTAKE
from billing.runs.selection.left_out import LeftOut, Outlook, told
from billing.runs.settlement.adjustments import FOR_TESTS as FOR_TESTS_NEVER
from rating.dates import DAY_US, HOUR_US, last_day_text, utc_time
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.late_decisions import Undone
    from billing.left_out.decisions import DecisionTold
    from billing.left_out.telling import UnbilledRecord

_NOT_BY_ARRIVAL: Final = {LeftOut.TOO_LATE, LeftOut.NOT_BILLABLE, LeftOut.TESTED}
WORDS: Final = {
    "en": {
        "head": "Record {record} of {source}, begun {start} ({timezone}): {told}",
        "head_billed": "billed by adjustment {reference}, {invoice}",
        "head_written_off": "written off",
        "owner": "Account {account}, subscription {subscription}. It came {came}, {age} after it began.",
        "nobody": "Its number had no owner. It came {came}, {age} after it began.",
        "period": "It belongs to the period {first} to {last}.",
        "arrival": "It came late, and its plan bills it with the period of its arrival: {arrives_from} to {arrives_last}.",
        "refused": "Run {refused_by} refused it in time ({refused}), and the cause was not corrected when its period closed.",
        "refused_short": "refused in time ({refused}), and {told}",
        "by": "It was left out by run {run} of {date}.",
        "ahead": "No run has read it yet; the next one of its account is that of {date}.",
        "ahead_nobodys": "No run has read it yet; the next one is that of {date}.",
        "closed": "The oldest period that was open begins on {open}; the period of the record is closed since the bill date {since}.",
        "closed_before": "The oldest period that was open begins on {open}.",
        "closed_ahead": "That run opens no period before {open}; that of the record is closed from the bill date {since} on.",
        "closed_before_ahead": "That run opens no period before {open}.",
        "not_here": "The account is billed here from {billed} on: what began before is not.",
        "for_good_ahead": "No run bills it. That run looks at it first: from then on `ratewright usage too-late` lists it.",
        "for_good": "No run bills it any more, and `ratewright usage too-late` lists it; `too-late bill` or `too-late write-off` decides.",
        "proposed": "No run bills it any more. To {act} it waits as proposal {proposal} of {asker}: another person agrees with "
        "`ratewright approvals agree {proposal}`, or refuses it.",
        "late_usage_bill": "bill",
        "late_usage_write_off": "write off",
        "proposed_short": "proposal {proposal} waits",
        "nobodys_for_good": "No run bills it any more, and `ratewright usage too-late` lists it; `too-late write-off` closes it, and "
        "`ratewright adjustment add` charges what is to be charged all the same.",
        "unpriced_for_good": "No run bills it any more, and `ratewright usage too-late` lists it. No plan of its owner has a price for it: "
        "`too-late write-off` closes it, and `ratewright adjustment add` charges what is to be charged all the same.",
        "decided": "{by} decided on it on {on} (decision {decision}): {what}. Reason: {why}.",
        "taken_back": "{by} took decision {decision} of {maker} ({act}) back on {on}. Reason: {why}.",
        "billed": "it is billed by adjustment {reference} over {amount}, {invoice}",
        "billed_with": "it is billed with others of its subscription by adjustment {reference} over {amount}, {invoice}",
        "age": "{days} days {hours} h",
        "days": "{days} days",
        "written_off": "it is written off, and nothing is billed",
        "on_invoice": "on invoice {number} line {line}",
        "credited": "on invoice {number} line {line}, credited by {note}",
        "credited_in_part": "on invoice {number} line {line}, credited by {note} with {credited} of its {line_amount} before tax",
        "no_invoice": "which waits for a run",
        "never_billed": "which no run bills, as its period is closed: `ratewright usage too-late take-back {decision} --reason ...` "
        "opens it again",
        "never_billed_tests": "which no run bills, as its account is for tests: `ratewright usage too-late take-back {decision} "
        "--reason ...` opens it again",
        "second": "{by}, with {other},",
        "not_due": "A run of {to} or later bills it.",
        "other_run": "The account was not among those of run {run}; a run of {to} or later that has it bills the record.",
        "held": "{begun}. When the hold ends, the next run bills it: `ratewright accounts show {account}`.",
        "held_until": "{begun}. When the hold ends, a run of a date before {closes} bills it; from then on its period is closed: "
        "`ratewright accounts show {account}`.",
        "passed by": "{begun}.",
        "quarantined": "It is priced, and its account was put aside: {detail}. `ratewright bill retry --run {run}` bills it.",
        "test": "It is priced, and nothing of a test account is invoiced.",
        "for_tests": "A run prices it, and nothing of a test account is invoiced.",
        "settled": "An earlier run computed it: without --run all runs are searched, and `bill run --everything` computes all.",
        "unanswered": "The call was not answered.",
        "absorbed": "Another record bills the same call.",
        "segment": "It is a segment: the record of the whole call or session bills.",
        "nobodys": "The next run of all accounts refuses it, unless `ratewright accounts number give` records its owner.",
        "nobodys_unread": "No run has read it. Once `ratewright accounts number give` records its owner, the next run bills it; if that is "
        "not done while its period is open, `ratewright usage too-late` lists it.",
        "nobodys_unread_told": "its number had no owner, and no run has read it: the next one bills it once an owner is recorded",
        "after_bill": "It came after the bill of its period. The next run of its account, that of {date}, corrects it.",
        "taken_off": "It was on an earlier bill, and a run took it off. The next run of its account, that of {date}, bills it.",
        "taken_off_told": "a run took it off an earlier bill, and the run of {date} bills it",
        "on_interim_told": "billed on the interim bill {document}",
        "on_interim": "It is on the interim bill {document}. The run that bills its period adds what came since.",
        "on_interim_of_other_told": "on the interim bill {document} of {other}, until a run takes it off there",
        "on_interim_of_other": "It is on the interim bill {document} of account {other}. A run of {other} takes it off; then it is billed "
        "to the account that has its number.",
        "nobodys_told": "its number had no owner, and the next run refuses it (UNKNOWN_SUBSCRIPTION) unless an owner is recorded",
        "after_bill_told": "it came after the bill of its period, and the run of {date} corrects it",
        "tested_by_mistake": "Its account was for tests when its period was billed, and is a customer now. Its next run, that of {date}, "
        "bills it.",
        "tested_by_mistake_told": "its account was for tests when its period was billed, and the run of {date} bills it",
        "no_rule": "It was received, and no rule of the plan prices what is received.",
    },
    "zh": {
        "head": "记录 {record}（来源 {source}），开始于 {start}（{timezone}）：{told}",
        "head_billed": "由调账 {reference} 收取，{invoice}",
        "head_written_off": "已核销",
        "owner": "账户 {account}，订购 {subscription}。到达时间 {came}，距开始 {age}。",
        "nobody": "该号码当时不属于任何订购。到达时间 {came}，距开始 {age}。",
        "period": "所属账期：{first} 至 {last}。",
        "arrival": "该记录迟到，资费计划在其到达的账期计费：{arrives_from} 至 {arrives_last}。",
        "refused": "第 {refused_by} 次出账按时处理并拒绝了它（{refused}），直到账期关闭原因仍未排除。",
        "refused_short": "按时到达但被拒绝（{refused}），{told}",
        "by": "由第 {run} 次出账（{date}）排除。",
        "ahead": "尚无出账处理过该记录；其账户的下一次出账日为 {date}。",
        "ahead_nobodys": "尚无出账处理过该记录；下一次出账日为 {date}。",
        "closed": "当时最早的开放账期始于 {open}；该记录的账期自出账日 {since} 起已关闭。",
        "closed_before": "当时最早的开放账期始于 {open}。",
        "closed_ahead": "该次出账不处理 {open} 之前的账期；该记录的账期自出账日 {since} 起关闭。",
        "closed_before_ahead": "该次出账不处理 {open} 之前的账期。",
        "not_here": "该账户自 {billed} 起在此出账；此前开始的用量不计费。",
        "for_good_ahead": "任何出账都不会计费。该次出账处理之后，`ratewright usage too-late` 才会列出该记录，届时再作决定。",
        "for_good": "以后的出账都不会再计费，`ratewright usage too-late` 会列出该记录；用 `too-late bill` 或 `too-late write-off` 处理。",
        "proposed": "以后的出账都不会再计费。{asker} 的提议 {proposal}（{act}）等待另一人处理："
        "用 `ratewright approvals agree {proposal}` 同意，或拒绝。",
        "late_usage_bill": "收取",
        "late_usage_write_off": "核销",
        "proposed_short": "提议 {proposal} 待处理",
        "nobodys_for_good": "以后的出账都不会再计费，`ratewright usage too-late` 会列出该记录；用 `too-late write-off` 核销，"
        "仍需收取的用 `ratewright adjustment add`。",
        "unpriced_for_good": "以后的出账都不会再计费，`ratewright usage too-late` 会列出该记录。其订购的资费计划没有其价格："
        "用 `too-late write-off` 核销，仍需收取的用 `ratewright adjustment add`。",
        "decided": "{by} 于 {on} 作出处理（决定 {decision}）：{what}。原因：{why}。",
        "taken_back": "{by} 于 {on} 撤回了 {maker} 的决定 {decision}（{act}）。原因：{why}。",
        "billed": "由调账 {reference} 收取，金额 {amount}，{invoice}",
        "billed_with": "与同一订购的其他记录一并由调账 {reference} 收取，金额 {amount}，{invoice}",
        "age": "{days} 天 {hours} 小时",
        "days": "{days} 天",
        "written_off": "已核销，不予收取",
        "on_invoice": "见账单 {number} 第 {line} 项",
        "credited": "见账单 {number} 第 {line} 项，已由 {note} 冲减",
        "credited_in_part": "见账单 {number} 第 {line} 项，已由 {note} 部分冲减：不含税 {line_amount} 中的 {credited}",
        "no_invoice": "等待出账",
        "never_billed": "其账期在出账前已关闭，任何出账都不会收取：用 `ratewright usage too-late take-back {decision} --reason ...` "
        "撤回该决定",
        "never_billed_tests": "其账户为测试账户，任何出账都不会收取：用 `ratewright usage too-late take-back {decision} --reason ...` "
        "撤回该决定",
        "second": "{by}（经 {other} 同意）",
        "not_due": "{to} 或之后的出账将计费。",
        "other_run": "该账户不在第 {run} 次出账范围内；{to} 或之后包含该账户的出账将计费。",
        "held": "{begun}。暂停结束后的下一次出账将计费：`ratewright accounts show {account}`。",
        "held_until": "{begun}。暂停结束后，{closes} 之前的出账将计费；自该日起其账期关闭：`ratewright accounts show {account}`。",
        "passed by": "{begun}。",
        "quarantined": "已批价，但账户被隔离：{detail}。`ratewright bill retry --run {run}` 可出账。",
        "test": "已批价，但测试账户不开具账单。",
        "for_tests": "出账时将批价，但测试账户不开具账单。",
        "settled": "较早的出账已处理其账期，此后没有变化。不带 --run 可查询所有出账；`ratewright bill run --everything` 重新计算全部。",
        "unanswered": "呼叫未接通。",
        "absorbed": "同一呼叫由另一条记录计费。",
        "segment": "这是分段记录：由整个呼叫或会话的记录计费。",
        "nobodys": "下一次全部账户的出账将拒绝该记录（UNKNOWN_SUBSCRIPTION），除非事先登记号码：`ratewright accounts number give`。",
        "nobodys_unread": "尚无出账读取该记录。用 `ratewright accounts number give` 登记号码后，下一次出账将计费；若账期关闭前仍未登记，"
        "`ratewright usage too-late` 会列出该记录。",
        "nobodys_unread_told": "该号码当时不属于任何订购，尚无出账读取该记录：登记号码后下一次出账将计费",
        "after_bill": "该记录在所属账期出账之后到达。该账户的下一次出账（{date}）将予以更正。",
        "taken_off": "该记录曾在先前的账单上，后由一次出账冲回。该账户的下一次出账（{date}）将计费。",
        "taken_off_told": "已从先前的账单冲回，{date} 的出账将计费",
        "on_interim_told": "已计入期中账单 {document}",
        "on_interim": "已计入期中账单 {document}。所属账期的出账只加收其后到达的用量。",
        "on_interim_of_other_told": "已计入账户 {other} 的期中账单 {document}，由该账户的出账冲回",
        "on_interim_of_other": "已计入账户 {other} 的期中账单 {document}。{other} 的出账将其冲回，之后向号码现在所属的账户计费。",
        "nobodys_told": "该号码当时不属于任何订购，除非登记号码，下一次出账将拒绝（UNKNOWN_SUBSCRIPTION）",
        "tested_by_mistake": "所属账期出账时其账户为测试账户，现在不是。该账户的下一次出账（{date}）将计费。",
        "tested_by_mistake_told": "所属账期出账时其账户为测试账户，{date} 的出账将计费",
        "after_bill_told": "在所属账期出账之后到达，{date} 的出账将予以更正",
        "no_rule": "这是接收的用量，资费计划没有对接收用量定价的规则。",
    },
}


def sentences(found: UnbilledRecord, language: str = "en", *, is_priced: bool = True) -> list[str]:
    """All sentences about one record, a sentence or two a line. `is_priced`: a plan of its owner has a price for it."""
    words, zone = WORDS[language], ZoneInfo(found.timezone or "UTC")
    start, came = (_instant(instant_us, zone) for instant_us in (found.start_us, found.came_us))
    fields = {
        "record": found.record_id, "source": found.source, "start": start, "came": came, "timezone": found.timezone or "UTC",
        "age": _age(found, words), "account": found.account_id, "subscription": found.subscription_id,
        "first": found.period_from, "last": last_day_text(found.period_to),
        "arrives_from": found.arrives_from, "arrives_last": last_day_text(found.arrives_to), "to": found.billed_to, "run": found.run_id,
        "date": found.bill_date, "open": found.open_from, "since": found.closed_since, "billed": found.billed_from,
        "closes": found.closes_on, "detail": put_aside.in_words(found.detail, language), "told": head(found, language),
        "proposal": found.proposal, "asker": found.proposed_by, "act": words.get(found.proposed, ""),
        "refused": found.refused, "refused_by": found.refused_by, "document": found.document, "other": found.document_account_id,
    }  # fmt: skip
    fields["begun"] = f"{fields['detail']}"[:1].upper() + f"{fields['detail']}"[1:]  # at the head of a sentence
    if (awaited := f"{found.detail}_told") in words:
        fields["told"] = words[awaited].format(**fields)
    if found.decision is not None:
        fields |= _decided(found.decision, words, zone)
    told = [words[name].format(**fields) for name in _names(found, is_priced=is_priced)]
    return [*told, *(_taken_back(each, words, zone) for each in found.taken_back)]


def head(found: UnbilledRecord, language: str = "en") -> str:
    """The fate of a record, in short: what people decided, or why it is on no bill, and whether one will have it."""
    if found.decision is None:
        return refused_in_time(found, told(found.reason, language), language)
    words, made = WORDS[language], found.decision
    return words[f"head_{made.kind}"].format(reference=made.reference, invoice=_invoice(made, words))


def refused_in_time(found: UnbilledRecord, reason: str, language: str) -> str:
    """The words of a reason, after those of the refusal that kept the record from its bill before."""
    return WORDS[language]["refused_short"].format(refused=found.refused, told=reason) if is_refused(found) else reason


def is_refused(found: UnbilledRecord) -> bool:
    """True where a run refused the record in time, and none bills it any more."""
    return bool(found.refused) and found.outlook is Outlook.FOR_GOOD


def _age(found: UnbilledRecord, words: Mapping[str, str]) -> str:
    days, rest = divmod(found.came_us - found.start_us, DAY_US)
    hours = rest // HOUR_US
    return words["age" if hours else "days"].format(days=days, hours=hours)


def _invoice(found: DecisionTold, words: Mapping[str, str]) -> str:
    credited = "credited_in_part" if found.is_credited_in_part else "credited"
    never = "never_billed_tests" if found.never_because == FOR_TESTS_NEVER else "never_billed"
    name = credited if found.credit_notes else "on_invoice" if found.invoice else never if found.never_billed else "no_invoice"
    return words[name].format(
        number=found.invoice,
        line=found.line_no,
        decision=found.decision_id,
        note=", ".join(found.credit_notes),
        credited=format_micros(found.credited_micros),
        line_amount=f"{format_micros(found.line_micros)} {found.currency}",
    )


def _names(found: UnbilledRecord, *, is_priced: bool) -> list[str]:
    """Names of the sentences about a record, in their order."""
    names = ["head", "owner" if found.account_id else "nobody"]
    if found.period_from:
        names += ["period", "arrival"] if found.arrives_to and found.reason not in _NOT_BY_ARRIVAL else ["period"]
    if is_refused(found):
        names.append("refused")
    if found.reason is not LeftOut.NOT_BILLABLE and found.detail != FOR_TESTS:
        ahead = [] if found.detail else ["ahead" if found.account_id else "ahead_nobodys"]
        names += ahead if not found.run_id else [] if _is_passed_by(found) else ["by"]
    names += _why(found)
    if found.decision is not None:
        return [*names, "decided"]
    if found.outlook is not Outlook.FOR_GOOD:
        return names
    if found.proposal:
        return [*names, "proposed"]
    possible = "nobodys_for_good" if not found.account_id else "for_good" if is_priced else "unpriced_for_good"
    return [*names, possible if found.run_id else "for_good_ahead"]


def _is_passed_by(found: UnbilledRecord) -> bool:
    """True where no run has decided on the record: those so far had other accounts."""
    return found.reason is LeftOut.OTHER_RUN and bool(found.account_id)


def _taken_back(found: Undone, words: Mapping[str, str], zone: ZoneInfo) -> str:
    """The sentence about a decision that holds no more."""
    what = words["late_usage_bill" if found.kind == BILLED else "late_usage_write_off"]
    fields = {"by": found.by_name, "decision": found.decision_id, "act": what, "maker": found.decided_by, "why": found.reason}
    return words["taken_back"].format(**fields, on=_instant(found.at_us, zone)[:10])


def waiting_proposal(number: int, language: str) -> str:
    """That a proposal waits, in short; empty where there is none."""
    return WORDS[language]["proposed_short"].format(proposal=number) if number else ""


def _decided(found: DecisionTold, words: Mapping[str, str], zone: ZoneInfo) -> dict[str, object]:
    """The fields of the sentence about a decision."""
    amount = f"{format_micros(found.amount_micros)} {found.currency}"
    by = words["second"].format(by=found.by_name, other=found.agreed_by) if found.agreed_by else found.by_name
    name = "billed_with" if found.reference and found.records > 1 else found.kind
    what = words[name].format(reference=found.reference, amount=amount, invoice=_invoice(found, words))
    return {"by": by, "on": _instant(found.at_us, zone)[:10], "decision": found.decision_id, "what": what, "why": found.reason}


def _why(found: UnbilledRecord) -> list[str]:
    if found.reason in {LeftOut.NOT_BILLABLE, LeftOut.DECIDED}:  # a decision has a sentence of its own
        return [found.detail] if found.reason is LeftOut.NOT_BILLABLE else []
    if found.reason is LeftOut.CLOSED:
        if found.account_id and not found.period_from:
            return ["not_here"]
        ahead = "" if found.run_id else "_ahead"
        return [f"{'closed' if found.closed_since else 'closed_before'}{ahead}"] if found.open_from else []
    if found.detail in {*DETAILS, NOBODYS, NOBODYS_UNREAD, AFTER_BILL, FOR_TESTS, TAKEN_OFF, TESTED_BY_MISTAKE}:
        return [found.detail]
    if found.reason in {LeftOut.NOT_DUE, LeftOut.OTHER_RUN} and not found.period_to:
        return []
    name = "held_until" if found.reason is LeftOut.HELD and found.closes_on else found.reason.value
    return [name] if name in WORDS["en"] else []


def _instant(instant_us: int, zone: ZoneInfo) -> str:
    return f"{utc_time(instant_us).astimezone(zone):%Y-%m-%d %H:%M:%S}"
