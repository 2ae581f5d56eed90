"""Facts in words, for display and for the reports of commands. Amounts with their currency."""

from __future__ import annotations

from typing import Final

from billing.accounts import kinds
from rating.explain.figures import percent
from rating.money import format_micros
from tariffs.currencies import MINOR_DIGITS

NOTHING: Final = "none"
_PLACES: Final = {
    "other_eu": "in another country of the EU",
    "reverse_charge": "in another country, whose tax the customer owes (reverse charge)",
    "outside": "outside the EU",
}
_NAMES: Final = {"percent_ppm": "percent", "amount_micros": "amount", "classes": "instead"}  # as the options of commands


def amount(micros: int, currency: str) -> str:
    """An amount with its currency."""
    return f"{format_micros(micros, MINOR_DIGITS.get(currency, 2))} {currency}"


def in_words(kind: str, detail: object, currency: str) -> str:  # noqa: C901, PLR0911, PLR0912 -- one sentence a kind
    """The content of a fact, in a few words."""
    match detail:
        case kinds.BillDayFact():
            return f"billed on day {detail.bill_day} of the month"
        case kinds.TermsFact():
            told = {name: getattr(detail, name) for name in detail.__struct_fields__}
            return "agreed: " + ", ".join(
                f"{name.replace('_', ' ')} {value}" for name, value in told.items() if value is not None and value is not False
            )
        case kinds.PayerFact():
            return f"{detail.payer} pays {_what(detail)}" if detail.payer else "no other account pays"
        case kinds.SponsorFact():
            return f"{detail.sponsor} pays {_what(detail)}" if detail.sponsor else "no sponsor pays"
        case kinds.PoolFact():
            return f"shares allowances with {detail.root}" if detail.root else "shares allowances with no other account"
        case kinds.CategoryFact():
            meaning = {"normal": "a customer", "staff": "staff: billed, and shown apart", "test": "a test account: rated, never invoiced"}
            return meaning.get(detail.category, detail.category)
        case kinds.TaxFact():
            exempt = ["all classes" if each == "*" else each for each in detail.exempt]
            told_classes = [*(["exempt from " + ", ".join(exempt)] if exempt else [])]
            told_classes += [f"{old} is taxed as {new}" for old, new in detail.classes.items()]
            told_classes += [f"place of supply {_PLACES[detail.place]}"] if detail.place in _PLACES else []
            return "; ".join(told_classes) + (f" (certificate {detail.certificate})" if detail.certificate else "")
        case kinds.DiscountFact():
            off = f"{percent(detail.percent_ppm)} %" if detail.percent_ppm else amount(detail.amount_micros, currency)
            return f"discount {detail.name}: {off} off {_what(detail)}"
        case kinds.EndFact() if kind == "no_end":
            return "goes on: the end is undone" + _because(detail.reason)
        case kinds.EndFact():
            if detail.taken_back:
                return "never was: its handover is taken back" + _because(detail.reason)
            return ("has another owner" if detail.transferred else "ends") + _because(detail.reason)
        case kinds.HoldFact():
            return "no bill is made" + _because(detail.reason)
        case kinds.ClosedFact():
            return "closed" + _because(detail.reason)
        case kinds.PauseFact():
            return "paused" + _because(detail.reason)
        case kinds.OutageFact():
            return "out of order" + _because(" ".join(filter(None, (detail.reason, detail.ticket))))
        case _:
            return f"{kind.replace('_', ' ')} {detail}".strip()


def field_in_words(field: str, value: object) -> str:
    """A field of a fact with its value, as commands call them: `exempt standard, reduced` or `percent 12.5`."""
    return f"{_NAMES.get(field, field)} {value_in_words(field, value)}"


def value_in_words(field: str, value: object) -> str:
    """A value of a field of a fact; `none` for nothing."""
    match value:
        case tuple():
            told = ", ".join(map(str, value))
        case dict():
            told = ", ".join(f"{old}={new}" for old, new in value.items())
        case bool():
            told = "yes" if value else "no"
        case int() if field in {"percent_ppm", "amount_micros"} and value:
            told = percent(value) if field == "percent_ppm" else format_micros(value)
        case int() if field in {"percent_ppm", "amount_micros"}:
            told = NOTHING
        case _:
            told = "" if value is None else str(value)
    return told or NOTHING


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _what(detail: kinds.PayerFact | kinds.SponsorFact | kinds.DiscountFact) -> str:
    words = [kind.replace("_", " ") for kind in detail.kinds]
    words += [f"charge code {code}" for code in detail.charge_codes]
    return ", ".join(words) if words else "everything"
