"""Records of an account that was for tests by mistake when their period was billed, in words."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from billing.left_out.telling import Told

_SHORT: Final = {
    "en": "its account was for tests when its period was billed, and the run of {date} bills it",
    "zh": "所属账期出账时其账户为测试账户，{date} 的出账将计费",
}
_SENTENCE: Final = {
    "en": "Its account was for tests when its period was billed, and is a customer now. The next run of its account, that of {date}, "
    "bills it.",
    "zh": "所属账期出账时其账户为测试账户，现在不是。该账户的下一次出账（{date}）将计费。",
}


def in_short(next_bill_date: str, language: str) -> str:
    """The fate of such a record of `usage find`."""
    return _SHORT[language].format(date=next_bill_date)


def sentences(told: Told, language: str, *, is_priced: bool) -> list[str]:
    """All sentences about one record of `bill explain`; of one that is not such those of `billing.left_out.words`."""
    import msgspec

    from billing.left_out import words
    from billing.left_out.telling import AFTER_BILL
    from billing.verification.explain_line import TESTED_BY_MISTAKE

    if told.detail != TESTED_BY_MISTAKE:
        return words.sentences(told, language, is_priced=is_priced)
    late_short, late = (words.WORDS[language][name].format(date=told.bill_date) for name in ("after_bill_told", "after_bill"))
    own = _SENTENCE[language].format(date=told.bill_date)
    first, *rest = words.sentences(msgspec.structs.replace(told, detail=AFTER_BILL), language, is_priced=is_priced)
    return [first.removesuffix(late_short) + in_short(told.bill_date, language), *(own if each == late else each for each in rest)]
