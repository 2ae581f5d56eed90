"""Semantic documents as values: the only input of every rendering.

Units. Amounts (`_micros`) are int64 micro-units of the document's currency, in whole minor units unless a field says otherwise. Their
sign is that of the ledger: above zero is owed by the customer, also on credit notes, whose amounts are mostly below zero. Rates (`_ppm`)
are parts per million. Days are local to the account, and spans include their last day. Quantities are whole numbers in the unit beside
them.

Sums that hold of each invoice and credit note, and are asserted where it is made:

- lines - allowances + charges = net; net + tax = total (BT-106 to BT-112)
- total + amounts of third parties = what is posted for the document
- total - prepaid + rounding = due (BT-112 to BT-115)
- the taxable amounts of the tax table add up to net, its taxes to tax, and the parts of a row to that row
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from billing.accounts.parties.kinds import BankAccount
from billing.documents.semantic.parties import Buyer, Seller
from billing.documents.semantic.terms import beside, bt
from rating.model import PPM

VERSION = 1  # of these structs: fields are only added
INVOICE_CODE, CREDIT_NOTE_CODE = "380", "381"  # BT-3, code list UNTDID 1001
ONE = "C62"  # BT-130, code list UN/ECE 20: a unit without a name of its own

TaxCategory = Literal["S", "Z", "E", "AE", "G", "O", "K"]  # code list UNCL 5305, as EN 16931 takes of it
Role = Literal["line", "allowance", "charge", "third_party"]
Unit = Literal["millisecond", "message", "byte", "micro"]
Sense = Literal["credited", "corrected", "replaced"]
Reason = Literal["new", "gone", "other_days", "more_use", "less_use", "other_price", "correction", "by_hand"]


class Days(msgspec.Struct, frozen=True):
    """A span of days, both included."""

    first: Annotated[dt.date, bt("BT-134", "First day.")]
    last: Annotated[dt.date, bt("BT-135", "Last day, included.")]


class Passes(msgspec.Struct, frozen=True):
    """Day passes that the charges of a line hold."""

    name: Annotated[str, beside("Name of the pass.")]
    times: Annotated[int, beside("The number of times that it was opened.")]
    fees_micros: Annotated[int, beside("Sum of its fees, as prices state them.")]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The usage behind a line."""

    records: Annotated[int, beside("Number of records.")]
    quantity: Annotated[int, beside("Sum of their quantities.")]
    free_quantity: Annotated[int, beside("The part of it that allowances covered.")]
    unit: Annotated[Unit, beside("The unit that both count.")]
    shown_unit: Annotated[str, beside("The unit in which the price is stated: GB, MiB, message, purchase; empty for time.")] = ""
    exact_micros: Annotated[int, beside("Sum of the charges of the records, before the line was brought to the minor unit.")] = 0
    passes: Annotated[tuple[Passes, ...], beside("Day passes in it.")] = ()


class Correction(msgspec.Struct, frozen=True):
    """A line that changes what an earlier document charged: its days are those of the month that it corrects."""

    number: Annotated[str, bt("BT-25", "The last document that charged it before; empty where none did, as with usage that came late.")]
    issued_on: Annotated[dt.date | None, bt("BT-26", "The date of that document.")]


class Line(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """BG-25, or BG-20 and BG-21 for a discount: a line of a page, in its order there. `role` says which of them it is.

    Quantity times price is the amount: a line bills one of its kind, and minus one where it is to the customer's credit (the norm has no
    price below zero). How much was used is `usage`.
    """

    line_no: Annotated[int, bt("BT-126", "Number of the line, as the store and `invoice explain` know it.")]
    role: Annotated[Role, beside("line: BG-25; allowance: BG-20; charge: BG-21; third_party: outside all sums but what is to pay.")]
    kind: Annotated[str, beside("recurring, one_off, usage, volume, commitment, adjustment or discount.")]
    text: Annotated[str, bt("BT-153, BT-97, BT-104", "What is charged.")]
    amount_micros: Annotated[int, bt("BT-131", "Net amount; of an allowance BT-92 with the other sign, of a charge BT-99.")]
    category: Annotated[TaxCategory, bt("BT-151, BT-95, BT-102", "Tax category.")]
    rate_ppm: Annotated[int, bt("BT-152, BT-96, BT-103", "Rate of tax.")]
    days: Annotated[Days, bt("BG-26", "The period that it is for.")]
    charge_code: Annotated[int, bt("BT-155", "Code of the charge, the seller's id of what is sold.")]
    revenue_code: Annotated[int, beside("Code of the revenue in the ledger.")]
    tax_class: Annotated[str, beside("Tax class in the tariff; empty where no tariff has it.")] = ""
    tax_text: Annotated[str, beside("Name of its tax class, where nothing else distinguishes the line from another.")] = ""
    subscription_id: Annotated[str, beside("The subscription; empty: the account as a whole.")] = ""
    user: Annotated[str, beside("The account whose subscription it is, where another one pays.")] = ""
    user_name: Annotated[str, beside("The name of that account.")] = ""
    charged_days: Annotated[tuple[Days, ...], beside("The days of the period that a fee is for; none: all of them, or not known.")] = ()
    with_tax_micros: Annotated[int | None, beside("The amount with tax as the tariff states it, where its prices hold tax.")] = None
    usage: Annotated[Usage | None, beside("The usage behind it.")] = None
    correction: Annotated[Correction | None, beside("What it corrects, where it changes what was charged before.")] = None
    reference: Annotated[str, beside("Reference of a charge or credit by hand.")] = ""
    third_party: Annotated[str, beside("The provider whose amount it is, by the name of the issuer's fact; empty: the issuer itself.")] = ""

    @property
    def quantity(self) -> int:
        """BT-129: 1, or -1 for an amount below zero, in the unit BT-130 `ONE`."""
        return -1 if self.amount_micros < 0 else 1

    @property
    def price_micros(self) -> int:
        """BT-146: the net price of one; `quantity` times it is the amount."""
        return abs(self.amount_micros)


class TaxPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A class and period within a row of the tax table, as the page of the document shows it."""

    tax_class: Annotated[str, beside("Tax class in the tariff; empty where no tariff has it.")]
    text: Annotated[str, beside("Its name with its rate, in the language of the document; empty for no tax without a name.")]
    days: Annotated[Days, beside("The period that it is for.")]
    taxable_micros: Annotated[int, beside("Net amount that was taxed.")]
    tax_micros: Annotated[int, beside("Tax.")]
    certificate: Annotated[str, beside("Proof that the customer is exempt.")] = ""
    correction: Annotated[Correction | None, beside("What it corrects, where the tax of that period was charged before.")] = None


class Tax(msgspec.Struct, frozen=True, omit_defaults=True):
    """BG-23: a row of the tax table, one a category and rate.

    Tax is worked out by class and period, and corrections bill what is missing to it: it may be off the product of amount and rate.
    """

    category: Annotated[TaxCategory, bt("BT-118", "Tax category.")]
    rate_ppm: Annotated[int, bt("BT-119", "Rate of tax.")]
    taxable_micros: Annotated[int, bt("BT-116", "Net amount that was taxed.")]
    tax_micros: Annotated[int, bt("BT-117", "Tax.")]
    parts: Annotated[tuple[TaxPart, ...], beside("The same by class and period.")]
    reason: Annotated[str, bt("BT-120", "Why no tax is due, as the issuer's facts say it in the language of the document.")] = ""
    reason_code: Annotated[str, bt("BT-121", "Code of the reason in the list VATEX.")] = ""
    source: Annotated[str, beside("The rule from which the category follows.")] = ""

    @property
    def off_micros(self) -> Fraction:
        """The tax less the exact product of amount and rate (BR-CO-17): a rounding, or what a correction adds to the tax of before."""
        return self.tax_micros - Fraction(self.taxable_micros * self.rate_ppm, PPM)


class ThirdParty(msgspec.Struct, frozen=True, omit_defaults=True):
    """Amounts that the issuer collects for another provider: outside net, tax and total."""

    name: Annotated[str, beside("Name of the issuer's fact about the provider.")]
    provider: Annotated[str, beside("Name of the provider.")]
    contact: Annotated[str, beside("Its address or hotline, as the fact says it.")]
    amount_micros: Annotated[int, beside("Amount, tax of the provider included.")]


class Settled(msgspec.Struct, frozen=True):
    """Credit that was set off as the document was posted."""

    kind: Annotated[str, beside("payment, deposit or document.")]
    credit_id: Annotated[str, beside("Id of the payment or deposit, number of the document.")]
    amount_micros: Annotated[int, beside("Amount.")]


class Totals(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """BG-22: the sums of an invoice or a credit note."""

    lines_micros: Annotated[int, bt("BT-106", "Sum of lines.")]
    allowances_micros: Annotated[int, bt("BT-107", "Sum of allowances, above zero.")]
    charges_micros: Annotated[int, bt("BT-108", "Sum of charges.")]
    net_micros: Annotated[int, bt("BT-109", "Total without tax.")]
    tax_micros: Annotated[int, bt("BT-110", "Total tax.")]
    total_micros: Annotated[int, bt("BT-112", "Total with tax.")]
    prepaid_micros: Annotated[int, bt("BT-113", "The part of the total that credit paid as the document was posted.")] = 0
    rounding_micros: Annotated[int, bt("BT-114", "What rounds the amount due; 0, since lines are whole minor units.")] = 0
    due_micros: Annotated[int, bt("BT-115", "Amount due of the total.")]
    third_parties_micros: Annotated[int, beside("Amounts of third parties.")] = 0
    third_parties_prepaid_micros: Annotated[int, beside("The part of them that credit paid.")] = 0

    @property
    def to_pay_micros(self) -> int:
        """The amount to pay: what is due, and what is left of amounts of third parties."""
        return self.due_micros + self.third_parties_micros - self.third_parties_prepaid_micros


class Mandate(msgspec.Struct, frozen=True):
    """BG-19: a direct debit."""

    reference: Annotated[str, bt("BT-89", "Reference of the mandate.")]
    creditor_id: Annotated[str, bt("BT-90", "Identifier of the creditor.")]
    iban: Annotated[str, bt("BT-91", "The account that is debited.")]


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """BG-16: how to pay. An amount that is nothing, or to the customer's credit, has no means."""

    means: Annotated[str, bt("BT-81", "Code list UNTDID 4461: 58 SEPA transfer, 30 transfer, 59 SEPA direct debit; empty: nothing to pay.")]
    reference: Annotated[str, bt("BT-83", "What the payer writes: the number of the document.")]
    accounts: Annotated[tuple[BankAccount, ...], bt("BG-17", "Accounts to pay into.")] = ()
    mandate: Annotated[Mandate | None, bt("BG-19", "The mandate that is used.")] = None


class Preceding(msgspec.Struct, frozen=True):
    """BG-3: an earlier document that this one is about."""

    number: Annotated[str, bt("BT-25", "Its number.")]
    issued_on: Annotated[dt.date, bt("BT-26", "Its date.")]
    sense: Annotated[Sense, beside("credited by a credit note, corrected by lines, or replaced since it is void.")]


class BillDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A difference to the last bill: a charge of both, or of one of them."""

    text: Annotated[str, beside("What is charged.")]
    subscription_id: Annotated[str, beside("The subscription; empty: the account as a whole.")]
    kind: Annotated[str, beside("Kind of the line, as in `Line`.")]
    before_micros: Annotated[int, beside("Net on the last bill.")]
    now_micros: Annotated[int, beside("Net on this one.")]
    reason: Annotated[Reason, beside("Why it differs.")]


class LastBill(msgspec.Struct, frozen=True):
    """The bill of the cycle before, and the differences to it."""

    number: Annotated[str, beside("Its number.")]
    issued_on: Annotated[dt.date, beside("Its date.")]
    net_micros: Annotated[int, beside("Its net amount.")]
    total_micros: Annotated[int, beside("Its total.")]
    changes: Annotated[tuple[BillDifference, ...], beside("Lines that differ; their differences add up to that of the net amounts.")]


class UsageTotal(msgspec.Struct, frozen=True):
    """The usage of a subscription over all lines of one unit, for the first time on a bill."""

    subscription_id: Annotated[str, beside("The subscription.")]
    unit: Annotated[Unit, beside("The unit of the quantities.")]
    records: Annotated[int, beside("Number of records.")]
    quantity: Annotated[int, beside("Sum of their quantities.")]
    free_quantity: Annotated[int, beside("The part of it that allowances covered.")]
    amount_micros: Annotated[int, beside("Net amount of its lines.")]


class Allowance(msgspec.Struct, frozen=True):
    """An allowance of the period, with what was used of it and what is left."""

    subscription_id: Annotated[str, beside("The subscription; empty: subscriptions have it together.")]
    name: Annotated[str, beside("Name of the allowance.")]
    unit: Annotated[Unit, beside("The unit of the quantities.")]
    granted: Annotated[int, beside("Granted, with what came over from before.")]
    used: Annotated[int, beside("Used.")]
    left: Annotated[int, beside("Left at the end of the period.")]
    expires_on: Annotated[dt.date, beside("First day on which the rest is not there any more.")]


class Note(msgspec.Struct, frozen=True):
    """BG-1: a text of the issuer."""

    subject: Annotated[str, bt("BT-21", "Name of the issuer's fact, such as footer.")]
    text: Annotated[str, bt("BT-22", "The words, in the language of the document.")]


class Finding(msgspec.Struct, frozen=True):
    """Something that a document lacks. `code` is stable; `place` is an issuer, an account or a document, with the part of it."""

    code: str
    place: str
    message: str
    remedy: str


class Header(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="document"):
    """The part that all documents have."""

    number: Annotated[str, bt("BT-1", "Number of the document.")]
    issued_on: Annotated[dt.date, bt("BT-2", "Date of issue.")]
    currency: Annotated[str, bt("BT-5", "Currency of all amounts, ISO 4217.")]
    minor_digits: Annotated[int, beside("Decimal places of the currency.")]
    language: Annotated[str, beside("Language of its texts, such as zh or en-GB.")]
    seller: Annotated[Seller, bt("BG-4", "The issuer on the date of issue.")]
    buyer: Annotated[Buyer, bt("BG-7", "The customer on the date of issue.")]
    notes: Annotated[tuple[Note, ...], bt("BG-1", "Legal texts of the issuer.")] = ()
    findings: Annotated[tuple[Finding, ...], beside("What is missing: the document is whole where there are none.")] = ()
    version: Annotated[int, beside("Version of these structs; 1 where it is left out.")] = 1


class Charged(Header, frozen=True, omit_defaults=True, kw_only=True):
    """The part that invoices and credit notes have: lines, taxes and totals."""

    period: Annotated[Days, bt("BG-14", "The period that is billed for the first time.")]
    due_on: Annotated[dt.date, bt("BT-9", "Due date.")]
    lines: Annotated[tuple[Line, ...], bt("BG-25, BG-20, BG-21", "Lines in the order of a page; their role says which group they are of.")]
    taxes: Annotated[tuple[Tax, ...], bt("BG-23", "The tax table.")]
    totals: Annotated[Totals, bt("BG-22", "Sums.")]
    payment: Annotated[Payment, bt("BG-16", "How to pay.")]
    settled: Annotated[tuple[Settled, ...], beside("Credit that was set off as it was posted: prepaid, item by item.")] = ()
    third_parties: Annotated[tuple[ThirdParty, ...], beside("Amounts of third parties, by provider.")] = ()
    preceding: Annotated[tuple[Preceding, ...], bt("BG-3", "Documents that it credits, corrects or replaces.")] = ()
    usage: Annotated[tuple[UsageTotal, ...], beside("Usage by subscription and unit.")] = ()
    allowances: Annotated[tuple[Allowance, ...], beside("Allowances with what is left.")] = ()
    last_bill: Annotated[LastBill | None, beside("The bill before, and what changed since.")] = None

    def of_role(self, *roles: Role) -> tuple[Line, ...]:
        """The lines of some roles, in the order of a page."""
        return tuple(line for line in self.lines if line.role in roles)


class Invoice(Charged, frozen=True, omit_defaults=True, kw_only=True, tag="invoice"):
    """An invoice, BT-3 code 380; its total may be nothing, or to the customer's credit."""

    @property
    def type_code(self) -> str:
        """BT-3."""
        return INVOICE_CODE


class CreditNote(Charged, frozen=True, omit_defaults=True, kw_only=True, tag="credit_note"):
    """A credit note, BT-3 code 381. Amounts have the sign of the ledger; the norm wants them with the other one."""

    effect: Annotated[str, beside("outside or advance: whether later bills take it into account; empty: of a re-rating.")] = ""
    reason: Annotated[str, beside("Why it was given.")] = ""

    @property
    def type_code(self) -> str:
        """BT-3."""
        return CREDIT_NOTE_CODE
