"""Topics with a shape or two: threshold_billing, hierarchy, numbering, bill_hold, prepaid."""

from __future__ import annotations

import dataclasses
import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.proration import Span
from billing.charges.reconcile import differences
from billing.charges.thresholds import reached
from billing.runs.contracts.agreements import NOTHING, Relation
from rating.model import BillThreshold, FeeTiming, Plan, RecurringFee
from tests.billing.charges.rows import lines
from tests.billing.runs.proposed import Proposed, adjustments, life
from tests.vectors.billing import listed, metered
from tests.vectors.billing.form import Case, ListedError, Shape, amount_in, amounts_in, cents, exact, micros, of_cents, units
from tests.vectors.billing.metered import Range

if TYPE_CHECKING:
    from billing.charges.lines import Lines


def thresholds(case: Case) -> dict[str, Any]:
    """Usage that reaches a threshold is billed at once, each threshold once; the bill of the period has the rest."""
    given = case.given
    meter = metered.meter_of(*(exact(quantity) for _, quantity in given["usage"]))
    price = metered.steps_price([Range(Fraction(0), Fraction(0), exact(given["unit_price"]))], meter)
    threshold = BillThreshold(1, "threshold", of_cents(given["threshold_cents"]))
    used, acted, billed, interim = 0, set[int](), lines(), []
    for place, (_, quantity) in enumerate(given["usage"]):
        used += micros(metered.charge(metered.rated(price, [metered.use(place, exact(quantity), meter)])))
        found = reached(used - int(billed["amount_micros"].sum()), [threshold], acted)
        acted |= {each.threshold_id for each in found}
        interim.append(differences(_usage(used), billed).lines if found else None)
        billed = billed if interim[-1] is None else np.concatenate([billed, interim[-1]])
    fees = used + of_cents(given["plan_fee_cents"])
    rest = int(differences(_usage(used), billed).lines["amount_micros"].sum()) + of_cents(given["plan_fee_cents"])
    made = [_amount(each) for each in interim]
    first, second = next((each for each in made if each is not None), None), made[1] if len(made) > 1 else None
    month_end = {"fees_cents": cents(fees), "credit_for_threshold_invoice_cents": cents(fees - rest), "total_cents": cents(rest)}
    return {"invoice_on_threshold_cents": first, "second_usage_invoice": second, "month_end": month_end}


def credited_child(case: Case) -> dict[str, Any]:
    """A fee of an account whose bill another one pays, and a credit by hand before the bill: the payer's bill has both."""
    words = case.given["child_credit"]
    if "before" not in words.split():
        raise ListedError(f"{listed.WORDS}: {words}")
    fee, credit = amount_in(case.given["child_invoice"]), amounts_in(words)[0]
    plans = [Plan("plan", (), {}, recurring=(RecurringFee(1, "fee", 1, 1, "standard", micros(fee), FeeTiming.ARREARS),))]
    payer = Relation(Span(dt.date(2025, 10, 1), None), 1)
    agreed = dataclasses.replace(NOTHING, payers={0: (payer,)})
    row = {"account_key": 1, "adjustment_id": 1, "on_date": "2025-10-20", "amount_micros": -micros(credit)}
    proposed = Proposed.of(plans, [(1, life(("2025-10-01", "plan")))], accounts=2, agreed=agreed)
    found = proposed.everything(adjustments=adjustments(row))
    assert set(found["account_key"].tolist()) == {2}, "everything is on the payer's bill"
    found = found[np.argsort(found["kind"], kind="stable")]
    total = units(int(found["amount_micros"].sum()))
    return {"child_items": [units(each) for each in found["amount_micros"].tolist()], "parent_item": total, "payment": total}


def _usage(amount_micros: int) -> Lines:
    return lines({"amount_micros": amount_micros, "exact_micros": amount_micros, "kind": Kind.USAGE, "price_id": 1, "events": 1})


def _amount(bill: Lines | None) -> Fraction | None:
    return None if bill is None else cents(int(bill["amount_micros"].sum()))


THRESHOLDS: Final = (
    Shape("plan_fee_cents unit_price threshold_cents usage", "?invoice_on_threshold_cents ?second_usage_invoice ?month_end", thresholds),
)
HIERARCHY: Final = (
    Shape("child_invoice child_credit", "?child_items ?parent_item ?payment", credited_child),
    Shape("children payment_delegated ?cycle", "*", reason=listed.DRAFTS),
    Shape("child", "*", reason=listed.DRAFTS),
)
NUMBERING: Final = (Shape("customers prefix ?runs ?then", "*", reason=listed.NUMBERS),)
HOLDS: Final = (Shape("subscriptions hold ?*", "*", reason=listed.HOLD_OF_ONE),)
BALANCES: Final = (Shape("*", "*", reason=listed.PREPAID),)
