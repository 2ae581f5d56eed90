"""Prefixes, short codes and networks as a person writes them: a row a text."""

from __future__ import annotations

import pytest

from tariffs.language import digits
from tariffs.language.texts import TextError

GOOD = [
    (digits.prefix, "4930", "4930"),
    (digits.prefix, 49, "49"),
    (digits.short_code, "112", "112"),
    (digits.short_code, 10086, "10086"),
    (digits.short_code, "01234567", "01234567"),
    (digits.plmn, "262-01", 262_001),
    (digits.plmn, 26201, 262_001),
    (digits.plmn, "262-001", 262_001),  # one network here
    (digits.plmn, "310-410", 310_410),
    (digits.plmn, 310410, 310_410),
    (digits.plmn, "310-41", 310_041),  # two digits are another network than 310-410
    (digits.plmn, "001-01", 1_001),
    (digits.plmn, "00101", 1_001),
]


@pytest.mark.parametrize(("read", "raw", "value"), GOOD)
def test_good(read: object, raw: object, value: object) -> None:
    assert callable(read)
    assert read(raw) == value


# reader, text, part of the message, part of the remedy
BAD = [
    (digits.prefix, "+49", "not a prefix", "without +"),
    (digits.prefix, "1234567890123456", "not a prefix", "1 to 15"),
    (digits.prefix, True, "not a prefix", "digits"),
    (digits.prefix, "٣", "not a prefix", "digits"),
    (digits.short_code, "", "not a short code", "1 to 8"),
    (digits.short_code, "123456789", "not a short code", "1 to 8"),
    (digits.short_code, "*100#", "not a short code", "dialled"),
    (digits.short_code, 0.5, "not a short code", "112"),
    (digits.plmn, "26-01", "not a network", "262-01"),
    (digits.plmn, "262-1", "not a network", "262-01"),
    (digits.plmn, 2621, "not a network", "262-01"),
    (digits.plmn, "262-0001", "not a network", "310-410"),
    (digits.plmn, "000-00", "not a network", "262-01"),
    (digits.plmn, "262/01", "not a network", "262-01"),
    (digits.plmn, None, "not a network", "262-01"),
]


@pytest.mark.parametrize(("read", "raw", "message", "remedy"), BAD)
def test_bad(read: object, raw: object, message: str, remedy: str) -> None:
    assert callable(read)
    with pytest.raises(TextError) as caught:
        read(raw)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
