"""Tells how an `Outcome` came about, as text for people (en, zh) and as plain objects for programs.

The order of composition stands here once, and both forms follow it: version, rule, pieces (band, step, increments, what is free),
allowance, connect fee, sum, minimum, maximum, rounding, charge. Amounts in text are in currency units; one that no decimal can
hold is shown as a fraction with six places beside it. Before anything is told, the parts are added up again and must give the charge.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rating.errors import UserError
from rating.explain_words import WORDS
from rating.model import UNIT_OF_SERVICE, QuantityUnit, Service
from rating.money import MICROS_PER_UNIT, format_micros, round_exact
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from rating.explain_words import Words
    from rating.reference import Outcome, Piece

LANGUAGES: Final = tuple(WORDS)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HASH_SHOWN: Final = 12
_PLACES_MAX: Final = 12


def as_text(outcome: Outcome, language: str = "en") -> str:
    """Lines that a customer's agent can read out; ends without a line break."""
    if language not in WORDS:
        raise UserError(f'there are no words for language "{language}"', f"use one of {', '.join(LANGUAGES)}", exit_status=2)
    check_parts(outcome)
    words = WORDS[language]
    lines = [_event_line(outcome, words)]
    if outcome.identity:
        lines.append(words.tariff.format(o=outcome, hash=outcome.content_hash.hex()[:_HASH_SHOWN]))
    if outcome.zone:
        lines.append(_rule_line(outcome, words))
    if outcome.status >= REFUSALS_FROM:
        return "\n".join([*lines, words.refused.format(name=outcome.status.name, why=words.status[outcome.status])])
    lines += _piece_lines(outcome, words)
    if outcome.allowance:
        lines.append(_allowance_line(outcome, words))
    return "\n".join([*lines, *_sum_lines(outcome, words)])


def as_json(outcome: Outcome) -> dict[str, object]:
    """Everything `as_text` tells, in micro-units and base units; exact amounts as [numerator, denominator]."""
    check_parts(outcome)
    event = outcome.event
    return {
        "event": {
            "event_key": event.event_key.hex(),
            "start_us": event.start_us,
            "start_local": _local(outcome).isoformat(),
            "service": event.service,
            "plan": event.plan,
            "destination": event.destination,
            "quantity": event.quantity,
        },
        "status": outcome.status.name,
        "tariff": {"identity": outcome.identity, "version": outcome.version, "content_hash": outcome.content_hash.hex()},
        "rule": {
            "zone_id": outcome.zone_id,
            "zone": outcome.zone,
            "prefix": outcome.prefix,
            "price_id": outcome.price_id,
            "price": outcome.price,
            "unit": outcome.unit.name.lower() if outcome.unit is not None else None,
        },
        "chargeable_qty": outcome.chargeable_qty,
        "free_qty": outcome.free_qty,
        "pieces": [_piece_object(piece) for piece in outcome.pieces],
        "allowance": {"name": outcome.allowance, "before": outcome.allowance_before, "after": outcome.allowance_after},
        "connect_fee_micros": outcome.connect_fee_micros,
        "exact_micros": _pair(outcome.exact_micros),
        "minimum": {"micros": outcome.minimum_micros, "applied": outcome.minimum_applied},
        "maximum": {"micros": outcome.maximum_micros, "applied": outcome.maximum_applied},
        "rounding": {
            "mode": outcome.rounding_mode.value,
            "step_micros": outcome.rounding_step_micros,
            "before_micros": _pair(outcome.unrounded_micros),
            "after_micros": outcome.charge_micros,
        },
        "currency": outcome.currency,
        "gross_micros": outcome.gross_micros,
        "charge_micros": outcome.charge_micros,
    }


def check_parts(outcome: Outcome) -> None:
    """Assert that the parts of `outcome` add up to its charge and quantities: an explanation must never be a story."""
    if outcome.status >= REFUSALS_FROM:
        assert (outcome.charge_micros, outcome.chargeable_qty, outcome.free_qty) == (0, 0, 0), "a refused event has a charge"
        return
    position = 0
    for piece in outcome.pieces:
        assert piece.from_qty == position, "pieces leave a gap"
        assert piece.to_qty - piece.from_qty == piece.increments * piece.increment_qty, "increments do not fill their piece"
        charged_qty = piece.to_qty - piece.from_qty - piece.free_qty
        assert piece.amount_micros == Fraction(charged_qty * piece.rate_micros, piece.per_qty), "a piece is not length times rate"
        position = piece.to_qty
    assert position == outcome.chargeable_qty, "pieces do not cover the chargeable quantity"
    assert sum(piece.free_qty for piece in outcome.pieces) == outcome.free_qty, "free parts do not add up"
    assert outcome.allowance_before - outcome.allowance_after == outcome.free_qty, "the allowance lost more than was free"
    exact = sum((piece.amount_micros for piece in outcome.pieces), Fraction(0)) + outcome.connect_fee_micros
    assert exact == outcome.exact_micros, "pieces and connect fee do not add up"
    if outcome.minimum_applied:
        exact = Fraction(outcome.minimum_micros)
    if outcome.maximum_applied:
        exact = Fraction(outcome.maximum_micros or 0)
    assert exact == outcome.unrounded_micros, "minimum or maximum are told wrongly"
    assert round_exact(exact, outcome.rounding_step_micros, outcome.rounding_mode) == outcome.charge_micros, "rounding is told wrongly"


def exact_amount(micros: Fraction) -> str:
    """Currency units of an exact amount: a decimal where there is one of at most 12 places, else a fraction and six places."""
    units = micros / MICROS_PER_UNIT
    scaled = units * 10**_PLACES_MAX
    if scaled.denominator == 1:
        whole, places = divmod(scaled.numerator, 10**_PLACES_MAX)
        return f"{whole}.{f'{places:0{_PLACES_MAX}d}'.rstrip('0').ljust(2, '0')}"
    rounded_micros = round(micros)
    return f"{units.numerator}/{units.denominator} (~{format_micros(rounded_micros, 6)})"


def quantity_text(quantity: Fraction | int, unit: QuantityUnit | None, words: Words) -> str:
    """A quantity in seconds, bytes or messages; a bare number where the unit is unknown."""
    if unit is QuantityUnit.MILLISECOND:
        micros = int(Fraction(quantity) * 1000)  # milliseconds to microseconds: seconds with six places
        return words.seconds.format(format_micros(micros, 0))
    if unit is QuantityUnit.BYTE:
        return words.bytes.format(f"{int(quantity):,}")
    if unit is QuantityUnit.MESSAGE:
        return (words.message if quantity == 1 else words.messages).format(int(quantity))
    return str(int(quantity))


def _event_line(outcome: Outcome, words: Words) -> str:
    event = outcome.event
    known = event.service in Service.__members__.values()
    unit = UNIT_OF_SERVICE[Service(event.service)] if known else None
    quantity = Fraction(event.quantity, 1000) if unit is QuantityUnit.MILLISECOND else event.quantity
    start = f"{_local(outcome).isoformat(sep=' ')} ({outcome.timezone})"
    destination = words.malformed if event.destination is None else event.destination or words.nowhere
    service = words.service.get(event.service, str(event.service))
    return words.event.format(service=service, destination=destination, start=start, quantity=quantity_text(quantity, unit, words))


def _rule_line(outcome: Outcome, words: Words) -> str:
    zone = words.any_zone if not outcome.zone_id else words.zone.format(o=outcome)
    price = words.price.format(o=outcome) if outcome.price_id else words.no_price
    return f"{zone}{words.comma}{price}"


def _piece_lines(outcome: Outcome, words: Words) -> list[str]:
    if not outcome.pieces:
        return [words.no_usage]
    return [words.pieces, *(_piece_line(piece, outcome.unit, words) for piece in outcome.pieces)]


def _piece_line(piece: Piece, unit: QuantityUnit | None, words: Words) -> str:
    free = words.free.format(quantity_text(piece.free_qty, unit, words)) if piece.free_qty else ""
    return words.piece.format(
        begin=quantity_text(piece.from_qty, unit, words),
        end=quantity_text(piece.to_qty, unit, words),
        band=words.bands.get(piece.band, piece.band),
        step=piece.step + 1,
        increments=piece.increments,
        increment=quantity_text(piece.increment_qty, unit, words),
        free=free,
        rate=format_micros(piece.rate_micros),
        per=quantity_text(piece.per_qty, unit, words),
        amount=exact_amount(piece.amount_micros),
    )


def _allowance_line(outcome: Outcome, words: Words) -> str:
    before, drawn, after = (
        quantity_text(quantity, outcome.unit, words) for quantity in (outcome.allowance_before, outcome.free_qty, outcome.allowance_after)
    )
    return words.allowance.format(name=outcome.allowance, before=before, drawn=drawn, after=after)


def _sum_lines(outcome: Outcome, words: Words) -> list[str]:
    pieces = outcome.exact_micros - outcome.connect_fee_micros
    lines = [
        words.sum.format(pieces=exact_amount(pieces), fee=format_micros(outcome.connect_fee_micros), sum=exact_amount(outcome.exact_micros))
    ]
    if outcome.minimum_micros:
        word = words.applied if outcome.minimum_applied else words.not_applied
        lines.append(words.minimum.format(amount=format_micros(outcome.minimum_micros), applied=word))
    if outcome.maximum_micros is not None:
        word = words.applied if outcome.maximum_applied else words.not_applied
        lines.append(words.maximum.format(amount=format_micros(outcome.maximum_micros), applied=word))
    rounding = words.rounding.format(
        mode=words.rounding_modes.get(outcome.rounding_mode, outcome.rounding_mode.value),
        step=format_micros(outcome.rounding_step_micros),
        before=exact_amount(outcome.unrounded_micros),
        after=format_micros(outcome.charge_micros),
    )
    return [*lines, rounding, words.charge.format(currency=outcome.currency, amount=format_micros(outcome.charge_micros))]


def _piece_object(piece: Piece) -> dict[str, object]:
    return {
        "from_qty": piece.from_qty,
        "to_qty": piece.to_qty,
        "band": piece.band,
        "step": piece.step,
        "increment_qty": piece.increment_qty,
        "increments": piece.increments,
        "free_qty": piece.free_qty,
        "rate_micros": piece.rate_micros,
        "per_qty": piece.per_qty,
        "amount_micros": _pair(piece.amount_micros),
    }


def _pair(amount: Fraction) -> list[int]:
    return [amount.numerator, amount.denominator]


def _local(outcome: Outcome) -> dt.datetime:
    """The wall clock of the tariff at the start; the edge of the calendar where the start is absurd."""
    zone = ZoneInfo(outcome.timezone)
    try:
        return (_EPOCH + dt.timedelta(microseconds=outcome.event.start_us)).astimezone(zone)
    except OverflowError:
        return dt.datetime.max.replace(tzinfo=dt.UTC) if outcome.event.start_us > 0 else dt.datetime.min.replace(tzinfo=dt.UTC)
