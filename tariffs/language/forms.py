"""Forms of the texts of a tariff file: a name, a pattern or a choice of words, and examples, for editors and the reference.

`tariffs.language.texts` and `tariffs.language.digits` read the texts and decide; nothing that they accept is refused here.
Patterns are of the whole text and use only what Python and JSON Schema (ECMA 262) understand alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Form(NamedTuple):
    """`words` or `pattern`, or neither: any text. `whole`: whole numbers from and to which it may be written without quotes.

    `flags`: true and false may be written as well.
    """

    title: str
    pattern: str = ""
    words: tuple[str, ...] = ()
    whole: tuple[int, int] | None = None
    examples: tuple[str | int, ...] = ()
    flags: bool = False


_AMOUNT: Final = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?"
_QUANTITY: Final = r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})? ?(ms|s|min|h|B|KB|MB|GB|TB|KiB|MiB|GiB|TiB|messages?)"
_INCREMENT: Final = rf"([1-9][0-9]{{0,9}}|{_QUANTITY})"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY_OF_ISO: Final = r"[0-9]{4}-?(W[0-9]{2}(-?[0-9])?|[0-9]{2}-?[0-9]{2})"
_OF_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OF_YEAR: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)


_DAY: Final = f"({'|'.join(map(_any_case, _OF_WEEK))})"
_DAYS: Final = rf"(daily| *{_DAY} *(- *{_DAY} *)?(, *{_DAY} *(- *{_DAY} *)?)*)"

ANY: Final = Form("text")
AMOUNT: Final = Form("amount", _AMOUNT, examples=("0.085", "12.99"))
PERCENT: Final = Form("percentage", r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?", whole=(0, 100), examples=("19", "7.7"))
QUANTITY: Final = Form("quantity", _QUANTITY, examples=("60s", "100min", "1GB", "50 messages"))
GRANT: Final = Form("quantity or amount", f"({_QUANTITY}|{_AMOUNT})", examples=("500MB", "5.00"))
INCREMENTS: Final = Form("pair of increments", f"{_INCREMENT}/{_INCREMENT}", examples=("60/1", "100KB/100KB"))
DATE: Final = Form("date", _DATE, examples=("2026-12-25",))
INSTANT: Final = Form("instant", rf"{_DAY_OF_ISO}.[0-9]{{2}}.*(Z|[+-][0-9]{{2}}[0-9:.]*)", examples=("2026-01-01T00:00:00+08:00",))
BAND_START: Final = Form("time of day", r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", examples=("08:00",))
BAND_END: Final = Form("time of day", r"([01][0-9]|2[0-3]):([0-4][0-9]|5[0-8])(:[0-5][0-9])?|24:00(:00)?", examples=("20:00", "24:00"))
DAYS: Final = Form("days", _DAYS, examples=("mon-fri", "sat,sun", "daily"))
MONTH: Final = Form("month", f"({'|'.join(map(_any_case, _OF_YEAR))})", whole=(1, 12), examples=("jul", 7))
PREFIX: Final = Form("prefix", r"[0-9]{1,15}", whole=(0, 10**15 - 1), examples=("4930", "86"))
SHORT_CODE: Final = Form("short code", r"[0-9]{1,8}", whole=(0, 10**8 - 1), examples=("112", "10086"))
NETWORK: Final = Form(
    "network", r"([1-9][0-9]{2}|0(0[1-9]|[1-9][0-9]))-?[0-9]{2,3}", whole=(10_000, 999_999), examples=("262-01", "460-00")
)


def flag_or(title: str, words: Iterable[str | bool]) -> Form:
    """True, false or one of the other `words`."""
    return Form(title, words=tuple(word for word in words if isinstance(word, str)), flags=True)


def choice(title: str, words: Iterable[str]) -> Form:
    """One of `words`."""
    return Form(title, words=tuple(words))
