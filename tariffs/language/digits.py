"""Reads the texts of a tariff file that are digits: prefixes, short codes and networks.

Each is text or a YAML whole number: 49 is as good as "49".
"""

from __future__ import annotations

import re
from typing import Final

from tariffs.language.texts import TextError

MNC_PLACES: Final = 1_000  # a network is MCC x 1000 + MNC

_PREFIX: Final = re.compile(r"[0-9]{1,15}")
_SHORT_CODE: Final = re.compile(r"[0-9]{1,8}")
_NETWORK: Final = re.compile(r"([1-9][0-9]{2}|0(?:0[1-9]|[1-9][0-9]))-?([0-9]{2,3})")


def prefix(raw: object) -> str:
    """An E.164 prefix of 1 to 15 digits."""
    text = _digits(raw)
    if not _PREFIX.fullmatch(text):
        raise TextError(f'"{raw}" is not a prefix', "write 1 to 15 digits, without + or 00, such as 4930")
    return text


def short_code(raw: object) -> str:
    """A short code of 1 to 8 digits: a whole number, as it is dialled."""
    text = _digits(raw)
    if not _SHORT_CODE.fullmatch(text):
        raise TextError(f'"{raw}" is not a short code', "write the 1 to 8 digits that are dialled, such as 112")
    return text


def plmn(raw: object) -> int:
    """MCC x 1000 + MNC of a visited network: three digits of country, then two or three of network, such as "262-01" or 310410.

    A network code of two digits and the same one with a 0 before it (262-01 and 262-001) are one network here: no country uses both.
    """
    match = _NETWORK.fullmatch(_digits(raw))
    if match is None:
        raise TextError(f'"{raw}" is not a network', "write country code and network code, such as 262-01 or 310-410")
    return int(match[1]) * MNC_PLACES + int(match[2])


def _digits(raw: object) -> str:
    """The text of a whole number, and of text itself; "" for anything else."""
    if isinstance(raw, str):
        return raw
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else ""
