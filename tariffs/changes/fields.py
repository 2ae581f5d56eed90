"""Field by field: the text of each field of a struct of `rating.model`, and which way its change goes for customers.

Every field of every struct is in a table here or is compared by a module of its own. A field that a later model adds and no table has
is listed by its name, as one that may cost more: never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rating.model import ANY_ZONE, Catalogue, WhilePaused
from rating.money import RoundingMode
from tariffs.changes import words
from tariffs.changes.change import Effect, Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rating.model import VolumeStep

_MODES: Final = (RoundingMode.DOWN, RoundingMode.HALF_EVEN, RoundingMode.HALF_UP, RoundingMode.UP)  # each can charge more than the last


class Telling(NamedTuple):
    """Context that a text of a field needs besides its value: the catalogue, and the struct that the field is of."""

    catalogue: Catalogue
    owner: Any


class Field(NamedTuple):
    """The text of a field, and the effect of its change: `effect(old value, new value)`, which differ."""

    what: str
    text: Callable[[Any, Telling], str]
    effect: Callable[[Any, Any], Effect]


def compare(old: Any, new: Any, fields: Mapping[str, Field], tellings: tuple[Telling, Telling], skip: frozenset[str]) -> Iterator[Found]:  # noqa: ANN401 - any struct of the model
    """Differences between two structs of one kind, but for the fields `skip`, which the caller compares."""
    for name in new.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if name in skip or before == after:
            continue
        field = fields.get(name) or Field(name.replace("_", " "), lambda value, _: str(value), may)
        by = words.change_percent(before, after) if field.text is money and None not in {before, after} else ""
        yield Found(field.what, field.text(before, tellings[0]), field.text(after, tellings[1]), field.effect(before, after), by)


def more(old: Any, new: Any) -> Effect:  # noqa: ANN401 - values that can be ordered
    """The more, the dearer."""
    return Effect.DEARER if new > old else Effect.CHEAPER


def less(old: Any, new: Any) -> Effect:  # noqa: ANN401 - values that can be ordered
    """The less, the dearer."""
    return more(new, old)


def may(_old: object, _new: object) -> Effect:
    """It depends on the usage."""
    return Effect.MAY


def none(_old: object, _new: object) -> Effect:
    """No money in it."""
    return Effect.NONE


def no_limit_is_more(old: int | None, new: int | None) -> Effect:
    """A highest charge: none is the dearest."""
    return Effect.DEARER if old is not None and (new is None or new > old) else Effect.CHEAPER


def no_limit_is_best(old: int | None, new: int | None) -> Effect:
    """A highest free quantity: none is the best for customers."""
    return Effect.CHEAPER if old is not None and (new is None or new > old) else Effect.DEARER


def fewer(old: tuple[Any, ...], new: tuple[Any, ...]) -> Effect:
    """Effect on what is served: nothing taken away is cheaper, nothing added is dearer."""
    lost, gained = set(old) - set(new), set(new) - set(old)
    return Effect.MAY if lost and gained else Effect.DEARER if lost else Effect.CHEAPER if gained else Effect.NONE


def narrower(old: tuple[str, ...], new: tuple[str, ...]) -> Effect:
    """Effect on zones that are served; one of them may be everywhere."""
    if (ANY_ZONE in old) != (ANY_ZONE in new):
        return Effect.CHEAPER if ANY_ZONE in new else Effect.DEARER
    return fewer(old, new)


def by_mode(old: RoundingMode, new: RoundingMode) -> Effect:
    """Rounding up is dearest."""
    return more(_MODES.index(old), _MODES.index(new))


def while_paused(old: WhilePaused, new: WhilePaused) -> Effect:
    """Charged always is the dearest; free then and charged only then cost at different times."""
    if WhilePaused.CHARGED in {old, new}:
        return Effect.DEARER if new is WhilePaused.CHARGED else Effect.CHEAPER
    return Effect.MAY


def by_step(old: tuple[VolumeStep, ...], new: tuple[VolumeStep, ...]) -> Effect:
    """Steps of a period's whole quantity: where they begin alike they are compared one by one."""
    if [step.from_qty for step in old] != [step.from_qty for step in new]:
        return Effect.MAY
    pairs = list(zip(old, new, strict=True))
    rates = [(a.rate_micros * b.per, b.rate_micros * a.per) for a, b in pairs] + [(a.flat_micros, b.flat_micros) for a, b in pairs]
    up, down = any(after > before for before, after in rates), any(after < before for before, after in rates)
    return Effect.MAY if up and down else Effect.DEARER if up else Effect.CHEAPER if down else Effect.NONE


def plain(value: object, _: Telling) -> str:
    """The plain value, with words for nothing, yes and no."""
    return words.NOTHING if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def money(value: int | None, telling: Telling) -> str:
    """An amount, or none."""
    return words.NOTHING if value is None else words.money(value, telling.catalogue.currency)


def length(value: int, telling: Telling) -> str:
    """A quantity in the unit of the owner; 0 is none."""
    return words.length(value, telling.owner.unit) if value else words.NOTHING


def grant(value: int | None, telling: Telling) -> str:
    """The quantity that an owner grants in its unit, which may be money."""
    return "no limit" if value is None else words.grant(value, telling.owner.unit, telling.catalogue.currency)


def percent(value: int, _: Telling) -> str:
    """Parts per million as a percentage."""
    return words.percent(value)


def instant(value: int | None, telling: Telling) -> str:
    """A local time of the catalogue."""
    return words.NOTHING if value is None else words.instant(value, telling.catalogue.timezone)


def volume_steps(value: tuple[VolumeStep, ...], telling: Telling) -> str:
    """`0.05 EUR a minute; from 1,000 min: 0.04 EUR a minute`, in the unit of the first price of the tier."""
    unit = next((price.unit for price in telling.catalogue.prices if price.name in telling.owner.prices), None)
    return words.volume_steps(value, unit, telling.catalogue.currency)


def listed(value: tuple[Any, ...], _: Telling) -> str:
    """Names."""
    return words.names(value)


TITLE: Final = Field("title", lambda value, _: words.titles(value), none)
_SERVED: Final = {
    "name": Field("name", plain, none),
    "title": TITLE,
    "services": Field("services", lambda value, _: words.services(value), fewer),
    "zones": Field("zones", lambda value, _: words.zones(value), narrower),
}
_CODES: Final = {
    "name": Field("name", plain, none),
    "title": TITLE,
    "charge_code": Field("charge code", plain, none),
    "revenue_code": Field("revenue code", plain, none),
    "tax_class": Field("tax class", plain, may),
}
PRICE: Final = _CODES | {
    "unit": Field("what it counts", lambda value, _: words.unit(value), may),
    "calendar": Field("calendar", plain, may),
    "clock": Field("whose clock", plain, may),
    "band_policy": Field("a call across bands", plain, may),
    "counting": Field("where steps count from", plain, may),
    "counter_id": Field("counter", plain, may),
    "minimum_qty": Field("least quantity", length, more),
    "content_ppm": Field("share of the content amount", percent, more),
    "minimum_micros": Field("least charge", money, more),
    "maximum_micros": Field("highest charge", money, no_limit_is_more),
    "rounding_mode": Field("rounding", plain, by_mode),
    "rounding_step_micros": Field("rounded to", money, may),
    "charge_zero_usage": Field("usage of nothing is charged", plain, more),
}
# What an allowance serves besides may use it up before what it served alone: a wider one can cost more too.
ALLOWANCE: Final = _SERVED | {
    "services": Field("services", lambda value, _: words.services(value), may),
    "zones": Field("zones", lambda value, _: words.zones(value), may),
    "unit": Field("what it counts", lambda value, _: words.unit(value), may),
    "quantity": Field("grant in a period", grant, less),
    "prorate": Field("a part period grants a part", plain, more),
    "priority": Field("priority", plain, may),
    "draw": Field("how it ends inside an event", plain, may),
    "connect_when_free": Field("connect fee when all is free", plain, more),
    "shared": Field("shared in the account", plain, may),
    "granted_once": Field("granted once to all lines together", plain, more),
    "rollover_periods": Field("periods that the rest stays", plain, less),
    "rollover_max": Field("most that rolls over", grant, no_limit_is_best),
    "at_plan_change": Field("at a change of plan", plain, may),
}
DAY_PASS: Final = _SERVED | {
    "services": Field("services", lambda value, _: words.services(value), may),
    "zones": Field("zones", lambda value, _: words.zones(value), may),
    "fee_micros": Field("fee of a day", money, more),
    "unit": Field("what it counts", lambda value, _: words.unit(value), may),
    "quantity": Field("free in a day", grant, no_limit_is_best),
    "clock": Field("whose day", plain, may),
    "priority": Field("priority", plain, may),
}
CAP: Final = _SERVED | {
    "amount_micros": Field("limit", money, more),
    "window": Field("window", plain, may),
}
DISCOUNT: Final = _SERVED | {
    "percent_ppm": Field("percentage", percent, less),
    "friends_only": Field("with friends only", plain, more),
    "from_us": Field("from", instant, may),
    "to_us": Field("until", instant, may),
}
RECURRING: Final = _CODES | {
    "amount_micros": Field("amount a period", money, more),
    "timing": Field("charged in", plain, none),
    "prorate": Field("a part period pays a part", plain, less),
    "while_paused": Field("while paused", plain, while_paused),
    "outage_credit": Field("days of an outage are not charged", plain, less),
    "shares": Field("shares of tax classes", lambda value, _: words.shares(value), may),
}
ONE_OFF: Final = _CODES | {
    "amount_micros": Field("amount", money, more),
    "on": Field("charged", lambda value, _: words.occasion(value), may),
    "per_remaining_month": Field("for each month that is left", plain, may),
}
COMMITMENT: Final = _CODES | {
    "amount_micros": Field("least amount a period", money, more),
    "counts": Field("what counts", plain, may),
    "prorate": Field("a part period commits to a part", plain, less),
}
VOLUME_TIER: Final = _CODES | {
    "prices": Field("adds up", listed, may),
    "steps": Field("steps", volume_steps, by_step),
    "scope": Field("whose quantity", plain, may),
}
INVOICE_DISCOUNT: Final = {
    **{name: field for name, field in _CODES.items() if name != "tax_class"},
    "percent_ppm": Field("percentage", percent, less),
    "amount_micros": Field("amount", money, less),
    "kinds": Field("off lines of", lambda value, _: words.line_kinds(value), may),
    "charge_codes": Field("off charge codes", lambda value, _: words.names(value) if value else "all", may),
    "months": Field("for months", lambda value, _: "always" if value is None else str(value), no_limit_is_best),
}
BILL_THRESHOLD: Final = {
    "name": Field("name", plain, none),
    "title": TITLE,
    "amount_micros": Field("billed at once from", money, none),
}
SPEND_LIMIT: Final = _SERVED | {
    "services": Field("services", lambda value, _: words.services(value), none),
    "zones": Field("zones", lambda value, _: words.zones(value), none),
    "amount_micros": Field("limit", money, none),
    "window": Field("window", plain, none),
    "action": Field("when it is reached", plain, none),
}
TERMS: Final = {
    "activation_hours": Field("activated within hours", plain, none),
    "late_credit_ppm": Field("credit for each day it is late", percent, less),
    "minimum_months": Field("least months of contract", plain, more),
    "notice_days": Field("days of notice", plain, more),
}
PLAN: Final = {
    "title": TITLE,
    "late_usage": Field("usage that comes late", plain, may),
    "late_after_days": Field("days after a period in which usage is not late", plain, may),
    "late_usage_days_max": Field("days after which usage is not billed", plain, no_limit_is_more),
    "fallbacks": Field("plans asked after it", listed, may),
    "sold_from": Field("sold from", plain, none),
    "sold_to": Field("sold until", plain, none),
    "excludes": Field("not beside the add-ons", listed, none),
}
HEADER: Final = {
    "currency": Field("currency", plain, may),
    "minor_digits": Field("decimal places of the currency", plain, may),
    "timezone": Field("time zone", plain, may),
    "home_timezones": Field("time zones of subscribers", listed, none),
    "effective_to_us": Field("prices until", instant, none),
    "notice_days": Field("days of notice for dearer prices", plain, none),
    "tax_inclusive": Field("amounts hold their tax", plain, less),
    "disclosure": Field("text shown with the tariff", lambda value, _: words.titles(value), none),
    "complaint_channel": Field("where customers complain", lambda value, _: words.titles(value), none),
}
