"""`ratewright quote`: what one event would cost, and how that comes about.

The kernel rates it, as it would in a bill run; the twin tells the steps. When the two differ nothing is printed but an internal error.
Example: `ratewright quote --plan mobile/smart-m --service voice --to +4930123456 --at 2026-10-25T01:59:30+02:00 --duration 185.2s`
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cyclopts import Parameter

from rating.errors import UserError
from rating.model import QuantityUnit
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating.model import Catalogue, Service

QUOTE_KEY = bytes(16)
QUANTITY_LIMIT = 2**63  # of usage columns; what is below it and still too much is refused with a status
Value = TypeVar("Value")
_OPTIONS = {QuantityUnit.MILLISECOND: "--duration", QuantityUnit.BYTE: "--volume", QuantityUnit.MESSAGE: "--messages"}
_EXAMPLES = {QuantityUnit.MILLISECOND: "--duration 185.2s", QuantityUnit.BYTE: "--volume 12MB"}


def quote(
    *,
    plan: str,
    service: Literal["voice", "sms", "mms", "data", "content"],
    at: str,
    to: str = "",
    duration: str | None = None,
    volume: str | None = None,
    messages: int | None = None,
    allowance: str | None = None,
    catalog: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    home: HomeFolder = DEFAULT_HOME,
    language: Literal["en", "zh"] = "en",
    as_json: AsJson = False,
) -> int:
    """Price one event, with the trace of how.

    Parameters
    ----------
    plan
        Catalogue and plan, such as mobile/smart-m.
    service
        What is used.
    at
        Start as an ISO instant with offset, such as 2026-10-25T01:59:30+02:00.
    to
        Destination in E.164, with or without +; none for data.
    duration
        Of a call, such as 185.2s or 3min.
    volume
        Of data, such as 12MB or 1GiB.
    messages
        How many; 1 when left out.
    allowance
        What the allowance still holds, such as 10min; nothing when left out.
    catalog
        Tariff file or folder to price with; may be given again for more. Else the published ones of the home folder.
    home
        Home folder with published catalogues.
    language
        Language of the text.
    as_json
        Print JSON.

    """
    from rating import explain
    from rating.model import Service
    from rating.reference import Event
    from server.checked_quote import CheckedQuote
    from server.cli import output
    from tariffs import texts

    kind = Service[service.upper()]
    quantity = _quantity(kind, duration, volume, messages)
    event = Event(QUOTE_KEY, _read(texts.instant, at, "--at"), quantity, int(kind), plan, _digits(to))
    allowance_left = _allowance_left(kind, allowance)
    catalogues = _catalogues(catalog, home)
    _check_plan(catalogues, plan)
    outcome = CheckedQuote(catalogues).rate(event, allowance_left)
    if as_json:
        output.print_json(explain.as_json(outcome))
    else:
        print(explain.as_text(outcome, language))
    return 0


def _quantity(service: Service, duration: str | None, volume: str | None, messages: int | None) -> int:
    """The quantity in input units; only the option that the service wants may be given."""
    from rating.model import UNIT_OF_SERVICE
    from tariffs import texts

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


def _measure(text: str, unit: QuantityUnit, option: str) -> int:
    """A quantity that must be of the kind `unit`."""
    from tariffs import texts

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
    """What the text of an option means."""
    from tariffs.texts import TextError

    try:
        return parse(raw)
    except TextError as error:
        raise UserError(f"{option}: {error.message}", error.remedy, exit_status=2) from None


def _digits(to: str) -> str:
    """The digits of a destination; +, spaces, dots, hyphens and brackets are only for the eye."""
    digits = "".join(character for character in to.removeprefix("+") if character not in " .-/()")
    if digits and not (digits.isascii() and digits.isdecimal()):
        raise UserError(f'--to: "{to}" is not a number', "write it in E.164, such as +4930123456", exit_status=2)
    return digits


def _catalogues(paths: Sequence[Path], home: Path) -> list[Catalogue]:
    """The catalogues to price with."""
    if paths:
        from tariffs.load import load

        return [load(path) for path in paths]
    from billing import catalogue as store
    from billing.store.home import Home

    with Home.open(home) as opened:
        return store.published(opened)


def _check_plan(catalogues: Sequence[Catalogue], name: str) -> None:
    """Refuse a plan that no catalogue has: a typing mistake, more likely than a question."""
    names = sorted({f"{catalogue.identity}/{plan.name}" for catalogue in catalogues for plan in catalogue.plans})
    if name not in names:
        raise UserError(f'unknown plan "{name}"', f"known: {', '.join(names)}" if names else "publish a catalogue first")
