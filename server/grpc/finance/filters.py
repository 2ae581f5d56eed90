"""Filters and orders of lists: the part of AIP-160 that an index can serve, `field op value AND ...`, and AIP-132's `order_by`.

A value is a word or in double quotes. Days are ISO, amounts decimal text in the account's currency, `true` and `false` are words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from billing.days import DayError, read_day
from billing.invoicing import listing
from billing.invoicing.listing import Condition, Listing
from rating.errors import quoted
from rating.money import MoneyError, parse_micros
from server.grpc.finance import values
from server.grpc.refusals import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

FILTER_CHARACTERS_MAX: Final = 1_000
_CONDITION: Final = re.compile(r'\s*([a-z_]+)\s*(<=|>=|=|<|>)\s*(?:"((?:[^"\\]|\\["\\])*)"|([^\s"<>=()]+))(?=\s|$)')
_AND: Final = re.compile(r"\s+AND(?=\s)")
_ESCAPED: Final = re.compile(r"\\(.)")
_RUN_MAX: Final = 2**63
_WORDS: Final = {"true": True, "false": False}


def parse(text: str, order_by: str, account_id: str | None, whole: Callable[[str], str]) -> Listing:
    """The list that a filter and an order ask for. `whole` gives a number as printed. Refuses FILTER, ORDER_BY and FILTER_NOT_SERVED."""
    conditions = _conditions(text, whole)
    order, descending = _order(order_by)
    wanted = Listing(account_id, conditions, order, descending)
    try:
        listing.require_served(wanted)
    except listing.NotServedError as error:
        raise invalid("FILTER_NOT_SERVED", error.message, {"field": "filter", "remedy": error.remedy}) from None
    return wanted


def _conditions(text: str, whole: Callable[[str], str]) -> list[Condition]:
    if len(text) > FILTER_CHARACTERS_MAX:
        raise _wrong(f"it is longer than {FILTER_CHARACTERS_MAX} characters")
    found: list[Condition] = []
    place = 0
    while text[place:].strip():
        if found:
            joined = _AND.match(text, place)
            if joined is None:
                raise _wrong(f"from character {place + 1} on it is not `AND` and another condition")
            place = joined.end()
        match = _CONDITION.match(text, place)
        if match is None:
            raise _wrong(f"from character {place + 1} on it is not a condition such as `total > 10.00`")
        field, compared, inside, word = match.groups()
        found.append(_condition(field, compared, _ESCAPED.sub(r"\1", inside) if word is None else word, whole))
        place = match.end()
    return found


def _condition(field: str, compared: str, text: str, whole: Callable[[str], str]) -> Condition:
    if "\0" in text:
        raise _wrong("it has a NUL character")
    if field in listing.AMOUNTS:
        try:
            return Condition(field, compared, parse_micros(text))
        except MoneyError as error:
            raise _wrong(f"{field}: {error}") from None
    if field in listing.DAYS:
        try:
            return Condition(field, compared, read_day(text).isoformat())
        except DayError as error:
            raise _wrong(f"{field}: {error}") from None
    if field == listing.NUMBER:
        return Condition(field, compared, whole(text))
    if field not in _EQUAL:
        raise _wrong(f"{field} is none of {', '.join(sorted({*listing.AMOUNTS, *listing.DAYS, listing.NUMBER, *_EQUAL}))}")
    if compared != "=":
        raise _wrong(f"{field} is compared with `=` alone")
    return Condition(field, compared, _EQUAL[field](text))


def _word(text: str) -> bool:
    if text not in _WORDS:
        raise _wrong(f"{quoted(text)} is neither true nor false")
    return _WORDS[text]


def _run(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:20]) < _RUN_MAX):
        raise _wrong(f"{quoted(text)} is not the number of a run")
    return int(text)


_EQUAL: Final[dict[str, Callable[[str], str | int | bool]]] = {
    listing.ACCOUNT: values.account,
    listing.RUN: _run,
    listing.VOID: _word,
    listing.OPEN: _word,
    listing.TYPE: str,
}


def _order(text: str) -> tuple[str, bool]:
    words = text.split() or [listing.NUMBER]
    if len(words) > 2 or words[0] not in listing.ORDERS or words[1:] not in ([], ["desc"]):  # noqa: PLR2004 -- a field and its direction
        message = f"order_by: {quoted(text)} is not one of {', '.join(listing.ORDERS)}, with or without desc"
        raise invalid("ORDER_BY", message, {"field": "order_by"})
    return words[0], len(words) > 1


def _wrong(what: str) -> Refusal:
    return invalid("FILTER", f"filter: {what}", {"field": "filter"})
