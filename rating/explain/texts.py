"""The readable explanation: a line of what was used, then the stages of composition, numbered, each in a line or a few.

A stage that had nothing to do is left out, and so is a sum of one term or the rounding of nothing: a simple call takes five lines.
Amounts are in the units of the currency that the tariff line names.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from rating.explain.figures import (
    begin_text,
    exact_amount,
    input_quantity_text,
    local_day,
    local_start,
    money,
    per_text,
    percent,
    quantity_text,
)
from rating.explain.stages import Stage, counted_qty, stages_of
from rating.explain.words import OUTGOING
from rating.explain.words_en import ENGLISH
from rating.explain.words_zh import CHINESE
from rating.model import ANY_BAND, ANY_ZONE, BandPolicy, BucketKind, Counting, QuantityUnit, Service
from rating.money import format_micros
from rating.status import REFUSALS_FROM, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rating.explain.words import Words
    from rating.outcome import Outcome, Piece, Taken

WORDS: Final = {"en": ENGLISH, "zh": CHINESE}
_HASH_SHOWN: Final = 12
_MNC_PLACES: Final = 1_000
_INDENT: Final = "   "
_ONLY_OUTGOING: Final = (Service.DATA, Service.CONTENT)  # nobody else begins these


def lines_of(outcome: Outcome, words: Words) -> list[str]:
    """The lines of an outcome whose parts have been checked."""
    if outcome.event.service == Service.CONTENT:
        words = words._replace(message=words.purchase, messages=words.purchases, one_message=words.one_purchase)
    told = [(stage, _TELL[stage](outcome, words)) for stage in stages_of(outcome)]
    told = [(stage, lines) for stage, lines in told if lines]
    text = [_event(outcome, words)]
    for number, (stage, lines) in enumerate(told, 1):
        text += _numbered(number, _title(stage, outcome, words), lines, words)
    if outcome.status >= REFUSALS_FROM:
        text.append(_refused(len(told) + 1, outcome, words))
    return text


def _numbered(number: int, title: str, lines: list[str], words: Words) -> list[str]:
    if len(lines) == 1:
        return [words.titled.format(number=number, title=title, told=lines[0])]
    return [words.title_only.format(number=number, title=title), *(_INDENT + line for line in lines)]


def _title(stage: Stage, outcome: Outcome, words: Words) -> str:
    """The title of a stage; that of the increments says what is unusual about their bands."""
    notes = []
    has_bands = any(piece.band != ANY_BAND for piece in outcome.pieces)
    if stage is Stage.INCREMENTS and has_bands:
        if outcome.band_policy is BandPolicy.START and outcome.event.service == Service.VOICE:
            notes.append(words.band_at_start)
        if outcome.clock_timezone not in {"", outcome.timezone}:
            notes.append(words.clock.format(outcome.clock_timezone))
    return words.stage[stage] + (words.note.format(words.comma.join(notes)) if notes else "")


def _refused(number: int, outcome: Outcome, words: Words) -> str:
    why = words.status[outcome.status]
    if outcome.status is Status.NO_ZONE:
        why += _conditions(outcome, words)
    return words.refused.format(number=number, name=outcome.status.name, why=why)


def _event(outcome: Outcome, words: Words) -> str:
    event = outcome.event
    is_call = event.service == Service.VOICE
    destination = words.malformed if event.destination is None else event.destination
    start = f"{local_start(event, outcome.timezone).isoformat(sep=' ')} ({outcome.timezone})"
    return words.event.format(
        service=words.service.get(event.service, str(event.service)),
        origin=(words.call_from if is_call else words.other_from).format(event.origin) if event.origin else "",
        destination=(words.call_to if is_call else words.other_to).format(destination) if destination else "",
        start=start,
        quantity=input_quantity_text(event, words),
    )


def _tariff(outcome: Outcome, words: Words) -> list[str]:
    return [
        words.tariff.format(
            identity=outcome.identity,
            version=outcome.version,
            hash=outcome.content_hash.hex()[:_HASH_SHOWN],
            plan=(outcome.event.plan or "").removeprefix(f"{outcome.identity}/"),
            currency=words.currency.get(outcome.currency, outcome.currency),
        )
    ]


def _number(outcome: Outcome, words: Words) -> list[str]:
    return [words.routed.format(destination=outcome.event.destination, routed=outcome.routed)]


def _rule(outcome: Outcome, words: Words) -> list[str]:
    number = ""
    if outcome.rule_index >= 0:
        is_own = outcome.event.plan == f"{outcome.identity}/{outcome.rule_plan}"
        number = (words.own_plan if is_own else words.fallback_plan).format(outcome.rule_index + 1, outcome.rule_plan)
    zone = words.any_zone
    if outcome.zone != ANY_ZONE:
        zone = (words.by_short_code if outcome.short_code else words.by_prefix).format(
            _called(outcome.zone, outcome.zone_title, words), outcome.prefix
        )
    price = words.price.format(_called(outcome.price, outcome.price_title, words), outcome.price_id) if outcome.price_id else words.no_price
    return [words.rule.format(number=number, zone=zone, price=price) + _conditions(outcome, words)]


def _called(name: str, title: Mapping[str, str], words: Words) -> str:
    """A zone or a price as bills call it: by its title in the language of the words, by its name where it has none."""
    return title.get(words.language, name)


def _conditions(outcome: Outcome, words: Words) -> str:
    """Circumstances of the event that a rule or a discount can ask for."""
    event = outcome.event
    directions = words.call_direction if event.service == Service.VOICE else words.other_direction
    goes_without_saying = event.service in _ONLY_OUTGOING and event.direction == OUTGOING
    network = divmod(event.visited, _MNC_PLACES)
    known = [
        "" if goes_without_saying else directions.get(event.direction, ""),
        words.origin_zone.format(_called(outcome.origin_zone, outcome.origin_zone_title, words)) if outcome.origin_zone else "",
        words.on_net.get(event.on_net, ""),
        words.roaming_zone.format(_called(outcome.roaming_zone, outcome.roaming_zone_title, words)) if outcome.roaming_zone else "",
        words.visited.format(*network) if event.visited else "",
        words.rating_group.format(event.rating_group) if event.rating_group else "",
        words.customer_group.format(event.customer_group) if event.customer_group else "",
        words.friend if event.friend else "",
    ]
    told = words.comma.join(each for each in known if each)
    return words.conditions + told if told else ""


def _quantity(outcome: Outcome, words: Words) -> list[str]:
    """That usage finer than a millisecond is counted up to one is not mentioned: what covers it is the increments, which follow."""
    if outcome.event.quantity == 0:
        return [words.no_usage_charged if outcome.bounded_micros else words.no_usage]
    if not outcome.minimum_qty_applied:
        return []
    return [words.minimum_qty.format(input_quantity_text(outcome.event, words), quantity_text(outcome.minimum_qty, outcome.unit, words))]


def _counter(outcome: Outcome, words: Words) -> list[str]:
    before, after, left = (
        quantity_text(quantity, outcome.unit, words) for quantity in (outcome.counter_before, outcome.counter_after, outcome.paid_after)
    )
    told = [words.counter.format(outcome.counter_id, before, after)]
    used_qty = min(outcome.paid_before, max(counted_qty(outcome), outcome.minimum_qty))
    if outcome.counting is Counting.PACKAGE and used_qty:
        told.append(words.paid_used.format(quantity_text(used_qty, outcome.unit, words)))
    if outcome.counting is Counting.PACKAGE and outcome.paid_after:
        told.append(words.paid_left.format(left))
    return [words.semicolon.join(told)]


def _increments(outcome: Outcome, words: Words) -> list[str]:
    return [_piece(piece, outcome.unit, words) for piece in outcome.pieces]


def _piece(piece: Piece, unit: QuantityUnit | None, words: Words) -> str:
    free = ""
    if piece.free_qty:
        is_part = piece.free_qty < piece.to_qty - piece.from_qty
        free = words.partly_free.format(quantity_text(piece.free_qty, unit, words)) if is_part else words.all_free
    return words.piece.format(
        begin=begin_text(piece.from_qty, unit, words),
        end=quantity_text(piece.to_qty, unit, words),
        band=words.bands.get(piece.band, piece.band),
        step=piece.step + 1,
        increments=f"{piece.increments:,}",
        increment=quantity_text(piece.increment_qty, unit, words),
        free=free,
        rate=format_micros(piece.rate_micros),
        per=per_text(piece.per_qty, unit, words),
        amount=exact_amount(piece.amount_micros, words),
    )


def _free_head(outcome: Outcome, words: Words) -> list[str]:
    return [_drawn(each, words) for each in outcome.taken if each.unit is not QuantityUnit.MICRO]


def _drawn(each: Taken, words: Words) -> str:
    before, taken, after = (quantity_text(quantity, each.unit, words) for quantity in (each.before, each.taken, each.after))
    sentence = words.drawn if each.limited else words.drawn_without_limit
    return sentence.format(name=_name(each, words), before=before, taken=taken, after=after)


def _name(each: Taken, words: Words) -> str:
    if each.kind is not BucketKind.DAY_PASS:
        return words.allowance.format(_shared(each, words))
    return words.opened_pass.format(each.name, local_day(each.opened_day)) if each.opened_day else words.day_pass.format(each.name)


def _shared(each: Taken, words: Words) -> str:
    """The name of an allowance, and who has it together."""
    return words.shared[each.shared].format(each.name) if each.shared else each.name


def _exact_charge(outcome: Outcome, words: Words) -> list[str]:
    terms = []
    increments_micros = sum((each.amount_micros for each in outcome.pieces), Fraction(0))
    if increments_micros:
        terms.append(words.increments.format(exact_amount(increments_micros, words)))
    if outcome.connect_fee_micros:
        terms.append(words.connect_fee.format(format_micros(outcome.connect_fee_micros)))
    if outcome.content_share_micros:
        amount, share = (exact_amount(micros, words) for micros in (outcome.event.content_micros, outcome.content_share_micros))
        terms.append(words.content_share.format(share=share, percent=percent(outcome.content_ppm), amount=amount))
    is_bounded = outcome.minimum_applied or outcome.maximum_applied
    if not is_bounded and (outcome.exact_micros == 0 or (len(terms) == 1 and increments_micros and len(outcome.pieces) == 1)):
        return []
    told = [" + ".join(terms) + (f" = {exact_amount(outcome.exact_micros, words)}" if len(terms) > 1 else "")] if terms else []
    if outcome.minimum_applied:
        told.append(words.minimum.format(format_micros(outcome.minimum_micros)))
    if outcome.maximum_applied:
        told.append(words.maximum.format(format_micros(outcome.maximum_micros or 0)))
    return [words.semicolon.join(told)]


def _discount(outcome: Outcome, words: Words) -> list[str]:
    if outcome.bounded_micros == 0:
        return []
    before, after = (exact_amount(micros, words) for micros in (outcome.bounded_micros, outcome.unrounded_micros))
    return [words.discount.format(name=outcome.discount, percent=percent(outcome.discount_ppm), before=before, after=after)]


def _rounding(outcome: Outcome, words: Words) -> list[str]:
    if outcome.bounded_micros == 0:
        return []
    return [
        words.rounding.format(
            mode=words.rounding_modes[outcome.rounding_mode],
            step=format_micros(outcome.rounding_step_micros),
            before=exact_amount(outcome.unrounded_micros, words),
            after=format_micros(outcome.rounded_micros),
        )
    ]


def _pass_fees(outcome: Outcome, _: Words) -> list[str]:
    opened = [each for each in outcome.taken if each.opened_day]
    terms = [format_micros(outcome.rounded_micros)]
    terms += [f"{each.name} {format_micros(each.fee_micros)}" for each in opened]
    return [f"{' + '.join(terms)} = {format_micros(outcome.rounded_micros + outcome.pass_fees_micros)}"]


def _money_allowances(outcome: Outcome, words: Words) -> list[str]:
    remaining_micros = outcome.rounded_micros + outcome.pass_fees_micros
    told = []
    for each in outcome.taken:
        if each.unit is QuantityUnit.MICRO:
            remaining_micros -= each.taken
            before, taken, after, remaining = (format_micros(micros) for micros in (each.before, each.taken, each.after, remaining_micros))
            told.append(words.money.format(name=_shared(each, words), before=before, taken=taken, after=after, remaining=remaining))
    return told


def _caps(outcome: Outcome, words: Words) -> list[str]:
    return [
        words.cap.format(
            name=cap.name,
            limit=format_micros(cap.limit_micros),
            window=words.window[cap.window],
            before=format_micros(cap.spent_before_micros),
            cut=format_micros(cap.cut_micros),
            after=format_micros(cap.spent_after_micros),
        )
        for cap in outcome.caps
    ]


def _charge(outcome: Outcome, words: Words) -> list[str]:
    charge, gross = (money(micros, outcome.currency, words) for micros in (outcome.charge_micros, outcome.gross_micros))
    return [words.charge.format(charge) if charge == gross else words.reduced_charge.format(charge, gross)]


_TELL: Final[dict[Stage, Callable[[Outcome, Words], list[str]]]] = {
    Stage.TARIFF: _tariff,
    Stage.NUMBER: _number,
    Stage.RULE: _rule,
    Stage.QUANTITY: _quantity,
    Stage.COUNTER: _counter,
    Stage.INCREMENTS: _increments,
    Stage.FREE_HEAD: _free_head,
    Stage.EXACT_CHARGE: _exact_charge,
    Stage.DISCOUNT: _discount,
    Stage.ROUNDING: _rounding,
    Stage.PASS_FEES: _pass_fees,
    Stage.MONEY_ALLOWANCES: _money_allowances,
    Stage.CAPS: _caps,
    Stage.CHARGE: _charge,
}
