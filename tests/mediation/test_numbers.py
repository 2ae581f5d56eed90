"""Telephone numbers: what is dialled or written, by the rules of a source, and the number in E.164 that comes of it, or none."""

from __future__ import annotations

import numpy as np
import pytest

from mediation.sources.rules import Numbering, NumberType, Plain
from mediation.values import numbers
from tests.mediation.texts import block_of_texts

PLAIN = Numbering()
CHINA = Numbering(country_code="86", trunk_prefix="0", plain=Plain.NATIONAL)
BEIJING = Numbering(country_code="86", trunk_prefix="0", plain=Plain.NATIONAL, area_code="10", short_codes=("95588", "4006000"))
RUSSIA = Numbering(
    country_code="7", international_prefix="810", more_international_prefixes=("00",), trunk_prefix="8", plain=Plain.NATIONAL
)
LUXEMBOURG = Numbering(country_code="352", plain=Plain.NATIONAL, shortest=4)

# digits as written, rules, type of number (empty: no such column), number or none
CASES = [
    ("8613900000001", PLAIN, "", 8613900000001),
    ("+8613900000001", PLAIN, "", 8613900000001),
    ("008613900000001", PLAIN, "", 8613900000001),
    ("+86 (139) 0000-0001", PLAIN, "", 8613900000001),
    ("86.139.0000/0001", PLAIN, "", 8613900000001),
    ("1234567", PLAIN, "", 1234567),
    ("123456", PLAIN, "", None),  # a short code
    ("1002", PLAIN, "", None),
    ("alice", PLAIN, "", None),
    ("", PLAIN, "", None),
    ("+", PLAIN, "", None),
    ("00", PLAIN, "", None),
    ("0123456789", PLAIN, "", None),  # no country code begins with 0
    ("+0123456789", PLAIN, "", None),
    ("1234567890123456", PLAIN, "", None),  # sixteen digits
    ("123456789012345", PLAIN, "", 123456789012345),
    ("1" * 40, PLAIN, "", None),
    # masked digits: never a wrong number
    ("1390000****", PLAIN, "", None),
    ("86139XXXX1234", PLAIN, "", None),
    ("86139xxxx1234", CHINA, "", None),
    ("86139####", CHINA, "", None),
    ("1390000----", PLAIN, "", None),
    ("1390000....", PLAIN, "", None),
    ("1390000-", PLAIN, "", None),
    ("139--0000123", PLAIN, "", None),
    ("139..0000123", CHINA, "", None),
    ("139- -0000123", PLAIN, "", None),
    ("****1234567", PLAIN, "", None),
    ("-8613900000001", PLAIN, "", None),
    (".1390000123", PLAIN, "", None),
    ("+-8613900000001", PLAIN, "", None),
    ("139    1234", PLAIN, "", None),  # blanked out
    ("139  0000123", CHINA, "", None),
    ("  8613900000001  ", PLAIN, "", 8613900000001),
    ("+ 86 139 - 0000 - 0001", PLAIN, "", 8613900000001),
    ("(86) 139 0000 0001", PLAIN, "", 8613900000001),
    ("1390000????", PLAIN, "", None),
    ("1390000\u2022\u2022\u2022\u2022", PLAIN, "", None),
    ("anonymous", CHINA, "", None),
    ("+86139+0000123", PLAIN, "", None),
    ("13900000001,,12", CHINA, "", None),
    # by prefix
    ("13900000001", CHINA, "", 8613900000001),
    ("01012345678", CHINA, "", 861012345678),
    ("004412345678", CHINA, "", 4412345678),
    ("+4412345678", CHINA, "", 4412345678),
    ("10086", CHINA, "", None),  # dialled without a trunk prefix, five digits are a short code, not 86 10086
    ("110", CHINA, "", None),
    ("84951234567", RUSSIA, "", 74951234567),
    ("8104912345678", RUSSIA, "", 4912345678),  # the longer prefix decides
    ("004912345678", RUSSIA, "", 4912345678),
    ("4951234567", RUSSIA, "", 74951234567),
    ("4545", LUXEMBOURG, "", 3524545),
    ("454", LUXEMBOURG, "", None),
    ("01012345678", Numbering(trunk_prefix="0"), "", None),  # no country code: no telling
    # short codes
    ("95588", BEIJING, "", None),
    ("4006000", BEIJING, "", None),
    ("+4006000", BEIJING, "", 4006000),  # with + it is a number of the country 40
    ("4006000123", BEIJING, "", 864006000123),
    # by type of number
    ("4412345678", CHINA, "1", 4412345678),
    ("4412345678", CHINA, "INTERNATIONAL", 4412345678),
    ("4412345678", CHINA, "0x91", 864412345678),  # no such word: as written
    ("4412345678", CHINA, "91", 4412345678),
    ("4412345678", CHINA, "145", 4412345678),
    ("004412345678", CHINA, "1", 4412345678),
    ("13900000001", PLAIN, "2", None),
    ("13900000001", CHINA, "2", 8613900000001),
    ("013900000001", CHINA, "A1", 8613900000001),
    ("8001234567", RUSSIA, "2", 78001234567),  # told to be national: the 8 is no trunk prefix
    ("65001234", BEIJING, "4", 861065001234),
    ("65001234", CHINA, "4", None),  # no area code given
    ("110", BEIJING, "4", None),
    ("13900000001", CHINA, "6", None),
    ("SHOP", CHINA, "5", None),
    ("13900000001", CHINA, "", 8613900000001),
    ("13900000001", CHINA, "weird", 8613900000001),
]


@pytest.mark.parametrize(
    ("text", "rules", "type_", "expected"), CASES, ids=[f"{case[0]} {case[1].country_code} {case[2]}" for case in CASES]
)
def test_numbers(text: str, rules: Numbering, type_: str, expected: int | None) -> None:
    nothing = np.zeros(1, np.int64)
    block = block_of_texts(("number", "type"), [[text.encode(), type_.encode()]], (np.zeros(0, np.uint8), nothing, nothing))
    found = numbers.read(block, block.spans("number"), rules, "type")
    assert (int(found.value[0]), int(found.digits[0])) == ((expected, len(str(expected))) if expected else (0, 0))
    if not type_:
        without = numbers.read(block, block.spans("number"), rules)
        assert (without.value.tolist(), without.digits.tolist()) == (found.value.tolist(), found.digits.tolist())


def test_a_sources_own_words_for_types() -> None:
    rules = Numbering(country_code="86", types={"n": NumberType.NATIONAL, "1": NumberType.NATIONAL})
    nothing = np.zeros(3, np.int64)
    rows = [[b"13900000001", b"N"], [b"13900000001", b"1"], [b"13900000001", b"2"]]
    block = block_of_texts(("number", "type"), rows, (np.zeros(0, np.uint8), nothing, nothing))
    assert numbers.read(block, block.spans("number"), rules, "type").value.tolist() == [8613900000001] * 3
