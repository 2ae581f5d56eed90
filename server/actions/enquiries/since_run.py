"""Changes of a record since the run that charged or refused it, in words."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.dates import utc_time

if TYPE_CHECKING:
    from billing.enquiries.since_run import Quantity, Since
    from billing.enquiries.usage import Record
    from billing.left_out.in_conflict import InConflict

_SHORT: Final = {
    "en": {
        "conflict": "; billed on {invoice} line {line_no} as {charged}",
        "conflict_interim": "; on the interim bill {invoice} of {billed_account_id} as {charged}",
        "version": "; billed as {charged}, and a version of {counts} counts since: {next}",
        "corrects": "the run of {next_bill_date} corrects it",
        "stays": "no run corrects it",
        "moved": "it is now of {owner}",
        "nobody": "no account",
        "account": "account {account_id}",
        "owner": "; now of {owner}",
        "gone": "; billed on {invoice} line {line_no} as {charged}: {next}",
        "taken_off": "a run of account {billed_account_id} takes it off",
        "mended": "; corrected: the run of {next_bill_date} prices it",
        "listed": "no run corrects it, `ratewright usage too-late` has the difference",
        "decided": "no run corrects it, and decision {decision_id} is about the difference",
        "decided_all": "no run corrects it, and decisions {decisions} are about the differences",
        "decided_one": "no run corrects it: decision {decision_id} is about one difference, `ratewright usage too-late` has the other",
        "and": " and ",
    },
    "zh": {
        "conflict": "；已出账：{invoice} 第 {line_no} 项（{charged}）",
        "conflict_interim": "；已计入账户 {billed_account_id} 的期中账单 {invoice}（{charged}）",
        "version": "；按 {charged} 出账，此后以 {counts} 的版本为准：{next}",
        "corrects": "{next_bill_date} 的出账将予以更正",
        "stays": "任何出账都不会更正",
        "moved": "现属{owner}",
        "nobody": "无归属",
        "account": "账户 {account_id}",
        "owner": "；号码现属{owner}",
        "gone": "；已出账：{invoice} 第 {line_no} 项（{charged}）：{next}",
        "taken_off": "账户 {billed_account_id} 的出账将其冲回",
        "listed": "任何出账都不会更正，差额见 `ratewright usage too-late`",
        "decided": "任何出账都不会更正，差额已由决定 {decision_id} 处理",
        "decided_all": "任何出账都不会更正，各项差额已由决定 {decisions} 处理",
        "decided_one": "任何出账都不会更正：一项差额已由决定 {decision_id} 处理，另一项见 `ratewright usage too-late`",
        "and": " 和 ",
        "mended": "；原因已排除，{next_bill_date} 的出账将批价",
    },
}
_SENTENCES: Final = {
    "en": {
        "conflict": "Versions of the record are in conflict, and none counts until one is chosen: "
        "`ratewright usage suspense resolve {suspense_id}`.",
        "version": "The charge is of a version of {charged}. Another one counts since, of {counts}: {next}.",
        "corrects": "a run of {next_bill_date} or later corrects the charge",
        "stays": "no run corrects the charge",
        "moved": "it is of {owner}, and the charge stays on the bill of account {billed_account_id} until a run of that account "
        "takes it off",
        "nobody": "no account",
        "account": "account {account_id}",
        "owner": "The number is now of {owner}. The charge stays on the bill of account {billed_account_id} until a run of that account "
        "takes it off; none does once the period is closed.",
        "gone": "No version of the record counts any more, and the charge is of one of {charged}: {next}.",
        "taken_off": "a run of account {billed_account_id} takes it off the bill",
        "mended": "The cause is corrected: account {account_id} owns the record, and a run of {next_bill_date} or later prices it.",
        "listed": "no run corrects the charge; `ratewright usage too-late` has the difference",
        "decided": "no run corrects the charge; decision {decision_id} is about the difference",
        "decided_all": "no run corrects the charge; decisions {decisions} are about the differences",
        "decided_one": "no run corrects the charge; decision {decision_id} is about one difference, and "
        "`ratewright usage too-late` has the other",
        "and": " and ",
    },
    "zh": {
        "conflict": "该记录的各版本互相冲突，选定之前均不计费：`ratewright usage suspense resolve {suspense_id}`。",
        "version": "此费用按 {charged} 的版本计算；此后以 {counts} 的版本为准：{next}。",
        "corrects": "{next_bill_date} 或之后的出账将更正费用",
        "stays": "任何出账都不会更正此费用",
        "moved": "现属{owner}，此费用仍留在账户 {billed_account_id} 的账单上，直至该账户的出账将其冲回",
        "nobody": "无归属",
        "account": "账户 {account_id}",
        "owner": "该号码现属{owner}。此费用仍留在账户 {billed_account_id} 的账单上，直至该账户的出账将其冲回；账期关闭后不再冲回。",
        "gone": "该记录已没有任何有效版本，此费用按 {charged} 的版本计算：{next}。",
        "taken_off": "账户 {billed_account_id} 的出账将其冲回",
        "listed": "任何出账都不会更正此费用；差额见 `ratewright usage too-late`",
        "decided": "任何出账都不会更正此费用；差额已由决定 {decision_id} 处理",
        "decided_all": "任何出账都不会更正此费用；各项差额已由决定 {decisions} 处理",
        "decided_one": "任何出账都不会更正此费用；一项差额已由决定 {decision_id} 处理，另一项见 `ratewright usage too-late`",
        "and": " 和 ",
        "mended": "原因已排除：该记录属于账户 {account_id}，{next_bill_date} 或之后的出账将批价。",
    },
}


_CONFLICT: Final = {
    "en": {
        "head": "Record {record} of {source}, begun {start} (UTC): it waits in suspense as {ids}.",
        "on": "The interim bill {document} of account {account_id} has the version of {charged}. A run of {account_id} that bills its "
        "period takes it off, unless that version is chosen before.",
        "and": ", ",
    },
    "zh": {
        "head": "记录 {record}（来源 {source}），开始于 {start}（UTC）：待处理，编号 {ids}。",
        "on": "账户 {account_id} 的期中账单 {document} 已计入 {charged} 的版本。{account_id} 在其账期的出账将其冲回，除非此前选定该版本。",
        "and": "、",
    },
}


def conflict_sentences(found: InConflict, language: str) -> list[str]:
    """A record of `bill explain` whose versions are in conflict and have no charge: where it waits, what bill has one, and what comes."""
    words, ids = _CONFLICT[language], [str(each) for each in found.suspense_ids]
    charged = quantity_of(found.duration_us, found.bytes, found.units)
    fields = {
        "record": found.record_id,
        "source": found.source,
        "start": f"{utc_time(found.start_us):%Y-%m-%d %H:%M:%S}",
        "ids": words["and"].join(ids),
    }
    fields |= {"document": found.document, "account_id": found.document_account_id, "charged": charged}
    told = [words["head"].format(**fields), _SENTENCES[language]["conflict"].format(suspense_id=ids[0])]
    return [*told, words["on"].format(**fields)] if found.document else told


def in_short(record: Record, language: str) -> str:
    """The change of a record of `usage find`; empty where there is none."""
    if record.since is None:
        return ""
    words = _SHORT[language]
    if record.since.kind == "conflict" and not record.line_no:
        charged = quantity(record.since.charged)
        return words["conflict_interim"].format(invoice=record.invoice, billed_account_id=record.billed_account_id, charged=charged)
    return _told(record.since, words, invoice=record.invoice, line_no=record.line_no)


def sentence(since: Since, language: str) -> str:
    """The change of a record of `bill explain`, in a sentence."""
    return _told(since, _SENTENCES[language])


def quantity(of: Record | Quantity | None) -> str:
    """A duration, volume or count in words."""
    return "" if of is None else quantity_of(of.duration_us, of.bytes, of.units)


def quantity_of(duration_us: int, volume: int, units: int) -> str:
    """The same of a duration in microseconds, bytes and units."""
    if volume:
        return f"{volume:,} B"
    return f"{duration_us / 1_000_000:,.3f}".rstrip("0").rstrip(".") + " s" if duration_us else f"{units:,}"


def _told(since: Since, words: dict[str, str], **more: object) -> str:
    fields = {"next_bill_date": since.next_bill_date, "account_id": since.account_id, "suspense_id": since.suspense_id}
    fields |= {"decision_id": since.decision_id, "decisions": words["and"].join(map(str, since.decision_ids)), **more}
    fields |= {"charged": quantity(since.charged), "counts": quantity(since.counts)}
    fields["billed_account_id"] = since.billed_account_id
    fields["owner"] = words["account" if since.account_id else "nobody"].format(**fields)
    fields["next"] = words[_next(since)].format(**fields)
    return words[since.kind].format(**fields)


def _next(since: Since) -> str:
    """The name of the words about the bill that has a charge."""
    if since.next_bill_date:
        return "corrects"
    stays = "taken_off" if since.kind == "gone" else "moved" if since.billed_account_id else "stays"
    if since.too_late:
        return "decided_one" if since.decision_ids else "listed"
    return stays if not since.decision_ids else "decided" if len(since.decision_ids) == 1 else "decided_all"
