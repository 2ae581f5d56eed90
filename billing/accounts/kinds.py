"""Kinds of dated facts about accounts and subscriptions, and their contents. One struct a kind; as JSON it is the fact's `detail`.

A fact holds from `from_date` (local, inclusive) to `to_date` (exclusive; none is open). Of facts of one kind with the same subject and
from_date the one learned last holds; a retraction ends it and all earlier ones. Amounts are micro-units in the account's currency.
"""

from __future__ import annotations

from typing import Final

import msgspec

PAYMENT_DAYS_MAX: Final = 365
CATEGORIES: Final = ("normal", "staff", "test")


class BarFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`bar_outgoing`, `unbar`: decisions of dunning. Their detail is plain text, not this struct's JSON."""


class BillDayFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`bill_day`: the running cycle ends at its old bill date, a stub leads from there to the first date of the new day."""

    bill_day: int  # 1 .. 31


class TermsFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`terms`: agreements of this contract that differ from its pack; None leaves it.

    The last two are of a subscription, the others of an account. Stored facts about accounts may have the last two, without effect.
    """

    language: str | None = None  # a tag such as zh
    payment_days: int | None = None  # 0 .. 365
    dunning_policy: str | None = None
    minimum_months: int | None = None  # 0 .. 120
    early_end_waived: bool = False  # no fee for an early end


def of_account(terms: TermsFact) -> TermsFact:
    """The terms that an account can have."""
    return TermsFact(terms.language, terms.payment_days, terms.dunning_policy)


class PayerFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`payer`: another account pays, from a bill date on. Of an account: all of it or some kinds and codes; of a subscription: a split one.

    An empty `payer` ends the agreement. Kinds are the words of `invoice_lines.kind`; empty filters mean everything.
    """

    payer: str  # account_id
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()


class SponsorFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`sponsor`: another account pays for these charges of the account (content, a service, a fee)."""

    sponsor: str  # account_id; empty ends it
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()


class PoolFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`pool`: allowances are shared with this account, from a bill date on; empty: alone again."""

    root: str  # account_id


class HoldFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`hold`: no bill whose date lies in the span; the first one after catches up."""

    reason: str = ""


class CategoryFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`category`: normal, staff (billed, shown apart) or test (rated, never invoiced)."""

    category: str


PLACES: Final = ("home", "other_eu", "reverse_charge", "outside")  # of supply
WITHOUT_TAX: Final = frozenset({"reverse_charge", "outside"})


class TaxFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`tax`: classes that are exempt (`*` all of them), and classes that replace others, for periods that end within the span.

    `place`: the place of supply. It changes no amount: documents give it as the reason why there is no tax, or another one.
    """

    exempt: tuple[str, ...] = ()
    classes: dict[str, str] = {}
    certificate: str = ""
    place: str = "home"


class DiscountFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`discount`: agreed with this customer: a percentage or a fixed amount a period, as `rating.model.InvoiceDiscount`."""

    name: str
    percent_ppm: int = 0
    amount_micros: int = 0
    kinds: tuple[str, ...] = ()
    charge_codes: tuple[int, ...] = ()
    charge_code: int = 0
    revenue_code: int = 0


class ClosedFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`closed`: the account ends on this date (first day without it); amounts due then are the final bill. Undone by a retraction."""

    reason: str = ""


class PauseFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`pause` of a subscription, from its date to the day of resuming. Resuming later than known is a new fact of the same from_date."""

    reason: str = ""


class OutageFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`outage` of a subscription: days on which fees with `outage_credit` are not charged."""

    reason: str = ""
    ticket: str = ""


class EndFact(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`end` of a subscription: from_date is the first day without service. `no_end` (the same struct) revives it: no end is known."""

    reason: str = ""
    transferred: bool = False  # to another owner: neither a fee for the end nor one for ending early
    taken_back: bool = False  # of a new owner's subscription: its handover was taken back, and it never was (`untransfer` alone says so)


ACCOUNT_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "bar_outgoing": BarFact,
    "unbar": BarFact,
    "bill_day": BillDayFact,
    "terms": TermsFact,
    "payer": PayerFact,
    "sponsor": SponsorFact,
    "pool": PoolFact,
    "hold": HoldFact,
    "category": CategoryFact,
    "tax": TaxFact,
    "discount": DiscountFact,
    "closed": ClosedFact,
}
SUBSCRIPTION_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "pause": PauseFact,
    "outage": OutageFact,
    "end": EndFact,
    "no_end": EndFact,
    "terms": TermsFact,
    "payer": PayerFact,
    "discount": DiscountFact,
}
