"""`ratewright quote`: what one event would cost, and how that comes about.

The kernel rates it, as it would in a bill run; the twin gives the steps. When the two differ nothing is printed but an internal error.
With --compare it is a customer's real month on every plan instead (`compare_page`).
Example: `ratewright quote --plan mobile/smart-m --service voice --to +4930123456 --at 2026-10-25T01:59:30+02:00 --duration 185.2s`
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cyclopts import Parameter

from rating.errors import UserError
from rating.model import QuantityUnit
from server.cli.done import done_by, refuse_served
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating.model import Catalogue, Service
    from server.actions.quotes import Quoted
    from server.quote_state import Told

QUOTE_KEY = bytes(16)
GROUP_LIMIT = 2**31
DIRECTIONS = {"originating": 1, "terminating": 2}  # rating.schema.Direction, without its import
QUANTITY_LIMIT = 2**63  # of usage columns; what is below it and still too much is refused with a status
Value = TypeVar("Value")
_OPTIONS = {QuantityUnit.MILLISECOND: "--duration", QuantityUnit.BYTE: "--volume", QuantityUnit.MESSAGE: "--messages"}
_EXAMPLES = {QuantityUnit.MILLISECOND: "--duration 185.2s", QuantityUnit.BYTE: "--volume 12MB"}


def quote(
    *,
    plan: str | None = None,
    service: Literal["voice", "sms", "mms", "data", "content"] | None = None,
    at: str | None = None,
    to: str = "",
    duration: str | None = None,
    volume: str | None = None,
    messages: int | None = None,
    allowance: str | None = None,
    left: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    spent: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    counted: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    caller: Annotated[str, Parameter(name="--from")] = "",
    direction: Literal["originating", "terminating"] = "originating",
    on_net: Annotated[bool | None, Parameter(negative="--off-net")] = None,
    friend: Annotated[bool, Parameter(negative="")] = False,
    visited: str | None = None,
    rating_group: int = 0,
    customer_group: int = 0,
    content_amount: str | None = None,
    home_timezone: str = "",
    catalog: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    place: Place = HERE,
    compare: Annotated[bool, Parameter(negative="")] = False,
    account: str | None = None,
    period: str | None = None,
    plans: str = "",
    subscription: str = "",
    language: Literal["en", "zh"] = "en",
    as_json: AsJson = False,
) -> int:
    """Price one event and show each step; or, with --compare, price a customer's real month on every plan.

    Parameters
    ----------
    plan
        Catalogue and plan, such as mobile/smart-m.
    service
        Service that is used.
    at
        Start as an ISO instant with offset, such as 2026-10-25T01:59:30+02:00.
    to
        Destination in E.164, with or without +; none for data.
    duration
        Duration of a call, such as 185.2s or 3min.
    volume
        Volume of data, such as 12MB or 1GiB.
    messages
        Number of messages; 1 by default.
    allowance
        Rest of the allowance that serves the event, such as 10min; nothing by default.
    left
        Rest of an allowance by its name, such as "europe minutes=10min" or "credit=2.50"; may be repeated.
    spent
        Amount that a charge cap has counted so far in its day or period, such as "roaming cap=12.50"; may be repeated.
    counted
        Quantity that a price over the period has counted so far, such as "Data tiers=3GB"; may be repeated.
    caller
        The calling number in E.164, for prices that depend on where a call comes from.
    direction
        Originating where the subscriber begins the event; terminating where the other side does.
    on_net
        The other side is, or is not, a subscriber of this network; not known by default.
    friend
        The other side is one of the subscriber's chosen numbers.

    visited
        Network in which a roaming subscriber is, country and network code such as 262-01; at home by default.
    rating_group
        Rating group of data usage, a number.
    customer_group
        Customer group of the subscriber, a number.
    content_amount
        Price that the content provider asks, in the currency of the catalogue, such as 4.99.
    home_timezone
        Time zone of the subscriber, such as Asia/Shanghai; that of the catalogue by default.
    catalog
        Tariff file or folder to price with; may be repeated. By default the published catalogues of the home folder.
    place
        Home folder with published catalogues, or the service.
    compare
        Price the usage of --account in --period on every plan, cheapest first; then no event is given.
    account
        The customer to compare for.
    period
        The month to compare for, such as 2026-10.
    plans
        Compare only plans of this catalogue.
    subscription
        Put only this subscription on each plan, and leave others of the account as they are.
    language
        Language of the text.
    as_json
        Print JSON.

    """
    if compare:
        from server.cli.pages import compare as compare_page

        return compare_page.compare(account, period, plans, subscription, place, language, as_json=as_json)
    if catalog:
        refuse_served(place.server, "--catalog")
    plan, at = _given(plan, "--plan"), _given(at, "--at")
    kind_name: str = _given(service, "--service")

    from rating.model import Service
    from rating.outcome import Event
    from server.cli import output
    from server.quote_state import Known
    from tariffs.language import digits, texts

    kind = Service[kind_name.upper()]
    event = Event(
        event_key=QUOTE_KEY,
        start_us=_read(texts.instant, at, "--at"),
        quantity=_quantity(kind, duration, volume, messages),
        service=int(kind),
        plan=plan,
        destination=_digits(to, "--to"),
        origin=_digits(caller, "--from"),
        direction=DIRECTIONS[direction],
        on_net=on_net,
        friend=friend,
        visited=0 if visited is None else _read(digits.plmn, visited, "--visited"),
        rating_group=_group(rating_group, "--rating-group"),
        customer_group=_group(customer_group, "--customer-group"),
        home_timezone=_timezone(home_timezone),
        content_micros=_content_micros(content_amount),
    )
    known = Known(_told(left, "--left"), _told(spent, "--spent"), _told(counted, "--counted"), _allowance_left(kind, allowance))

    def quote_here() -> Quoted:
        from server.actions import quotes
        from server.checked_quote import CheckedQuote

        catalogues = _catalogues(catalog, place.home)
        quotes.require_plan(catalogues, plan)
        return quotes.shown(CheckedQuote(catalogues).rate(event, known), catalogues, language)

    found = done_by(place, quote_here, lambda service: service.prices.quote(event, known, language))
    if as_json:
        output.print_json(found.document)
    else:
        output.print_lines([found.text, *found.beside])
    return 0


def _given(value: Value | None, option: str) -> Value:
    """Return the value of an option that an event requires. Raise UserError where it is missing."""
    if value is None:
        raise UserError(f"{option} is missing", "give plan, service and start of one event; or compare plans with --compare", exit_status=2)
    return value


def _quantity(service: Service, duration: str | None, volume: str | None, messages: int | None) -> int:
    """The quantity in input units; only the option that the service wants may be given."""
    from rating.model import UNIT_OF_SERVICE
    from tariffs.language import texts

    unit = UNIT_OF_SERVICE[service]
    given = {QuantityUnit.MILLISECOND: duration, QuantityUnit.BYTE: volume, QuantityUnit.MESSAGE: messages}
    for other, value in given.items():
        if other is not unit and value is not None:
            raise UserError(f"{_OPTIONS[other]} does not fit {service.name.lower()}", f"use {_OPTIONS[unit]}", exit_status=2)
    if unit is QuantityUnit.MESSAGE:
        return 1 if messages is None else _in_range(messages, str(messages), "--messages")
    if given[unit] is None:
        raise UserError(f"{_OPTIONS[unit]} is missing", f"add it, such as {_EXAMPLES[unit]}", exit_status=2)
    if unit is QuantityUnit.MILLISECOND:
        return _in_range(_read(texts.duration_us, duration, "--duration"), duration or "", "--duration")
    return _measure(volume or "", unit, "--volume")


def _allowance_left(service: Service, text: str | None) -> int:
    from rating.model import UNIT_OF_SERVICE

    return 0 if text is None else _measure(text, UNIT_OF_SERVICE[service], "--allowance")


def _told(entries: Sequence[str], option: str) -> dict[str, Told]:
    """NAME=QUANTITY, again and again."""
    from server.quote_state import Told
    from tariffs.language import texts

    found: dict[str, Told] = {}
    for entry in entries:
        name, equals, text = entry.rpartition("=")
        if not equals or not name:
            remedy = f'write a name and a quantity, such as {option} "free minutes=10min"'
            raise UserError(f'{option}: "{entry}" has no name', remedy, exit_status=2)
        if name in found:
            raise UserError(f'{option}: "{name}" is given twice', "give it once", exit_status=2)
        quantity = _read(texts.grant, text, option)
        found[name] = Told(_in_range(quantity.value, text, option), quantity.unit)
    return found


def _content_micros(text: str | None) -> int:
    """The content provider's amount; below zero: none."""
    from tariffs.language import texts

    return -1 if text is None else _in_range(_read(texts.amount, text, "--content-amount"), text, "--content-amount")


def _timezone(name: str) -> str:
    """The name of a time zone that exists, or nothing."""
    import zoneinfo

    if name and name not in zoneinfo.available_timezones():
        raise UserError(f'--home-timezone: "{name}" is not a known time zone', "write its IANA name, such as Europe/Berlin", exit_status=2)
    return name


def _group(number: int, option: str) -> int:
    """A group as rating counts them."""
    if not 0 <= number < GROUP_LIMIT:
        raise UserError(f"{option} {number} is not a group", f"write a whole number from 1 to {GROUP_LIMIT - 1}", exit_status=2)
    return number


def _measure(text: str, unit: QuantityUnit, option: str) -> int:
    """A quantity that must be of the kind `unit`."""
    from tariffs.language import texts

    found = _read(texts.quantity, text, option)
    if found.unit is not unit:
        raise UserError(f"{option} {text} is not what this service is counted in", "write such as 10min, 12MB or 5 messages", exit_status=2)
    return _in_range(found.value, text, option)


def _in_range(quantity: int, text: str, option: str) -> int:
    """A quantity that a column of usage can hold."""
    if not -QUANTITY_LIMIT <= quantity < QUANTITY_LIMIT:
        raise UserError(f"{option} {text} is larger than usage can be", "write less", exit_status=2)
    return quantity


def _read(parse: Callable[[object], Value], raw: object, option: str) -> Value:
    """The meaning of an option's text."""
    from tariffs.language.texts import TextError

    try:
        return parse(raw)
    except TextError as error:
        raise UserError(f"{option}: {error.message}", error.remedy, exit_status=2) from None


def _digits(to: str, option: str) -> str:
    """The digits of a number; +, spaces, dots, hyphens and brackets are only for the eye."""
    digits = "".join(character for character in to.removeprefix("+") if character not in " .-/()")
    if digits and not (digits.isascii() and digits.isdecimal()):
        raise UserError(f'{option}: "{to}" is not a number', "write it in E.164, such as +4930123456", exit_status=2)
    return digits


def _catalogues(paths: Sequence[Path], home: Path) -> list[Catalogue]:
    """The catalogues to price with."""
    if paths:
        from tariffs.reading.load import load

        return [load(path) for path in paths]
    from billing import catalogue as store
    from billing.store.home import Home

    with Home.open(home) as opened:
        return store.in_force(opened)
