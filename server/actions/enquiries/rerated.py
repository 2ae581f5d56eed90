"""Lines of re-ratings on top of a charge or a line, in words."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.money import format_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.invoicing.rerated import Rerated

_WORDS: Final = {
    "en": {
        "head": "The charge is that of run {run}. Billed since, with all events of its subscription and period that a line is of:",
        "line": "  re-rating {job}, {number} line {line_no} of {date}: {text}, {amount} {currency} ({key})",
        "same": "same charge key", "other": "another charge key", "found": "; re-rated since: {}", "short": "{number}/{line_no} {amount}",
        "short_other": "{number}/{line_no} {amount} (another charge key)", "comma": ", ",
    },
    "zh": {
        "head": "以上费用为第 {run} 次出账所计。此后又入账（每项含其订购该账期内所属的全部使用）：",
        "line": "  重新批价 {job}，{number} 第 {line_no} 项（{date}）：{text}，{amount} {currency}（{key}）",
        "same": "同一计费项", "other": "另一计费项", "found": "；此后重新批价：{}", "short": "{number}/{line_no} {amount}",
        "short_other": "{number}/{line_no} {amount}（另一计费项）", "comma": "、",
    },
}  # fmt: skip


def sentences(run_id: int, lines: Sequence[Rerated], language: str) -> list[str]:
    """A sentence, and below it one for each line; none where nothing was billed on top."""
    words = _WORDS[language]
    return [words["head"].format(run=run_id), *(words["line"].format(**_fields(each, words)) for each in lines)] if lines else []


def in_short(lines: Iterable[Rerated], language: str) -> str:
    """The same behind the state of a record, in few words."""
    words = _WORDS[language]
    told = [words["short" if each.same_key else "short_other"].format(**_fields(each, words)) for each in lines]
    return words["found"].format(words["comma"].join(told)) if told else ""


def _fields(line: Rerated, words: dict[str, str]) -> dict[str, object]:
    key = words["same" if line.same_key else "other"]
    about = {"job": line.job_id, "number": line.number, "line_no": line.line_no, "date": line.issued_on, "text": line.text}
    return {**about, "amount": format_micros(line.amount_micros, MINOR_DIGITS.get(line.currency, 2)), "currency": line.currency, "key": key}
