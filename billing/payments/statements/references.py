"""Structured references: creditor references of ISO 11649 (RF), national ones by their check digits, and those of other schemes. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

from billing.payments.statements.records import Reference, ReferenceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHARS_MAX: Final = 140
_RF: Final = re.compile(r"(?<![A-Za-z0-9])RF[0-9]{2}[A-Za-z0-9]{1,21}(?![A-Za-z0-9])")
_RF_START: Final = re.compile(r"RF[0-9]{2}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9]")
# Schemes with check digits of their own: whether a number is good, and how many digits at its end check it.
NATIONAL: Final[dict[str, tuple[Callable[[str], bool], int]]] = {
    "QRR": (esr.is_valid, 1),  # Switzerland: 26 digits and a check digit, modulo 10 recursive
    "BBA": (ogm_vcs.is_valid, 2),  # Belgium: ten digits and two, modulo 97
    "KID": (luhn.is_valid, 1),  # Norway: modulo 10
}


def classified(text: str, scheme: str = "") -> Reference:
    """A reference as its scheme, or its form, says."""
    text = text[:CHARS_MAX]
    if _RF_START.match(compact(text)):
        return Reference(ReferenceKind.RF, text, scheme)
    if scheme in {"", "SCOR"}:
        return Reference(ReferenceKind.SCOR, text, scheme)
    return Reference(ReferenceKind.NATIONAL, text, scheme)


def in_text(text: str) -> list[Reference]:
    """References of ISO 11649 that a free text holds without blanks, those with good check digits alone."""
    return [Reference(ReferenceKind.RF, found) for found in _RF.findall(text) if iso11649.is_valid(found)]


def is_sound(reference: Reference) -> bool:
    """Return whether its check digits are right; a scheme without any is sound."""
    if reference.kind is ReferenceKind.RF:
        return bool(iso11649.is_valid(compact(reference.text)))
    check = NATIONAL.get(reference.scheme)
    return check is None or check[0](compact(reference.text))


def body(reference: Reference) -> str:
    """Content that the creditor put into a reference: capitals and digits, without check digits and first zeros."""
    text = compact(reference.text)
    if reference.kind is ReferenceKind.RF:
        return text[4:]
    if reference.scheme in NATIONAL:
        return text[: -NATIONAL[reference.scheme][1]].lstrip("0")
    return text


def compact(text: str) -> str:
    """Letters in capitals and digits alone."""
    return _OTHER.sub("", text).upper()


def sound(found: Iterable[Reference]) -> tuple[list[Reference], list[Reference]]:
    """References whose check digits are right, and those whose are not."""
    every = list(found)
    return [each for each in every if is_sound(each)], [each for each in every if not is_sound(each)]
