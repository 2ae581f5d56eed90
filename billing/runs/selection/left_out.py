"""The one list of reasons for which an event is not among a run's charges, or is, and on no bill: names, words, and the outlook of each.

The values are stored: in `run_terms` as `left_out.NAME`, and in `quarantine.kind`. They never change.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

# Places of an event that is in no computed period: columns and compiled loops hold them beside the numbers of periods.
CLOSED: Final = -1
NOT_DUE: Final = -2
OTHER_RUN: Final = -3
SETTLED: Final = -4

TERM: Final = "left_out."  # how the names of terms begin


class LeftOut(enum.StrEnum):
    """A reason."""

    CLOSED = "closed"
    TOO_LATE = "too_late"
    WAIVED = "waived"
    DECIDED = "decided"
    NOT_DUE = "not_due"
    OTHER_RUN = "other_run"
    HELD = "held"
    PASSED_BY = "passed by"
    QUARANTINED = "quarantined"
    TESTED = "test"
    SETTLED = "settled"
    FROM_BEFORE = "from_before"
    NOT_BILLABLE = "not_billable"


class Outlook(enum.StrEnum):
    """The prospect of an event: whether a bill run will ever bill it."""

    FOR_GOOD = "for_good"
    LATER = "later"
    EARLIER = "earlier"
    BILLED = "billed"
    NEVER = "never"


class About(NamedTuple):
    """Outlook of a reason, and its words by language."""

    outlook: Outlook
    words: Mapping[str, str]


PLACES: Final[Mapping[LeftOut, int]] = {
    LeftOut.CLOSED: CLOSED,
    LeftOut.NOT_DUE: NOT_DUE,
    LeftOut.OTHER_RUN: OTHER_RUN,
    LeftOut.SETTLED: SETTLED,
}
OUTLOOKS: Final[Mapping[Outlook, Mapping[str, str]]] = {
    Outlook.FOR_GOOD: {"en": "for good", "zh": "不再出账"},
    Outlook.LATER: {"en": "for a later run", "zh": "留待以后的出账"},
    Outlook.EARLIER: {"en": "an earlier run decided", "zh": "由较早的出账处理"},
    Outlook.BILLED: {"en": "billed", "zh": "已计费"},
    Outlook.NEVER: {"en": "never bills", "zh": "不计费"},
}
REASONS: Final[Mapping[LeftOut, About]] = {
    LeftOut.CLOSED: About(Outlook.FOR_GOOD, {"en": "its period is closed", "zh": "所属账期已关闭"}),
    LeftOut.TOO_LATE: About(Outlook.FOR_GOOD, {"en": "it came later than its plan bills", "zh": "到达时已超过资费计划的迟到期限"}),
    LeftOut.WAIVED: About(
        Outlook.FOR_GOOD,
        {"en": "it came after the bill of its period, and its plan waives that", "zh": "账期出账后才到达，资费计划予以免收"},
    ),
    LeftOut.DECIDED: About(Outlook.FOR_GOOD, {"en": "a person decided on it", "zh": "已由人工处理"}),
    LeftOut.NOT_DUE: About(Outlook.LATER, {"en": "its period was not due", "zh": "所属账期尚未到期"}),
    LeftOut.OTHER_RUN: About(Outlook.LATER, {"en": "its account was not in the run", "zh": "账户不在本次出账范围内"}),
    LeftOut.HELD: About(Outlook.LATER, {"en": "bills of its account are held", "zh": "账户的账单已暂停"}),
    LeftOut.PASSED_BY: About(Outlook.LATER, {"en": "its account has a bill of a later date", "zh": "账户已有日期更晚的账单"}),
    LeftOut.QUARANTINED: About(Outlook.LATER, {"en": "its account was in quarantine", "zh": "账户被隔离"}),
    LeftOut.TESTED: About(Outlook.NEVER, {"en": "its account is for tests", "zh": "测试账户"}),
    LeftOut.SETTLED: About(Outlook.EARLIER, {"en": "its account has nothing to compute there", "zh": "其账户在该时段无需重新计算"}),
    LeftOut.FROM_BEFORE: About(Outlook.BILLED, {"en": "it began before the window of the run", "zh": "开始于本次出账窗口之前"}),
    LeftOut.NOT_BILLABLE: About(Outlook.NEVER, {"en": "it does not bill", "zh": "不属于计费用量"}),
}
# Counts of a run's report that have more than one reason in them: a run does not ask why it computes nothing of an account, and before the
# periods that are due it only looks at accounts that something touched.
COUNTED: Final[Mapping[LeftOut, Mapping[str, str]]] = {
    LeftOut.OTHER_RUN: {
        "en": "the run computed nothing of its account: it is billed by an earlier run, or waits for a later one",
        "zh": "本次出账未计算其账户：已由较早的出账计费，或留待以后的出账",
    },
    LeftOut.SETTLED: {
        "en": "there was nothing to compute of its account: an earlier run decided, or a later one does",
        "zh": "其账户在该时段无需计算：由较早的出账处理，或留待以后的出账",
    },
}


def outlook(reason: LeftOut) -> Outlook:
    """The outlook of a reason: whether a run will ever bill what was left out for it."""
    return REASONS[reason].outlook


def told(reason: LeftOut, language: str = "en") -> str:
    """The reason and its outlook in words, such as `its period is closed, for good`."""
    about = REASONS[reason]
    return f"{about.words[language]}{', ' if language == 'en' else '，'}{OUTLOOKS[about.outlook][language]}"


def counted(reason: LeftOut, language: str = "en") -> str:
    """The words of a count in a run's report: those of the reason, unless more than that is counted."""
    return COUNTED[reason][language] if reason in COUNTED else told(reason, language)
