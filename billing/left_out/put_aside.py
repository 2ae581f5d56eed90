"""Reasons for which accounts were put aside, in the language that is asked for. Runs store them in English; the stored text stays."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REASON: Final = "reason"  # a part of a text that is such a text itself
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        r"its bills are held on (?P<date>\S+)": "其账单在 {date} 暂停",
        r"it, or an account that it is billed with, has a bill of (?P<date>\S+): a run of that date or a later one bills it": (
            "该账户或与其一并出账的账户已有 {date} 的账单：该日期或更晚的出账将计费"
        ),
        r"test account": "测试账户",
        r"a plan is priced in another currency than the account's": "资费计划的币种与账户币种不同",
        r"the total is negative without a correction of anything billed": "总额为负，而其中没有对已计费用的更正",
        r"a credit exceeds what was billed": "冲减超过已计费用",
        r"a sum of charges is beyond the limit of money": "费用合计超出金额上限",
        r"what it has left of an allowance was worked out twice": "某项免费额度的余量计算出两个结果",
        r"a charge begins more than (?P<days>\d+) days after the bill date": "有费用的起始日晚于出账日 {days} 天以上",
        r"a subscription has (?P<count>\d+) lines in (?P<days>\d+) days: more than (?P<most>\d+) a day": (
            "一个订购在 {days} 天内有 {count} 行，超过每天 {most} 行"
        ),
        r"with account (?P<account>.+?) of its unit: (?P<reason>.+)": "与同一出账单元的账户 {account} 一并隔离：{reason}",
        r"no legal entity is called (?P<entity>.+); add it with `(?P<command>.+)`, or correct the account": (
            "没有名为 {entity} 的法人主体；请用 `{command}` 添加，或更正账户"
        ),
    }
}
_PATTERNS: Final = {language: [(re.compile(text), words) for text, words in texts.items()] for language, texts in TEXTS.items()}


def in_words(reason: str, language: str) -> str:
    """A reason as a run has stored it, in a language; one without a translation, such as of an older version, as it is stored."""
    for pattern, words in _PATTERNS.get(language, ()):
        found = pattern.fullmatch(reason)
        if found is not None:
            parts = found.groupdict()
            if REASON in parts:
                parts[REASON] = in_words(parts[REASON], language)
            return words.format(**parts)
    return reason
