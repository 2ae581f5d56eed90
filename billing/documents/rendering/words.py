"""The words of a page. A language is one `Words`; fields in braces are filled in by the modules beside this one.

Pairs are the forms for one and for many. Texts of the document itself (lines, tax classes, reasons) are in its own language.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Language = Literal["en", "de", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "de", "zh")


class Heads(NamedTuple):
    """Kinds of documents, the facts beside them, and their headline."""

    invoice: str
    credit_invoice: str
    credit_note: str
    title: str  # {kind}, {number}
    bill_to: str
    number: str
    issued_on: str
    due_on: str
    period: str
    customer: str
    vat_id: str
    tax_number: str
    uscc: str
    buyer_reference: str
    purchase_order: str
    contract: str
    project: str
    accounting: str
    service_address: str
    register: str
    questions: str
    about: Mapping[str, str]  # senses of earlier documents; {number}, {date}
    reason: str
    effect: Mapping[str, str]
    to_pay: str
    by: str  # {date}
    nothing: str
    nothing_text: str
    paid_text: str
    credit: str
    credit_text: str
    page: str
    practice: str
    boxes: str
    replaced: str


class Ways(NamedTuple):
    """The way to pay."""

    title: str
    transfer: str  # {amount}, {date}
    debit: str  # {amount}, {iban}, {mandate}, {creditor}
    no_account: str
    nothing: str
    holder: str
    iban: str
    account: str
    bic: str
    bank: str
    reference: str
    code: str
    spoken: str  # {amount}, {holder}, {iban}, {reference}


class Sums(NamedTuple):
    """Sums and taxes."""

    net: str
    tax_at: str  # {rate}
    total: str
    prepaid: str
    rounding: str
    others: str
    others_prepaid: str
    to_pay: str
    to_credit: str
    tax_title: str
    tax: str
    taxed: str
    no_tax: str
    at_rate: str  # {rate}
    categories: Mapping[str, str]
    certificate: str  # {proof}
    settled_title: str
    settled: Mapping[str, str]  # {id}


class Charges(NamedTuple):
    """Lines, and the differences to the last bill."""

    title: str
    number: str
    charge: str
    rate: str
    amount: str  # {currency}
    account: str
    subscription: str  # {id}
    corrections: str
    allowances: str
    surcharges: str
    others: str
    others_text: str  # {provider}, {contact}
    sum: str
    used: str  # {quantity}, {records}
    free: str
    exact: str
    passes: str  # {times}, {name}, {fees}
    reference: str
    with_tax: str
    tax_class: str
    corrects: str  # {month}, {number}, {date}
    corrects_late: str  # {month}
    changed: str  # {number}, {date}
    unchanged: str
    before: str
    now: str
    difference: str
    why: str
    reasons: Mapping[str, str]


class Used(NamedTuple):
    """Usage, allowances and itemised usage."""

    usage_title: str
    subscription: str
    records: str
    quantity: str
    free: str
    amount: str  # {currency}
    allowances_title: str
    allowance: str
    granted: str
    used: str
    left: str
    until: str
    shared: str
    itemised_title: str
    itemised_none: str
    masked: str
    line: str  # {number}, {text}
    time: str
    with_: str
    charge: str  # {currency}
    sum: str
    before_rounding: str
    late: str


class Units(NamedTuple):
    """Quantities and amounts."""

    minutes: str
    message: tuple[str, str]
    purchase: tuple[str, str]
    record: tuple[str, str]
    bytes: str
    money: str  # {amount}, {currency}
    currencies: Mapping[str, str]
    percent: str
    span: str  # {first}, {last}
    comma: str


class Words(NamedTuple):
    """All words of a language. `tag`: its name in HTML."""

    tag: str
    heads: Heads
    ways: Ways
    sums: Sums
    charges: Charges
    used: Used
    units: Units
    notes: str


def words_of(language: Language) -> Words:
    """The words of a language."""
    found = importlib.import_module(f"billing.documents.rendering.words_{language}").WORDS
    assert isinstance(found, Words)
    return found
