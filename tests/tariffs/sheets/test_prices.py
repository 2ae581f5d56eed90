"""What customers read is what rating charges: every price of a sheet, read back from text, HTML and PDF, against a quote by the kernel."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating.errors import UserError
from rating.model import UNIT_OF_SERVICE, QuantityUnit, Service
from rating.status import Status
from tariffs.reach import reachable
from tariffs.sheets import content, text
from tests.rating import generator, harness
from tests.tariffs.rich import RICH
from tests.tariffs.sample import loaded
from tests.tariffs.sheets import reading
from tests.tariffs.sheets.shown import AS_OF, CATALOGS, FORMS, Shown, catalogue, made, read, shown

if TYPE_CHECKING:
    from pathlib import Path

    from rating.outcome import Bucket, Event
    from tariffs.sheets.layout import Cell

PLANS = [(path.name, plan.name) for path in sorted(CATALOGS.iterdir()) if path.is_dir() for plan in catalogue(path.name).plans]
LANGUAGES = ("en", "zh")
GENERATED = 6  # plans of a generated world
# Quantities asked for besides that of the example, in the unit of the price
ASKED = {
    QuantityUnit.MILLISECOND: (0, 1, 999, 1_000, 29_500, 60_000, 60_001, 61_001, 185_200, 600_000, 660_000),
    QuantityUnit.BYTE: (0, 1, 10_000, 10_001, 1_234_567, 30_000_000, 101_000_001),
    QuantityUnit.MESSAGE: (0, 1, 2, 7),
}
CONTENT_ASKED = (4_990_000, 10_000, 333_333)
INPUT_OF = {QuantityUnit.MILLISECOND: 1_000, QuantityUnit.BYTE: 1, QuantityUnit.MESSAGE: 1}


def events(cell: Cell) -> list[Event]:
    """Uses of a cell: the example's quantity, and others that end within its band."""
    unit = UNIT_OF_SERVICE[Service(cell.service)]
    asked = [cell.quote.quantity, *(quantity * INPUT_OF[unit] for quantity in ASKED[unit])]
    if unit is QuantityUnit.MILLISECOND:
        asked = [quantity for quantity in asked if cell.quote.start_us + quantity + 600_000_000 <= cell.until_us]
    contents = CONTENT_ASKED if cell.quote.content_micros >= 0 else (-1,)
    return [msgspec.structs.replace(cell.quote, quantity=quantity, content_micros=content) for quantity in asked for content in contents]


def by_kernel(seen: Shown, asked: list[Event], held: list[tuple[Bucket, ...]] | None = None) -> list[harness.Seen]:
    """The kernel's answers; each event has its own buckets."""
    buckets = [list(each) for each in held or []]
    flat = [bucket for each in buckets for bucket in each]
    first = [sum(map(len, buckets[:row])) for row in range(len(buckets))]
    case = generator.Case(
        [seen.catalogue],
        [msgspec.structs.replace(event, event_key=row.to_bytes(16, "big")) for row, event in enumerate(asked)],
        list(range(len(asked))) if buckets else [None] * len(asked),
        {row: range(start, start + len(buckets[row])) for row, start in enumerate(first)},
        dict(enumerate(flat)),
        list(range(len(buckets))),
    )
    return harness.seen(harness.by_kernel(case), case)


Answers = list[tuple["Cell", "Event", harness.Seen]]


def answered(seen: Shown) -> Answers:
    """What the kernel answers to the uses of every cell."""
    rows = [(cell, event) for cell in seen.sheet.cells for event in events(cell)]
    return [(*row, answer) for row, answer in zip(rows, by_kernel(seen, [event for _, event in rows]), strict=True)]


@functools.cache
def of_example(name: str, plan: str) -> Answers:
    """The same for a plan of the examples, whatever the language."""
    return answered(shown(name, plan, "en"))


def check(seen: Shown, found: reading.Found, answers: Answers | None = None) -> None:
    """Every line, with every use of it."""
    language = seen.sheet.language
    ways = {letter: reading.read_way(text, language) for letter, text in found.ways.items()}
    assert list(found.lines) == [cell.number for cell in seen.sheet.cells], "lines on the sheet"
    lines = {number: reading.read_line(text, language) for number, text in found.lines.items()}
    for cell, event, answer in answers or answered(seen):
        line = lines[cell.number]
        if not line.sold:
            assert answer.status == Status.NOT_SOLD, (cell, event)
            continue
        assert answer.status <= Status.ZERO_RATED, (cell, event)
        assert (answer.price_id, seen.catalogue.identity) == (cell.price_id, answer.identity)
        quantity = -(-event.quantity // INPUT_OF[UNIT_OF_SERVICE[Service(cell.service)]])
        charged = reading.charge(line, ways[line.way] if line.way else None, quantity, max(event.content_micros, 0))
        assert charged == answer.gross_micros, (cell, found.lines[cell.number], found.ways.get(line.way), event)
        if not any(not each.friends_only for each in seen.plan.discounts):
            assert answer.charge_micros == answer.gross_micros


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "plan"), PLANS)
def test_every_price_that_can_be_read_is_what_the_kernel_charges(name: str, plan: str, language: str, form: str, tmp_path: Path) -> None:
    seen = shown(name, plan, language)
    check(seen, read(seen, form, tmp_path), of_example(name, plan))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("plan", ["rich", "basic"])
def test_so_are_those_of_a_catalogue_with_every_word_of_the_language(plan: str, language: str, form: str, tmp_path: Path) -> None:
    seen = made(loaded(tmp_path, RICH), plan, language)
    check(seen, read(seen, form, tmp_path))


@pytest.mark.parametrize(("name", "plan"), PLANS)
def test_every_reachable_price_is_on_the_sheet(name: str, plan: str) -> None:
    seen = shown(name, plan, "en")
    told = {(cell.rule_plan, cell.rule_index, cell.conditions, cell.band) for cell in seen.sheet.cells}
    reached = reachable(seen.catalogue, seen.plan)
    assert told == {(each.rule_plan, each.rule_index, each.conditions, band) for each in reached for band in each.bands or ("",)}
    assert len(told) == len(seen.sheet.cells)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "plan"), PLANS)
def test_the_kernel_comes_to_every_worked_example(name: str, plan: str, language: str) -> None:
    seen = shown(name, plan, language)
    examples = seen.sheet.examples
    assert examples
    answers = by_kernel(seen, [each.event for each in examples], [each.buckets for each in examples])
    for example, answer in zip(examples, answers, strict=True):
        assert reading.paid("\n".join(example.text), language) == example.charge_micros == answer.charge_micros, example


@pytest.mark.parametrize(("seed", "language"), [(4, "en"), (7, "zh")])
def test_generated_tariffs_are_told_as_the_kernel_charges_them(seed: int, language: str) -> None:
    """A sheet may be refused where rules hide each other by calendars and clocks; most are not."""
    plans = [(found, plan) for found in generator.generate(seed, 1).catalogues for plan in found.plans][:GENERATED]
    told = 0
    for found, plan in plans:
        try:
            sheet = content.sheet(found, plan, language, as_of=AS_OF)
        except UserError as error:
            assert "no use was found" in error.message  # noqa: PT017 - what else is refused is a mistake
            continue
        check(Shown(found, plan, sheet, b""), reading.in_text(text.lines(sheet), language))
        told += 1
    assert told * 2 > len(plans), f"seed {seed}"


def test_a_price_that_is_told_wrongly_is_noticed(tmp_path: Path) -> None:
    seen = shown("mobile", "smart-s", "en")
    found = read(seen, "text", tmp_path)
    wrong = {number: text.replace("EUR 0.19 per minute", "EUR 0.20 per minute") for number, text in found.lines.items()}
    assert wrong != found.lines
    with pytest.raises(AssertionError):
        check(seen, found._replace(lines=wrong))
    with pytest.raises(AssertionError):
        check(seen, found._replace(lines={number: text for number, text in found.lines.items() if number != 3}))
