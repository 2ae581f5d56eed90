"""Records with versions in conflict that no run has charged: on an interim bill, or on no bill.

Anna's call of 60 minutes comes to 6.00 on her interim bill. Then a version of 20 minutes comes, 2.00, of her number or of Bert's.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from billing.verification.explain_line import explain_record
from server.cli import app
from server.cli.pages.since_run import conflict_sentences
from tests.billing.runs.test_interim_charges import Lives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

BILLED: Final = "runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-12 interim"
ANNAS: Final = f"{BILLED}\n2025-11-13 call anna 2025-11-05 20"
BERTS: Final = f"{BILLED}\n2025-11-13 call bert 2025-11-05 20"
HEAD: Final = "Record x of switch, begun 2025-11-05 02:00:00 (UTC): it waits in suspense as 1, 2."
CHOOSE: Final = "Versions of the record are in conflict, and none counts until one is chosen: `ratewright usage suspense resolve 1`."


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Lives]:
    made = Lives(tmp_path)
    yield made
    made.world.home.close()


def explained(history: Lives, language: str = "en") -> list[str]:
    found = explain_record(history.world.home, "x")
    assert (found.outcomes, found.left_out) == ((), ())
    (each,) = found.in_conflict
    return conflict_sentences(each, language)


@pytest.mark.parametrize("acts", [ANNAS, BERTS])
def test_bill_explain_names_suspense_and_the_interim_bill(history: Lives, acts: str) -> None:
    history.all(acts)
    number = history.world.numbers("anna")[-1]
    on = f"The interim bill {number} of account anna has the version of 3,600 s."
    comes = "A run of anna that bills its period takes it off, unless that version is chosen before."
    assert explained(history) == [HEAD, CHOOSE, f"{on} {comes}"]
    assert explained(history, "zh") == [
        "记录 x（来源 switch），开始于 2025-11-05 02:00:00（UTC）：待处理，编号 1、2。",
        "该记录的各版本互相冲突，选定之前均不计费：`ratewright usage suspense resolve 1`。",
        f"账户 anna 的期中账单 {number} 已计入 3,600 s 的版本。anna 在其账期的出账将其冲回，除非此前选定该版本。",
    ]
    history.all("runs 2025-12 2025-12")
    assert history.billed() == (0, 0), "the run of December took 6.00 off"
    assert explained(history) == [HEAD, CHOOSE]


def test_the_version_of_a_later_interim_bill_is_told(history: Lives) -> None:
    """The second interim bill has 15.00 of another call, less 4.00 of the first: that reaches 9.00, the second threshold."""
    history.all(f"{ANNAS}\n2025-11-13 keep 20\n2025-11-14 other 2025-11-06 150\n2025-11-15 interim")
    assert history.billed() == (1700, 0)
    history.all("2025-11-16 call anna 2025-11-05 30")
    assert "has the version of 1,200 s" in explained(history)[-1]


def test_on_no_bill(history: Lives) -> None:
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-13 call anna 2025-11-05 20")
    assert explained(history) == [HEAD, CHOOSE]


def test_the_command_ends_with_exit_status_0(history: Lives, capsys: pytest.CaptureFixture[str]) -> None:
    """No run has seen the second record: it is known by its rows in suspense alone."""
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-13 call anna 2025-11-05 20")
    words = ["bill", "explain", "x", "--home", str(history.world.home.path)]
    assert app.main(words) == 0
    assert capsys.readouterr().out.splitlines() == [HEAD, CHOOSE]
    assert app.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["left_out"], [each["suspense_ids"] for each in told["in_conflict"]]) == ([], [], [[1, 2]])
    assert app.main([*words, "--run", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [HEAD, CHOOSE]
