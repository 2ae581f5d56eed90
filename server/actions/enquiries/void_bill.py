"""A record on a void invoice, in words: the invoice, and the run that bills the record again."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from billing.enquiries.void_bills import OnVoid

_WORDS: Final = {
    "en": {
        "void": "It was on {invoice} line {line_no}, and that invoice is void.",
        "again": "A run of {bill_date} or later bills it again.",
        "held": "A hold keeps back the run of {held}: one of {held_to} or later bills it again.",
    },
    "zh": {
        "void": "该记录原在 {invoice} 第 {line_no} 项，该账单已作废。",
        "again": "{bill_date} 或之后的出账将重新计费。",
        "held": "{held} 的出账因账单暂停不计费：{held_to} 或之后的出账将重新计费。",
    },
}


def void_in_words(found: OnVoid, language: str) -> list[str]:
    """The sentences, one a line; of a record that no run bills any more those of late usage."""
    from billing.left_out.words import sentences

    words = _WORDS[language]
    first = words["void"].format(invoice=found.invoice, line_no=found.line_no)
    if found.rerated:
        return [first]
    if found.bill_date:
        return [first, words["again"].format(bill_date=found.bill_date)]
    if found.held_to:
        return [first, words["held"].format(held=found.to_come.bill_date, held_to=found.held_to)]
    return [first, *sentences(found.to_come, language)[1:]]
