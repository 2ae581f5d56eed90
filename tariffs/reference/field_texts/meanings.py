"""The meaning of a field, and the meanings of the fields that many entries have."""

from __future__ import annotations

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """`without`: what holds where the field is not written; empty where it must be, or where another one takes its place."""

    text: str
    without: str = ""


TITLE: Final = Meaning("what invoices and the tariff sheet call it, by language", "the name")
FEE: Final = {
    "id": Meaning("number of the fee; stays the same in every version, and is that of no other price or fee"),
    "name": Meaning("what lists call it"),
    "charge_code": Meaning("number that groups charges into invoice lines; keeps its meaning for ever"),
    "revenue_code": Meaning("account of the revenue, 1 to 32767"),
    "tax_class": Meaning("name of the tax class"),
    "title": TITLE,
}
