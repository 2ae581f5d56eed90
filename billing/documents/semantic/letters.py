"""Documents that charge nothing, as values: statements, dunning letters, deposit receipts, fee notes, notices of tariff changes.

Units and signs are those of `model`. They have the header of every document. Where the store has no number for one, it is empty.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

from billing.documents.semantic.model import Days, Header, Payment
from billing.documents.semantic.terms import beside


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a statement."""

    on: Annotated[dt.date, beside("Its day.")]
    kind: Annotated[str, beside("invoice, credit_note, opening, payment, release, refund, reversal, write_off, void and others.")]
    document: Annotated[str, beside("Number of the document, or id of the payment.")]
    text: Annotated[str, beside("Words about it, in the language of the statement.")]
    due_on: Annotated[dt.date | None, beside("Due date of a document.")]
    amount_micros: Annotated[int, beside("Amount, above zero where it raises what is owed.")]
    balance_micros: Annotated[int, beside("What is owed after it.")]


class OpenItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document that is not wholly paid."""

    number: Annotated[str, beside("Its number.")]
    due_on: Annotated[dt.date, beside("Due date; of an instalment its own.")]
    open_micros: Annotated[int, beside("The part that is not paid.")]
    instalment: Annotated[int, beside("Number of the instalment; 0: the document is not paid in instalments.")] = 0


class Statement(Header, frozen=True, omit_defaults=True, kw_only=True, tag="statement"):
    """A statement of account: opening balance, every entry of a span, closing balance; opening and entries add up to closing."""

    days: Annotated[Days | None, beside("The span; none: all there is.")] = None
    opening_micros: Annotated[int, beside("What was owed before.")]
    entries: Annotated[tuple[Entry, ...], beside("Entries in their order.")]
    closing_micros: Annotated[int, beside("What is owed after.")]
    deposits_held_micros: Annotated[int, beside("Deposits that are held.")] = 0
    open_items: Annotated[tuple[OpenItem, ...], beside("What is open as the statement is made.")] = ()
    payment: Annotated[Payment, beside("How to pay.")]


class DunningLetter(Header, frozen=True, omit_defaults=True, kw_only=True, tag="dunning_letter"):
    """A reminder: one step of dunning, as it was taken."""

    level: Annotated[int, beside("Level of dunning.")]
    action: Annotated[str, beside("What the step did, such as remind or bar_outgoing.")]
    overdue_micros: Annotated[int, beside("What was past due on that day.")]
    oldest_due_on: Annotated[dt.date | None, beside("The oldest due date of it.")] = None
    payment: Annotated[Payment, beside("How to pay.")]


class DepositReceipt(Header, frozen=True, omit_defaults=True, kw_only=True, tag="deposit_receipt"):
    """A receipt of a deposit, dated on the day on which it came."""

    amount_micros: Annotated[int, beside("Amount of the deposit, above zero.")]
    reference: Annotated[str, beside("Words of who paid it.")] = ""


class FeeNote(Header, frozen=True, omit_defaults=True, kw_only=True, tag="fee_note"):
    """A note of costs or interest outside of a bill."""

    due_on: Annotated[dt.date, beside("Due date.")]
    amount_micros: Annotated[int, beside("Amount.")]
    text: Annotated[str, beside("What it is for.")]


class TariffChangeNotice(Header, frozen=True, omit_defaults=True, kw_only=True, tag="tariff_change_notice"):
    """A notice that a tariff changes."""

    effective_from: Annotated[dt.date, beside("First day of the new version.")]
    plan: Annotated[str, beside("The plan.")]
    changes: Annotated[tuple[str, ...], beside("What changes, a sentence each.")]
