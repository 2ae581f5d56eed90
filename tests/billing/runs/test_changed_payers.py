"""Usage that a run takes off one payer's bill and puts on another's: either document may be void, and it is on one bill at most.

One call of ten minutes in October (1.00, Anna's). Carl pays for Anna from October on, which is told after her bill.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import agreements, kinds
from billing.documents import voiding
from billing.persons import Who
from rating.errors import UserError
from tests.billing.runs.test_moved_histories import History
from tests.billing.too_late.late_world import ANA, open_records, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


class Payers(History):
    """The same acts, and Carl."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.open("2025-10-01", "3")
        self.world.account("carl")

    def pays(self, _day: str, account: str, payer: str, from_day: str) -> None:
        """An account pays for another."""
        agreements.agree(self.world.home, self.asked(), account, "payer", dt.date.fromisoformat(from_day), None, kinds.PayerFact(payer))

    def billed(self) -> tuple[int, int, int]:
        """The cents of usage on valid bills of Anna, Bert and Carl."""
        return self.billed_cents("anna"), self.billed_cents("bert"), self.billed_cents("carl")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Payers]:
    made = Payers(tmp_path)
    made.all("""
        2025-10-21 call anna 2025-10-20 10
                   runs 2025-11 2025-11
        2025-11-05 pays anna carl 2025-10-01
                   runs 2025-12 2025-12
        """)
    assert made.billed() == (0, 0, 100)
    yield made
    made.world.home.close()


def test_the_document_of_the_new_payer_is_void(history: Payers) -> None:
    """It is on no bill then, though Carl's are held: a run of its new owner bills it."""
    carls = len(history.world.numbers("carl")) - 1
    history.all(f"2025-12-03 void carl {carls}\n2025-12-04 hold carl never\n2025-12-05 move anna bert-1 2025-10-02\nruns 2026-01 2026-01")
    assert (history.billed(), open_records(history.world), wrong(history.world)) == ((0, 100, 0), [], set())


def test_the_document_of_the_former_payer_is_not_void_before(history: Payers) -> None:
    number = history.world.numbers("anna")[-1]
    (of_carl,) = [each for each in history.world.numbers("carl") if each not in history.voided][-1:]
    why = f"{number} took usage off an earlier bill that carl pays on {of_carl} since"
    with pytest.raises(UserError, match=why) as caught:
        voiding.void(history.world.home, number, "wrong", Who(*ANA, history.world.tick()))
    assert caught.value.remedy == f"void that one first: ratewright invoice void {of_carl} --reason ..."
    history.tell(f"2025-12-03 void carl {len(history.world.numbers('carl')) - 1}")
    assert history.billed() == (0, 0, 0)
    history.tell(f"2025-12-03 void anna {len(history.world.numbers('anna')) - 1}")
    assert (history.billed(), wrong(history.world)) == ((100, 0, 0), set())
    history.tell("runs 2026-01 2026-01")
    assert (history.billed(), wrong(history.world)) == ((0, 0, 100), set())
