"""The costs that the other engine's own tests assert: written out as tariff plan folders, imported, and rated by twin and kernel."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from rating.money import MICROS_PER_UNIT
from rating.status import REFUSALS_FROM
from tariffs.cgrates.carried import Listed
from tariffs.cgrates.reading import read
from tariffs.cgrates.translation import Settings, translate
from tariffs.cgrates.writing import write
from tests.tariffs.cgrates import vector_folders
from tests.vectors.cases import Case, decode
from tests.vectors.files import OWN_FOLDER, read_raw
from tests.vectors.verdicts import by_kernel, by_twin

if TYPE_CHECKING:
    from tests.tariffs.cgrates.vector_folders import Batch

COSTS: Final = 1_046
NO_COLUMN: Final = "a fee of a later slot, for which the files have no column"
# cases that do not come out, and why: what the import lists about them, or NO_COLUMN. One that does come out fails the test.
LISTED: Final = {
    "costs1-90s": 'the prefix "+49" is left out',  # beside prefixes without a plus
    "data-min-60-units": "above half the limit of money",  # a whole currency unit a byte
    "v1-60-1-45s": NO_COLUMN,
    "v1-60-1-180s": NO_COLUMN,
}


class Rated(NamedTuple):
    """A case, what twin and kernel said, and what the import listed about it."""

    case: Case
    answers: tuple[tuple[int, int], ...]  # status and charge
    listed: tuple[Listed, ...]

    @property
    def is_exact(self) -> bool:
        """Whether both give the exact cost, or both refuse what must be refused."""
        return all(self._is_right(status, charge) for status, charge in self.answers)

    def _is_right(self, status: int, charge: int) -> bool:
        expected = self.case.expected
        if expected.refused:
            return status >= REFUSALS_FROM
        cost = expected.cost if expected.exact_cost is None else expected.exact_cost
        assert cost is not None, "a case that is not refused has a cost"
        return status < REFUSALS_FROM and charge == Fraction(cost) * MICROS_PER_UNIT


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> list[Rated]:
    place = tmp_path_factory.mktemp("vectors")
    cases = [decode(raw) for raw in read_raw(OWN_FOLDER) if raw["operation"] == "cost"]
    found = []
    for number, batch in enumerate(vector_folders.batches(cases)):
        vector_folders.write(batch, place / f"plan-{number}")
        translated = translate(read(place / f"plan-{number}"), _settings(batch, number))
        catalogues = write(translated, place / f"imported-{number}")
        events = [vector_folders.event(case, at, translated.plans, f"v{number}") for at, case in enumerate(batch.cases)]
        twin, kernel = by_twin(catalogues, events), by_kernel(catalogues, events)
        for at, (case, one, other) in enumerate(zip(batch.cases, twin, kernel, strict=True)):
            mine = f"{vector_folders.tenant(at)}_"
            listed = tuple(each for each in translated.not_carried if each.tag.startswith(mine))
            found.append(Rated(case, ((one.status, one.charge_micros), (other.status, other.charge_micros)), listed))
    return found


def test_every_case_is_imported(rated: list[Rated]) -> None:
    assert len(rated) == COSTS


def test_costs_are_exact_but_for_what_is_listed(rated: list[Rated]) -> None:
    assert {one.case.id: one.answers for one in rated if not one.is_exact and one.case.id not in LISTED} == {}
    assert [one.case.id for one in rated if one.is_exact and one.case.id in LISTED] == []


def test_the_import_said_so(rated: list[Rated]) -> None:
    by_id = {one.case.id: one for one in rated}
    for case_id, told in LISTED.items():
        assert told == NO_COLUMN or any(told in f"{each.what}: {each.why}" for each in by_id[case_id].listed), case_id


def _settings(batch: Batch, number: int) -> Settings:
    return Settings("EUR", batch.timezone, f"v{number}", fallback_depth=batch.depth)
