"""The tariff sheet of a plan, from the very catalogue that rates: its sections, and for each price what rating must answer.

`sheet` reads a checked catalogue and nothing else. Dates are local to the catalogue. Raises UserError where a language is not known, or
where a reachable price cannot be shown with a use that has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.dates import local_date
from rating.errors import UserError
from rating.model import QuantityUnit, Service
from tariffs.sheets import bands, clauses, fees, terms, times, volume
from tariffs.sheets.cells import Met, meetings, refuses_the_rest
from tariffs.sheets.examples import Examples
from tariffs.sheets.figures import Writer
from tariffs.sheets.grants import Grants
from tariffs.sheets.layout import Card, Cell, Example, Line, Notes, Section, Sheet, Table, without_gaps
from tariffs.sheets.words_en import ENGLISH
from tariffs.sheets.words_zh import CHINESE
from tariffs.sheets.zones import WITH_NUMBERS, Labels, destinations, title_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from rating.model import Catalogue, Commitment, OneOffFee, Plan, RecurringFee
    from tariffs.sheets.clauses import Counted
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words

LANGUAGES: Final = {"en": ENGLISH, "zh": CHINESE}
CARDS: Final = 4
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def sheet(catalogue: Catalogue, plan: Plan, language: str, *, as_of: dt.date) -> Sheet:
    """The sheet of `plan`. `as_of`: the day of the tax rates, and from which on holidays are listed."""
    if language not in LANGUAGES:
        raise UserError(f'no tariff sheets in "{language}"', f"use one of {', '.join(LANGUAGES)}", exit_status=2)
    return _Maker(catalogue, plan, LANGUAGES[language], as_of).sheet()


class _Maker:
    """Everything one sheet needs, computed once."""

    def __init__(self, catalogue: Catalogue, plan: Plan, words: Words, as_of: dt.date) -> None:
        self._catalogue, self._plan, self._words, self._as_of = catalogue, plan, words, as_of
        self._writer = Writer(catalogue, words.figures)
        self._met = meetings(catalogue, plan)
        self._labels = Labels(catalogue, [each.reach for each in self._met], words)
        ways = dict.fromkeys(each.counted for each in self._met if each.counted is not None)
        self._letters = {way: _letters(position) for position, way in enumerate(ways)}
        self._sold = {each.reach.service for each in self._met if each.price is not None}
        self._numbered = list(enumerate(self._met, 1))
        timed = [(number, each) for number, each in self._numbered if each.price is not None and each.price.calendar is not None]
        self._timed_from = {_use(each): number for number, each in reversed(timed)}  # the first line for a use that depends on the time
        titles = {(each.reach.service, each.reach.zone): self._labels.label(each.reach)[0] for each in self._met}
        self._grants = Grants(catalogue, plan, words, self._writer, titles)
        self._examples = Examples(catalogue, plan, words, self._writer)

    def sheet(self) -> Sheet:
        """The whole sheet."""
        catalogue, plan, words = self._catalogue, self._plan, self._words
        examples = list(self._method_examples())
        found = (self._examples.of_allowance(self._numbered, each) for each in plan.allowances)
        of_allowances = list({each.text: each for each in found if each is not None}.values())
        title = title_of(plan.title, plan.name, words.language)
        at = words.footer.format(f"{catalogue.identity}/{plan.name}", catalogue.version, catalogue.content_hash.hex()[: terms.HASH_SHOWN])
        sections = (section for section in self._sections(examples, of_allowances) if section.blocks)
        made = Sheet(
            language=words.language,
            kind=words.kind,
            title=title,
            subtitle=self._subtitle(),
            cards=tuple(self._cards()),
            sections=tuple(sections),
            footer=at,
            page=words.page,
            cells=tuple(self._cells()),
            examples=(*examples, *of_allowances),
        )
        return without_gaps(made) if words.language == "zh" else made

    def _sections(self, examples: Sequence[Example], of_allowances: Sequence[Example]) -> Iterator[Section]:
        catalogue, plan, words, writer = self._catalogue, self._plan, self._words, self._writer
        titles = words.sections
        classes = [each for each in catalogue.tax_classes if each.name in self._tax_classes()]
        yield Section(titles.overview, terms.overview(terms.Valid(catalogue, plan, classes, self._as_of), words, writer))
        yield Section(titles.composition, terms.composition(catalogue, plan, words, writer))
        yield Section(titles.fees, fees.blocks(plan, words, writer, self._tax_rate))
        told = (Notes(tuple(words.figures.sentence_gap.join(each.text) for each in of_allowances)),) if of_allowances else ()
        yield Section(titles.allowances, (*self._grants.allowances(), *told))
        yield Section(titles.usage, tuple(self._usage()))
        yield Section(titles.methods, self._methods(examples))
        yield Section(titles.volume, tuple(volume.blocks(plan.volume_tiers, self._numbered, words, writer)))
        yield Section(titles.others, self._grants.others())
        yield Section(titles.add_ons, self._grants.add_ons())
        since = max(self._as_of, local_date(catalogue.effective_from_us, catalogue.timezone))
        yield Section(titles.times, times.blocks(catalogue, self._met, since, words, writer))
        yield Section(titles.destinations, tuple(destinations(catalogue, [each.reach for each in self._met], words)))
        yield Section(titles.terms, terms.terms(catalogue, plan, words))

    def _subtitle(self) -> str:
        """The day from which the tariff is valid."""
        return self._words.subtitle.format(self._writer.instant(self._catalogue.effective_from_us))

    def _cards(self) -> Iterator[Card]:
        if self._plan.recurring:
            yield Card(self._writer.amount(fees.monthly_micros(self._plan)), self._words.cards.month)
        alike: dict[tuple[QuantityUnit, tuple[Service, ...], tuple[str, ...]], int] = {}
        for each in self._plan.allowances:
            use = (each.unit, each.services, each.zones)
            alike[use] = alike.get(use, 0) + each.quantity
        for (unit, services, zones), quantity in list(alike.items())[: CARDS - 1]:
            figure = self._writer.quantity(quantity, unit, services[0] if len(services) == 1 else None)
            yield Card(figure, self._grants.served(services, zones))

    def _usage(self) -> Iterator[Block]:
        """The price tables of all services."""
        texts = self._words.usage
        plan = self._plan
        passes = texts.out_of_passes if plan.allowances else texts.only_passes
        yield Notes((passes if plan.day_passes else texts.out_of_bundle if plan.allowances else texts.no_bundle,))
        for service in Service:
            numbered = [(number, each) for number, each in self._numbered if each.reach.service is service]
            if any(each.price is not None for _, each in numbered):
                yield self._table(service, numbered)
                if refuses_the_rest(self._catalogue, self._plan, service):
                    yield Notes((texts.not_listed[service],))
        not_offered = [(number, each) for number, each in self._numbered if each.reach.service not in self._sold]
        if not_offered:
            cells = (((str(number),), self._labels.of_service(each.reach), self._clauses(each)) for number, each in not_offered)
            yield Table(texts.not_offered, (texts.number, texts.what_for, texts.price), tuple(map(Line, cells)), (2, 11, 14), lead=1)
        if not self._sold.isdisjoint(WITH_NUMBERS):
            yield Notes((texts.longest, texts.received))

    def _table(self, service: Service, numbered: Sequence[tuple[int, Met]]) -> Table:
        """The prices of one service: number, what for, when, price, tax class, way of counting."""
        texts = self._words.usage
        timed = any(each.price is not None and each.price.calendar is not None for _, each in numbered)
        taxed = len(self._tax_classes()) > 1
        heads = [
            texts.number,
            texts.what_for,
            *([texts.when] if timed else []),
            texts.price,
            *([texts.tax] if taxed else []),
            texts.counted,
        ]
        widths = [2, 11, *([9] if timed else []), 11, *([3] if taxed else []), 4]
        lines, before = [], None
        for number, each in numbered:
            label = self._labels.label(each.reach)
            cells = [(str(number),), label if label != before else ()]
            cells += [(self._when(each, number),)] if timed else []
            cells.append(self._clauses(each))
            cells += [(self._tax_rate(each.price.tax_class) if each.price is not None else "",)] if taxed else []
            lines.append(Line((*cells, (self._letter(each),))))
            before = label
        return Table(self._words.labels.service[service], tuple(heads), tuple(lines), tuple(widths), lead=1)

    def _when(self, each: Met, number: int) -> str:
        """The time at which a price holds; one without calendar holds where those that go before it, for the same use, leave room."""
        if each.price is None or each.price.calendar is None:
            timed_from = self._timed_from.get(_use(each), number)
            return self._words.labels.other_times if timed_from < number else self._words.labels.any_time
        calendar = next(found for found in self._catalogue.calendars if found.name == each.price.calendar)
        return bands.told(each.band, calendar, self._words)

    def _clauses(self, each: Met) -> tuple[str, ...]:
        if each.price is None or each.rate is None:
            return (self._words.prices.not_sold,)
        return clauses.clauses(each.price, each.rate, each.reach.service, self._words.prices, self._writer)

    def _tax_rate(self, name: str) -> str:
        """The rate of a tax class on the day, where the plan has more than one class."""
        found = next(tax for tax in self._catalogue.tax_classes if tax.name == name)
        return terms.tax_on(found, self._as_of, self._words) if len(self._tax_classes()) > 1 else ""

    def _letter(self, each: Met) -> str:
        return "" if each.counted is None else self._letters[each.counted]

    def _tax_classes(self) -> set[str]:
        plan = self._plan
        fees_of_plan: list[RecurringFee | OneOffFee | Commitment] = [*plan.recurring, *plan.one_offs, *plan.commitments]
        shares = {share.tax_class for fee in plan.recurring for share in fee.shares}
        of_usage = {each.price.tax_class for each in self._met if each.price is not None} | {each.tax_class for each in plan.volume_tiers}
        return of_usage | shares | {each.tax_class for each in fees_of_plan}

    def _cells(self) -> Iterator[Cell]:
        for number, each in self._numbered:
            reach = each.reach
            yield Cell(
                number=number,
                service=int(reach.service),
                zone=reach.zone,
                rule_plan=reach.rule_plan,
                rule_index=reach.rule_index,
                conditions=reach.conditions,
                band=each.band,
                price_id=0 if each.price is None else each.price.price_id,
                clauses=self._clauses(each),
                method=self._letter(each),
                quote=each.event,
                until_us=each.until_us,
            )

    def _method_examples(self) -> Iterator[Example]:
        """For each way of counting the first price that costs something, else the first."""
        for way in self._letters:
            alike = [(number, each) for number, each in self._numbered if each.counted == way]
            number, each = next(((n, e) for n, e in alike if e.outcome.charge_micros), alike[0])
            yield self._examples.of_cell(number, each, self._label_in_line(each, number))

    def _label_in_line(self, each: Met, number: int) -> str:
        label = self._labels.label(each.reach)[0]
        timed = each.price is not None and each.price.calendar is not None
        return self._words.figures.comma.join([label, self._when(each, number)] if timed else [label])

    def _methods(self, examples: Sequence[Example]) -> tuple[Block, ...]:
        if not self._letters:
            return ()
        texts = self._words.usage
        lines = tuple(self._method_line(way, example) for way, example in zip(self._letters, examples, strict=True))
        return (Notes((texts.method_intro,)), Table("", texts.method_heads, lines, (1, 7, 9), prose=True))

    def _method_line(self, way: Counted, example: Example) -> Line:
        return Line(((self._letters[way],), clauses.sentences(way, self._words.prices, self._writer), example.text))


def _use(each: Met) -> tuple[Service, str, object]:
    """The use that a price is for, at any time."""
    return each.reach.service, each.reach.zone, each.reach.conditions


def _letters(position: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    text = ""
    position += 1
    while position:
        position, letter = divmod(position - 1, len(_LETTERS))
        text = _LETTERS[letter] + text
    return text
