"""Sentences of a sheet: validity, tax, cycle, method and fee composition, contract terms, complaints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rating.model import Catalogue, LateUsage, Plan, TaxClass
from rating.money import MICROS_PER_UNIT
from tariffs.sheets.figures import percent
from tariffs.sheets.layout import Facts, Notes
from tariffs.sheets.zones import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import ServiceTerms
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words

HASH_SHOWN = 12


class Valid(NamedTuple):
    """A plan on a day, and the tax classes that it charges at."""

    catalogue: Catalogue
    plan: Plan
    classes: Sequence[TaxClass]
    day: dt.date


def overview(valid: Valid, words: Words, writer: Writer) -> tuple[Block, ...]:
    """The name and version of the tariff, its validity, and its currency and tax."""
    catalogue, plan, classes, day = valid
    texts = words.overview
    taxed = texts.with_tax if catalogue.tax_inclusive else texts.without_tax
    facts = [(texts.plan, f"{catalogue.identity}/{plan.name}"), (texts.valid, _valid(catalogue, words, writer))]
    if plan.sold_from is not None or plan.sold_to is not None:
        facts.append((texts.sold, _sold(plan, words, writer)))
    facts.append((texts.currency, texts.currency_text.format(words.figures.currency_name.get(catalogue.currency, catalogue.currency))))
    facts.append((texts.tax, " ".join([taxed, *(_tax(each, day, words, writer) for each in classes)])))
    number = texts.version_text.format(catalogue.version, catalogue.content_hash.hex()[:HASH_SHOWN])
    return (Facts((*facts, (texts.version, number))),)


def composition(catalogue: Catalogue, plan: Plan, words: Words, writer: Writer) -> tuple[Block, ...]:
    """Cycle, method, what a bill is made of."""
    texts = words.composition
    made_of_text, invoice_text = texts.made_of_text, texts.invoice_text
    if catalogue.tax_inclusive:
        made_of_text, invoice_text = texts.made_of_with_tax, texts.invoice_with_tax
    minor_micros = MICROS_PER_UNIT // 10**catalogue.minor_digits
    parts = {
        "recurring": plan.recurring,
        "one_offs": plan.one_offs,
        "usage": plan.rules or plan.fallbacks,
        "day_passes": plan.day_passes,
        "volume_tiers": plan.volume_tiers,
        "commitments": plan.commitments,
    }
    made_of = words.composition.plus.join(texts.parts[name] for name, entries in parts.items() if entries)
    taken = {"discounts": plan.discounts, "caps": plan.caps, "invoice_discounts": plan.invoice_discounts}
    less = [texts.less[name] for name, entries in taken.items() if entries]
    return (
        Facts(
            (
                (texts.cycle, texts.cycle_text),
                (texts.method, texts.method_text),
                (texts.made_of, made_of_text.format(made_of, "".join(less))),
                (texts.invoice, invoice_text.format(writer.amount(minor_micros))),
                (texts.late, _late(plan, words)),
            )
        ),
    )


def terms(catalogue: Catalogue, plan: Plan, words: Words) -> tuple[Block, ...]:
    """Promises, the end of a contract, the channel for complaints, and the catalogue's own text."""
    texts, language = words.terms, words.language
    facts = [] if plan.terms is None else list(_promised(plan.terms, words))
    if catalogue.notice_days:
        facts.append((texts.changes, texts.changes_text.format(_days(catalogue.notice_days, words))))
    if catalogue.complaint_channel:
        facts.append((texts.complaints, title_of(catalogue.complaint_channel, "", language)))
    disclosure = title_of(catalogue.disclosure, "", language)
    return (*([Facts(tuple(facts))] if facts else []), *([Notes((disclosure,))] if disclosure else []))


def _valid(catalogue: Catalogue, words: Words, writer: Writer) -> str:
    texts, since = words.overview, writer.instant(catalogue.effective_from_us)
    if catalogue.effective_to_us is None:
        return texts.valid_from.format(since, catalogue.timezone)
    return texts.valid_between.format(since, writer.instant(catalogue.effective_to_us), catalogue.timezone)


def _late(plan: Plan, words: Words) -> str:
    """The treatment of usage that comes after its period, and the day from which on it is not charged at all."""
    texts = words.composition
    told = texts.late_usage[plan.late_usage]
    if plan.late_usage is LateUsage.ARRIVAL_PERIOD and plan.late_after_days:
        told = texts.late_after.format(_days(plan.late_after_days, words))
    if plan.late_usage_days_max is not None:
        told += words.figures.sentence_gap + texts.late_max.format(_days(plan.late_usage_days_max, words))
    return told


def _sold(plan: Plan, words: Words, writer: Writer) -> str:
    texts = words.overview
    since = "" if plan.sold_from is None else texts.sold_from.format(writer.date(plan.sold_from))
    until = "" if plan.sold_to is None else texts.sold_to.format(writer.date(plan.sold_to))
    return words.figures.comma.join(filter(None, [since, until]))


def tax_on(tax: TaxClass, day: dt.date, words: Words) -> str:
    """The rate on a day; the title where it is not known."""
    rate = max((each for each in tax.rates if each.effective_from <= day), key=lambda each: each.effective_from, default=None)
    return title_of(tax.title, tax.name, words.language) if rate is None else words.overview.tax_rate.format(percent(rate.rate_ppm))


def _tax(tax: TaxClass, at: dt.date, words: Words, writer: Writer) -> str:
    """The rate on a day, and those that are known to follow."""
    texts = words.overview
    now = max((rate for rate in tax.rates if rate.effective_from <= at), key=lambda rate: rate.effective_from, default=None)
    coming = [rate for rate in tax.rates if rate.effective_from > at]
    told = [texts.tax_rate.format(percent(now.rate_ppm))] if now is not None else []
    told += [texts.tax_from.format(percent(rate.rate_ppm), writer.date(rate.effective_from)) for rate in coming]
    return texts.tax_class.format(title_of(tax.title, tax.name, words.language), words.figures.comma.join(told))


def _promised(promised: ServiceTerms, words: Words) -> Iterator[tuple[str, str]]:
    texts = words.terms
    if promised.activation_hours is not None:
        late = texts.late_credit.format(percent(promised.late_credit_ppm)) if promised.late_credit_ppm else ""
        yield texts.activation, texts.activation_text.format(_counted(promised.activation_hours, words.figures.hour)) + late
    least = (
        texts.minimum_text.format(_counted(promised.minimum_months, words.figures.month)) if promised.minimum_months else texts.no_minimum
    )
    yield texts.minimum, least
    yield texts.notice, texts.notice_text.format(_days(promised.notice_days, words)) if promised.notice_days else texts.no_notice


def _days(number: int, words: Words) -> str:
    return _counted(number, words.figures.day)


def _counted(number: int, forms: tuple[str, str]) -> str:
    return forms[number != 1].format(number)
