"""The tax category of EN 16931 of amounts of one class and period, and the reason where no tax is due. Pure.

It follows from three things: the rate of the tax class, the fact `tax` of the account (exempt classes, place of supply), and the issuer's
facts `exemption`. Categories are data, in vat_categories.yaml beside this file.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from billing.accounts.kinds import WITHOUT_TAX
from billing.documents.semantic.model import TaxCategory
from billing.documents.semantic.subjects import in_language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.accounts.parties.kinds import Exemption

FILE: Final = Path(__file__).parent / "vat_categories.yaml"
EXEMPT: Final = "exempt"  # the name of an issuer's fact for all customers that are exempt
NEEDS_REASON: Final = frozenset({"E", "AE", "G", "O", "K"})


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category with its source. `code`: the reason in the list VATEX."""

    category: TaxCategory
    source: str
    code: str = ""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of this module."""

    cases: dict[str, Case]
    codes: dict[str, TaxCategory]


class Status(NamedTuple):
    """The taxation of a class in a period. `place`: the place of supply where the account is exempt, else empty."""

    tax_class: str
    rate_ppm: int
    exempt: bool
    place: str
    has_tax: bool


class Reasoned(NamedTuple):
    """A category, and why no tax is due. `fact`: the name of the issuer's fact that would say so; empty where tax is due."""

    category: TaxCategory
    rate_ppm: int
    reason: str
    code: str
    source: str
    fact: str


@functools.cache
def table() -> Table:
    """The data of this module."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Table)


def category_of(status: Status, exemptions: Mapping[str, Exemption], language: str) -> Reasoned:
    """The category of a class in a period. `exemptions`: the issuer's facts by name; reasons in `language`."""
    if status.has_tax or (status.rate_ppm and not status.exempt):
        case = table().cases["taxed"]
        return Reasoned(case.category, status.rate_ppm, "", "", case.source, "")
    if status.exempt and status.place in WITHOUT_TAX:
        return _reasoned(table().cases[status.place], status.place, exemptions.get(status.place), language)
    name = status.tax_class.lower()
    fact = exemptions.get(name)
    if status.exempt:
        if fact is None and EXEMPT in exemptions:
            name, fact = EXEMPT, exemptions[EXEMPT]
        return _reasoned(table().cases["exempt"], name or EXEMPT, fact, language)
    if fact is not None:
        return _reasoned(table().cases["exempt"], name, fact, language)
    case = table().cases["zero_rate"]
    return Reasoned(case.category, 0, "", "", case.source, "")


def _reasoned(case: Case, name: str, fact: Exemption | None, language: str) -> Reasoned:
    """A case without tax. The code of the issuer's fact decides where it stands for a category."""
    code = fact.code if fact is not None and fact.code else case.code
    category = table().codes.get(code, case.category)
    reason = in_language(fact.texts, language) if fact is not None else ""
    return Reasoned(category, 0, reason, code, case.source, name)
