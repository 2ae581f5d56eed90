"""`ratewright usage find`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.languages import Language, words

if TYPE_CHECKING:
    from billing.enquiries.usage import NumberRecords, Record
    from billing.store.home import Home
    from server.actions.usage_of_number import Days, OfNumber

SHOWN_ROWS = 50
_STATES: Final = {
    "en": {
        "billed": "billed on {invoice} line {line_no}", "no_line": "priced by run {run_id}; on no line of it",
        "void": "on {invoice}, which is void: a run of {next_bill_date} or later bills it",
        "void_held": "on {invoice}, which is void: a run of {next_bill_date} or later bills it, after a hold of its bills",
        "void_waits": "on {invoice}, which is void: {told}", "void_rerated": "on {invoice}, which is void",
        "refused": "rating refused it: {reason}",
        "not_due": "not yet due", "too_late": "too late: {told}", "not_billable": "does not bill: {told}", "left_out": "left out: {told}",
        "late_billed": "billed by adjustment {adjustment} on {invoice} line {line_no}", "late_written_off": "written off",
        "late_waits": "billed by adjustment {adjustment}, which waits for a run",
        "late_never": "adjustment {adjustment} was to bill it, and its period is closed: take decision {decision_id} back",
        "late_never_tests": "adjustment {adjustment} was to bill it, and its account is for tests: take decision {decision_id} back",
        "suspense": "waits in suspense as {suspense_id}: {told}",
        "given_up": "written off in suspense: no version of it counts", "replaced": "another version of it counts{number}",
        "put_together": "its call or session was put together again, and counts as another record",
    },
    "zh": {
        "billed": "已出账：{invoice} 第 {line_no} 项", "no_line": "第 {run_id} 次出账已批价，不在账单行中",
        "void": "{invoice} 已作废，{next_bill_date} 或之后的出账将重新计费",
        "void_held": "{invoice} 已作废：账单暂停结束后，{next_bill_date} 或之后的出账将重新计费",
        "void_waits": "{invoice} 已作废：{told}", "void_rerated": "{invoice} 已作废", "refused": "批价被拒：{reason}",
        "not_due": "尚未到期", "too_late": "已过期：{told}", "not_billable": "不计费：{told}", "left_out": "未计入：{told}",
        "late_billed": "由调账 {adjustment} 收取：{invoice} 第 {line_no} 项", "late_written_off": "已核销",
        "late_waits": "由调账 {adjustment} 收取，等待出账",
        "late_never": "应由调账 {adjustment} 收取，但其账期已关闭：请撤回决定 {decision_id}",
        "late_never_tests": "应由调账 {adjustment} 收取，但其账户为测试账户：请撤回决定 {decision_id}",
        "suspense": "待处理，编号 {suspense_id}：{told}",
        "given_up": "已在待处理中核销，没有任何有效版本", "replaced": "已由另一版本取代{number}",
        "put_together": "其呼叫或会话已重新合并，按另一记录计费",
    },
}  # fmt: skip
_CREDITED: Final = {
    "en": {False: "; its line is credited by {}", True: "; its line is credited in part by {}"},
    "zh": {False: "；该项已由 {} 冲减", True: "；该项已由 {} 部分冲减"},
}
_SUSPENDED: Final = {
    "en": {"conflicting": "versions of the record conflict"},
    "zh": {
        "conflicting": "该记录的各版本互相冲突", "future_time": "开始或结束时间在未来", "too_old": "过于久远，无法判断是否重复",
        "missing_segment": "缺少分段", "segments_disagree": "各分段互相矛盾",
    },
}  # fmt: skip
_PASSED_BY: Final = {"en": "; the run of {} or later bills it", "zh": "；{} 或之后的出账将计费"}
_OF_NUMBER: Final = {"en": ", of number {}", "zh": "（号码 {}）"}
_AND: Final = {"en": "; ", "zh": "；"}
_LATER: Final = {"en": "; also {}", "zh": "；另见 {}"}


def find(
    number: Annotated[str, Parameter(name="NUMBER", help="As usage has it: an E.164 number as digits; + and blanks may be written.")],
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from", help="First day, included; all time by default.")] = None,
    to: Annotated[str | None, Parameter(name="--to", help="Last day, included; all time by default.")] = None,
    limit: Annotated[int, Parameter(help="Records to show, oldest first, also with --json.")] = SHOWN_ROWS,
    language: Language = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List the records of a number: when, with whom, how much, and on which invoice and line each is billed, or why it is not.

    Days are those of the account that had the number last; of UTC where no account had it. Rows that could not be read have no number:
    `usage suspense` lists them. `bill explain RECORD` shows more of one record. Without a span all usage is read, file by file.
    """
    from server.actions import usage_of_number
    from server.cli import output, practice, progress

    days = _days(from_, to)

    def here(home: Home) -> OfNumber:
        with progress.show("usage of a number", "files") as report:
            return usage_of_number.find(home, number, days, limit=limit, progress=lambda _stage, done, total: report(done, total))

    opened, (timezone, found) = done_at(at, here, lambda service: service.usage_find.of_number(number, days, limit))
    if as_json:
        output.print_json(practice.marked(opened, {"timezone": timezone, "found": found}))
    else:
        for text in practice.notice(opened, language):
            print(text)
        _print(found, timezone, language)
    return 0


def _days(from_: str | None, to: str | None) -> Days:
    from server.actions.usage_of_number import Days
    from server.cli.accounts.common import date_or_none, day_after

    first, last = date_or_none(from_, "--from"), date_or_none(to, "--to")
    return Days(first, None if last is None else day_after(last, first))


def _print(found: NumberRecords, timezone: str, language: str) -> None:
    from server.cli import output

    if not found.records:
        print("no record of this number is known" if language == "en" else "没有该号码的记录")
        return
    columns = words(("time", "with", "quantity", "charge", "currency", "account", "record", "state"), language)
    output.print_table(columns, [_row(each, timezone, language) for each in found.records], right=columns[2:4])
    if found.total > len(found.records):
        more = f"{found.total - len(found.records):,}"
        print(f"{more} more: --from, --to or --limit" if language == "en" else f"另有 {more} 条：请用 --from、--to 或 --limit")


def _row(record: Record, timezone: str, language: str) -> tuple[str, ...]:
    from zoneinfo import ZoneInfo

    from billing.documents.usage_list import local_time
    from server.actions.enquiries.since_run import quantity
    from server.cli import output

    begun = "" if record.start_us is None else local_time(record.start_us, ZoneInfo(timezone))
    charge = output.amount(record.charge_micros, record.currency) if record.currency else ""
    return (
        begun,
        record.other,
        quantity(record),
        charge,
        record.currency,
        record.account_id,
        record.record_id,
        state_in_words(record, language),
    )


def state_in_words(record: Record, language: str) -> str:
    """The fate of a record in words."""
    from billing.enquiries.usage import NEVER_BILLED, NEVER_FOR_TESTS
    from billing.left_out.words import WORDS, waiting_proposal
    from billing.runs.selection.left_out import LeftOut
    from server.actions.enquiries import rerated as rerated_page
    from server.actions.enquiries import since_run as since_page

    fields: dict[str, Any] = {name: getattr(record, name) for name in record.__struct_fields__}
    awaited = WORDS[language].get(f"{record.detail}_told")
    if awaited is not None:
        return awaited.format(date=record.next_bill_date, document=record.invoice, other=record.billed_account_id)
    unbilled = {NEVER_BILLED: "late_never", NEVER_FOR_TESTS: "late_never_tests"}.get(record.detail, "late_waits")
    state = unbilled if record.state == "late_billed" and not record.invoice else str(record.state)
    if state == "void" and not record.next_bill_date:
        state = "void_waits" if record.reason else "void_rerated"
    if state == "void" and record.reason == LeftOut.HELD and record.next_bill_date:
        state = "void_held"
    if state == "replaced":
        state = "put_together" if record.reason == "put_together" else state
        fields["number"] = _OF_NUMBER[language].format(record.detail) if record.detail else ""
    text = _STATES[language][state].format(**fields, told=_told(record, language))
    if record.state == "replaced" and record.invoice:
        text += _AND[language] + _STATES[language]["billed"].format(**fields)
    text += _PASSED_BY[language].format(record.next_bill_date) if record.reason == "other_run" and record.next_bill_date else ""
    later = _LATER[language].format(", ".join(record.later_lines)) if record.later_lines else ""
    waits = waiting_proposal(record.proposal, language)
    credited = _CREDITED[language][record.is_credited_in_part].format(", ".join(record.credit_notes)) if record.credit_notes else ""
    changed = since_page.in_short(record, language)
    return text + (f"; {waits}" if waits else "") + later + credited + changed + rerated_page.in_short(record.rerated, language)


def _told(record: Record, language: str) -> str:
    """A reason for which runs leave something out, in words; and what is known beside it."""
    from billing.left_out import put_aside
    from billing.left_out.words import WORDS
    from billing.runs.selection.left_out import REASONS, LeftOut, told

    if record.reason not in set(LeftOut):
        return _SUSPENDED[language].get(record.reason, record.reason)
    words_of = told(LeftOut(record.reason), language) if record.state == "void" else REASONS[LeftOut(record.reason)].words[language]
    detail = WORDS[language].get(record.detail, put_aside.in_words(record.detail, language)).rstrip("。.")
    if record.reason == LeftOut.NOT_BILLABLE and detail:
        return detail[0].lower() + detail[1:]
    return f"{words_of} ({detail})" if detail else words_of
