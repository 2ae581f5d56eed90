"""The text of usage that came too late on a customer's bill, in the language of the account; and the versions of a record, in short.

The text of a line tells the days and the sources of its records. It does not name them: a record id may hold the number of a customer, and
people who may not see numbers read the text. The decision keeps the ids.
"""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.too_late.listing import local_start
from rating.dates import utc_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.too_late.listing import TooLate
    from billing.too_late.versions import Version, Versions

_NAMED: Final = 3  # sources that are named
_NAME_MAX: Final = 40
KEY_DIGITS: Final = 8  # of an event key, as people see it
WORDS: Final = {
    "en": {
        "one": "Late usage: 1 record of {first} ({sources})",
        "day": "Late usage: {count} records of {first} ({sources})",
        "many": "Late usage: {count} records of {first} to {last} ({sources})",
        "and": ", ",
        "more": "{names} and {rest} more",
    },
    "zh": {
        "one": "迟到用量：{first} 的 1 条记录（{sources}）",
        "day": "迟到用量：{first} 共 {count} 条记录（{sources}）",
        "many": "迟到用量：{first} 至 {last} 共 {count} 条记录（{sources}）",
        "and": "、",
        "more": "{names} 等，另有 {rest} 个来源",
    },
}

VERSIONS: Final = {
    "en": {
        "other": "billed as {billed}, and a version of {counts} counts",
        "none": "billed as {billed}, and no version counts any more",
        "moved": "billed as {billed}, and the version that counts is of another subscription, or of none",
        "elsewhere": "of another version another subscription is billed, and a version of {counts} counts",
    },
    "zh": {
        "other": "按 {billed} 出账，此后以 {counts} 的版本为准",
        "none": "按 {billed} 出账，此后没有任何版本有效",
        "moved": "按 {billed} 出账，此后有效的版本属于另一订购，或无归属",
        "elsewhere": "另一版本已向另一订购出账，此后以 {counts} 的版本为准",
    },
}


def in_short(each: Versions, language: str = "en") -> str:
    """The version of a record that a closed period bills, and the one that counts."""
    billed, counts = each.billed, each.counts
    alone = "moved" if each.counts_elsewhere else "none"
    name = "elsewhere" if billed is None else alone if counts is None else "other"
    is_dated = billed is not None and counts is not None and billed.start_us != counts.start_us
    return VERSIONS[language][name].format(billed=_quantity(billed, is_dated=is_dated), counts=_quantity(counts, is_dated=is_dated))


def told_apart(each: TooLate) -> str:
    """An entry by its key, with its account and start, and the side of it where a record has several."""
    whose = f"{each.record.account_id or 'no account'}, begun {local_start(each):%Y-%m-%d %H:%M}"
    return f"{each.record.event_key[:KEY_DIGITS]} of {whose}" + ("" if each.versions is None else f" ({in_short(each.versions)})")


def line_text(records: Sequence[TooLate], language: str) -> str:
    """The records a line is about: their days, how many, and their sources; of one record its time, too."""
    words = WORDS.get(language.partition("-")[0], WORDS["en"])
    days = sorted(f"{local_start(each):%Y-%m-%d}" for each in records)
    sources = named(sorted({each.record.source for each in records}), language)
    form = "one" if len(records) == 1 else "day" if days[0] == days[-1] else "many"
    first = f"{local_start(records[0]):%Y-%m-%d %H:%M}" if form == "one" else days[0]
    return words[form].format(count=len(records), first=first, last=days[-1], sources=sources)


def named(every: Sequence[str], language: str) -> str:
    """The first names of some sources, and how many more there are."""
    words = WORDS.get(language.partition("-")[0], WORDS["en"])
    names = words["and"].join(_name(each) for each in every[:_NAMED])
    return names if len(every) <= _NAMED else words["more"].format(names=names, rest=len(every) - _NAMED)


def _quantity(each: Version | None, *, is_dated: bool) -> str:
    """A duration, volume or count, with its start in UTC where versions begin at other times."""
    if each is None:
        return ""
    seconds = f"{each.duration_us / 1_000_000:,.3f}".rstrip("0").rstrip(".") + " s"
    told = f"{each.bytes:,} B" if each.bytes else seconds if each.duration_us else f"{each.units:,}"
    return f"{told} ({utc_time(each.start_us):%Y-%m-%d %H:%M} UTC)" if is_dated else told


def _name(record_id: str) -> str:
    """A name as people read it: of a long name the beginning, and no signs that cannot be printed."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in record_id)
    return plain if len(plain) <= _NAME_MAX else f"{plain[:_NAME_MAX]}…"
