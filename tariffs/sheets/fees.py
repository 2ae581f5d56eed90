"""Fixed fees, one-off fees and commitments of a plan, as a table; amounts in micro-units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.model import CommitmentCounts, FeeOccasion, WhilePaused
from tariffs.sheets.figures import percent
from tariffs.sheets.layout import Line, Notes, Table
from tariffs.sheets.zones import title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rating.model import Plan, RecurringFee
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words


def blocks(plan: Plan, words: Words, writer: Writer, tax_of: Callable[[str], str]) -> tuple[Block, ...]:
    """Payments at any usage. `tax_of`: the rate of a tax class, or nothing where there is one for all."""
    lines = tuple(_lines(plan, words, writer, tax_of))
    return (Table("", words.fees.heads, lines, (4, 3, 5)),) if lines else (Notes((words.fees.none,)),)


def monthly_micros(plan: Plan) -> int:
    """All recurring fees of a whole period together, but for those of days on which it is paused."""
    return sum(fee.amount_micros for fee in plan.recurring if fee.while_paused is not WhilePaused.ONLY)


def _lines(plan: Plan, words: Words, writer: Writer, tax_of: Callable[[str], str]) -> Iterator[Line]:
    texts, language = words.fees, words.language
    for fee in plan.recurring:
        yield _line(
            title_of(fee.title, fee.name, language),
            texts.a_month.format(writer.amount(fee.amount_micros)),
            tuple(_recurring_terms(fee, plan, words, tax_of)),
        )
    for once in plan.one_offs:
        by_month = once.on is FeeOccasion.EARLY_END and once.per_remaining_month
        terms: tuple[str, ...] = (texts.occasion[once.on], *((texts.begun_month,) if by_month else ()))
        yield _line(
            title_of(once.title, once.name, language),
            (texts.each_month_left if by_month else texts.once).format(writer.amount(once.amount_micros)),
            _taxed(terms, tax_of(once.tax_class), words),
        )
    for least in plan.commitments:
        counted = texts.commitment_usage if least.counts is CommitmentCounts.USAGE else texts.commitment_usage_and_fees
        terms = (counted, texts.prorated if least.prorate else texts.whole)
        yield _line(
            title_of(least.title, least.name, language),
            texts.at_least.format(writer.amount(least.amount_micros)),
            _taxed(terms, tax_of(least.tax_class), words),
        )


def _recurring_terms(fee: RecurringFee, plan: Plan, words: Words, tax_of: Callable[[str], str]) -> Iterator[str]:
    """Terms of a fee: when it is charged, what of a part of a month and of a pause, and at which tax."""
    texts = words.fees
    yield texts.timing[fee.timing]
    yield texts.prorated if fee.prorate else texts.whole
    if any(each.while_paused is not WhilePaused.FREE for each in plan.recurring):  # else no day of a pause is charged at all
        yield texts.paused[fee.while_paused]
    if not fee.outage_credit:
        yield texts.outage
    parts = [texts.share.format(percent(share.share_ppm), tax_of(share.tax_class)) for share in fee.shares]
    if parts:
        yield texts.shares.format(words.figures.comma.join(parts))
    elif tax_of(fee.tax_class):
        yield texts.tax.format(tax_of(fee.tax_class))


def _line(name: str, amount: str, terms: tuple[str, ...]) -> Line:
    return Line(((name,), (amount,), terms))


def _taxed(terms: tuple[str, ...], tax: str, words: Words) -> tuple[str, ...]:
    return (*terms, words.fees.tax.format(tax)) if tax else terms
