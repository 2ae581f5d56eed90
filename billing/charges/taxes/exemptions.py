"""The tax of each payer: exemptions, and classes that replace others, of the account that pays.

A fact about tax holds for a period by the period's last day, like the rate of tax: for periods whose last day lies in its span, whole. So a
certificate that begins in mid-period frees all of that period. Of several that hold, the one that begins last decides, as a whole. A class
replaces another where the catalogue of the line has both; where it lacks the replacement, the class stays as it is. An exempt class is
taxed at rate 0: its lines are on the bill as before, without a tax line. Dates are local and half open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from billing.charges.proration import Span

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Container, Iterable

EVERY_CLASS: Final = "*"


class TaxStatus(NamedTuple):
    """The tax status of an account. `exempt`: names of tax classes, or EVERY_CLASS; `classes`: the replacement of each class."""

    span: Span
    exempt: frozenset[str]
    classes: Mapping[str, str]


class Taxation(NamedTuple):
    """The class that a line has in the end, and whether it is taxed."""

    tax_class: str
    exempt: bool


def status_on(told: Iterable[TaxStatus], last_day: dt.date) -> TaxStatus | None:
    """The status that holds for a period with this last day; None: there is none. `told` in order of time and learning."""
    holding = [each for each in told if each.span.holds_on(last_day)]
    latest = max((each.span.start for each in holding), default=None)
    return next((each for each in reversed(holding) if each.span.start == latest), None)


def taxation(status: TaxStatus | None, tax_class: str, known: Container[str]) -> Taxation:
    """The taxation of a class: first it is replaced (by one that is `known`), then both names are compared with the exemption."""
    if status is None:
        return Taxation(tax_class, exempt=False)
    replaced = status.classes.get(tax_class, tax_class)
    replaced = replaced if replaced in known else tax_class
    return Taxation(replaced, exempt=bool({EVERY_CLASS, tax_class, replaced} & status.exempt))
