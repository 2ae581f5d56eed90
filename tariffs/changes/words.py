"""Figures in the comparison of two versions, in English.

Units: those of `rating.model`. Nothing is rounded: a rate that no decimal of six places can hold is given for the quantity it was
written for.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.dates import local_time
from rating.explain import figures
from rating.model import ANY_ZONE, FeeOccasion, QuantityUnit, Service
from rating.money import format_micros
from tariffs.language.texts import DAY_NAMES, UNIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rating.model import Band, TaxShare, VolumeStep

NOTHING: Final = "none"
EXAMPLES: Final = 3
_SIZES: Final = (  # largest first
    (QuantityUnit.MILLISECOND, 600_000, 60_000, "min"),  # from ten minutes on, whole minutes are told as minutes
    (QuantityUnit.MILLISECOND, 0, 1_000, "s"),
    (QuantityUnit.MILLISECOND, 0, 1, "ms"),
    *((QuantityUnit.BYTE, 0, 10**power, name) for power, name in ((12, "TB"), (9, "GB"))),
    (QuantityUnit.BYTE, 0, 2**30, "GiB"),
    (QuantityUnit.BYTE, 0, 10**6, "MB"),
    (QuantityUnit.BYTE, 0, 2**20, "MiB"),
    (QuantityUnit.BYTE, 0, 10**3, "KB"),
    (QuantityUnit.BYTE, 0, 2**10, "KiB"),
    (QuantityUnit.BYTE, 0, 1, "B"),
)
_ONE: Final = {
    (QuantityUnit.MILLISECOND, 60_000): "a minute",
    (QuantityUnit.MILLISECOND, 1_000): "a second",
    (QuantityUnit.MILLISECOND, 3_600_000): "an hour",
    (QuantityUnit.BYTE, 10**3): "a KB",
    (QuantityUnit.BYTE, 10**6): "a MB",
    (QuantityUnit.BYTE, 10**9): "a GB",
    (QuantityUnit.BYTE, 2**20): "a MiB",
    (QuantityUnit.BYTE, 2**30): "a GiB",
    (QuantityUnit.MESSAGE, 1): "a message",
}
_OCCASIONS: Final = {
    FeeOccasion.ACTIVATION: "at activation",
    FeeOccasion.END: "at the end",
    FeeOccasion.PLAN_CHANGE: "at a change to the plan",
    FeeOccasion.ADDED: "when the add-on is added",
    FeeOccasion.REMOVED: "when the add-on is removed",
    FeeOccasion.EARLY_END: "at an end before the least time is over",
}
NATURAL: Final = {QuantityUnit.MILLISECOND: 60_000, QuantityUnit.BYTE: 10**6, QuantityUnit.MESSAGE: 1}


def money(micros: int, currency: str) -> str:
    """`0.09 EUR`."""
    return f"{format_micros(micros)} {currency}"


def length(quantity: int, unit: QuantityUnit) -> str:
    """`60 s`, `100 min`, `5 GB`, `1 message`; `money` writes money."""
    if unit is QuantityUnit.MESSAGE:
        return f"{quantity:,} message{'s' if quantity != 1 else ''}"
    for kind, least, size, name in _SIZES:
        if kind is unit and quantity >= least and quantity and quantity % size == 0:
            return f"{quantity // size:,} {name}"
    return f"{quantity:,}"


def grant(quantity: int, unit: QuantityUnit, currency: str) -> str:
    """A quantity, or an amount of money."""
    return money(quantity, currency) if unit is QuantityUnit.MICRO else length(quantity, unit)


def rate(micros: int, per: int, unit: QuantityUnit, currency: str) -> str:
    """`0.09 EUR a minute`: for a minute, a message, a megabyte (or what else a volume was written for), where six places hold it."""
    written_for_one = unit is QuantityUnit.BYTE and (unit, per) in _ONE
    for quantity in (per,) if written_for_one else (NATURAL[unit], per):
        exact = Fraction(micros * quantity, per)
        if exact.denominator == 1:
            one = _ONE.get((unit, quantity))
            return f"{money(exact.numerator, currency)} {one or f'per {length(quantity, unit)}'}"
    raise AssertionError("a rate is whole for the quantity that it was written for")


def rates(old: tuple[int, int], new: tuple[int, int], unit: QuantityUnit, currencies: tuple[str, str]) -> tuple[str, str]:
    """Two rates (micro-units, per) for one and the same quantity where six places hold both, else each as `rate` writes it."""
    natural = NATURAL[unit]
    if old[1] != new[1] and all(micros * natural % per == 0 for micros, per in (old, new)):
        old, new = ((micros * natural // per, natural) for micros, per in (old, new))
    return rate(*old, unit, currencies[0]), rate(*new, unit, currencies[1])


def volume_steps(steps: Iterable[VolumeStep], unit: QuantityUnit | None, currency: str) -> str:
    """`0.05 EUR a minute; from 1,000 min: 0.04 EUR a minute and 10.00 EUR`: what all of a period's quantity costs from there on."""
    counted = QuantityUnit.MESSAGE if unit is None else unit
    told = []
    for step in steps:
        costs = [rate(step.rate_micros, step.per, counted, currency)] if step.rate_micros or not step.flat_micros else []
        costs += [money(step.flat_micros, currency)] if step.flat_micros else []
        told.append((f"from {length(step.from_qty, counted)}: " if step.from_qty else "") + " and ".join(costs))
    return "; ".join(told)


def shares(found: Iterable[TaxShare]) -> str:
    """`standard 60 %, reduced 40 %`, or `none`."""
    return names(f"{share.tax_class} {percent(share.share_ppm)} (revenue code {share.revenue_code})" for share in found)


def line_kinds(found: Iterable[str]) -> str:
    """`usage, volume`; where none is named, all that can be discounted."""
    return ", ".join(kind.replace("_", "-") for kind in found) or "all fees and usage"


def percent(ppm: int) -> str:
    """`25 %`."""
    return f"{figures.percent(ppm)} %"


def change_percent(old: Fraction | int, new: Fraction | int) -> str:
    """`+22.2 %`: how much larger the new is, to a tenth; "" where there was nothing."""
    if not old:
        return ""
    tenths = round(Fraction(new - old) * 1000 / old)
    return f"{'-' if tenths < 0 else '+'}{abs(tenths) // 10}.{abs(tenths) % 10} %"


def titles(by_language: Mapping[str, str]) -> str:
    """`en: Calls, zh: 通话`."""
    return ", ".join(f"{language}: {text}" for language, text in sorted(by_language.items())) or NOTHING


def names(found: Iterable[object]) -> str:
    """`a, b`, or `none`."""
    return ", ".join(map(str, found)) or NOTHING


def such_as(found: list[str]) -> str:
    """Some of them: `4930, 4931, 4932 and 1,200 more`."""
    more = len(found) - EXAMPLES
    return ", ".join(found[:EXAMPLES]) + (f" and {more:,} more" if more > 0 else "")


def services(found: Iterable[Service]) -> str:
    """`voice, sms`, or `everything`."""
    listed = tuple(found)
    return "everything" if len(listed) == len(Service) else names(service.name.lower() for service in listed)


def zones(found: Iterable[str]) -> str:
    """`land, far`, or `anywhere`."""
    listed = tuple(found)
    return "anywhere" if ANY_ZONE in listed else names(listed)


def occasion(found: FeeOccasion) -> str:
    """`at activation`."""
    return _OCCASIONS[found]


def unit(found: QuantityUnit) -> str:
    """`time`, `volume`, `messages` or `money`."""
    return UNIT_WORDS[found]


def instant(us: int, timezone: str) -> str:
    """`2026-10-15 00:00:00+02:00`."""
    return str(local_time(us, timezone))


def network(plmn: int) -> str:
    """`310-410`."""
    return f"{plmn // 1000}-{plmn % 1000:03d}"


def band(each: Band) -> str:
    """`mon-fri 08:00-20:00, months 7 8, weight 5`."""
    span = f"{_time(each.start_s)}-{_time(each.end_s)}"
    criteria = {
        "years": each.years,
        "months": each.months,
        "days of the month": each.month_days,
        "dates": each.dates,
        "holidays": ("only",) if each.holidays else (),
        "weight": (each.weight,) if each.weight else (),
    }
    told = [f"{name} {' '.join(map(str, values))}" for name, values in criteria.items() if values]
    return ", ".join([f"{_days(each.days)} {span}", *told])


def _days(days: tuple[int, ...]) -> str:
    if not days or len(days) == len(DAY_NAMES):
        return "daily"
    joined = days == tuple(range(days[0], days[-1] + 1)) and len(days) > 2  # noqa: PLR2004 - two days are named
    named = [DAY_NAMES[day - 1] for day in days]
    return f"{named[0]}-{named[-1]}" if joined else ",".join(named)


def _time(second: int) -> str:
    hour, rest = divmod(second, 3600)
    minute, rest = divmod(rest, 60)
    return f"{hour:02d}:{minute:02d}" + (f":{rest:02d}" if rest else "")
