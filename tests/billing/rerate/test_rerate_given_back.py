"""A re-rating beside credit notes for good: nobody gets back more than was billed, unless the job names its accounts.

The customers a, b, c of `test_rerate` have 10, 20 and 30 minutes in October at 0.10; the correction takes 0.05 a minute off.
Amounts are cents without tax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import invoicing
from billing.rerate import jobs
from server.cli import app
from tests.billing.documents.clerk import credit, void, wrong
from tests.billing.rerate.test_rerate import CENT, apply, asked, billed  # noqa: F401 -- the fixture
from tests.billing.runs.world import NATIONAL

if TYPE_CHECKING:
    from billing.rerate.figures import Figures
    from tests.billing.runs.world import World

pytestmark = pytest.mark.usefixtures("billed")
NOTE = "C-0000000001"


def october(world: World, account_id: str = "a") -> str:
    """The number of the invoice of October."""
    return min(each.number for each in invoicing.list_invoices(world.home) if each.account_id == account_id)


def calls(world: World, number: str) -> int:
    """The number of the line of national calls."""
    lines = invoicing.get_invoice(world.home, number).lines
    return next(place for place, each in enumerate(lines, start=1) if each.price_id == NATIONAL)


def differing(found: Figures) -> dict[str, int]:
    return {each.account_id: each.net_micros // CENT for each in found.largest}


def beyond(found: Figures) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {account: (each.micros // CENT, each.notes) for account, each in found.beyond.items()}


def test_an_invoice_that_was_credited_whole_is_left_out_and_named(world: World) -> None:
    credit(world, october(world), None, None, on="2025-12-05")
    found = jobs.preview(world.home, asked())
    assert differing(found) == {"b": -100, "c": -150}
    assert found.quarantined == {
        "a": f"{NOTE} gave charges back for good, and 0.50 CNY more than was billed would be given back; "
        "a job that names its accounts (--accounts) gives it all the same"
    }
    assert found.beyond == {}
    apply(world, asked())
    assert [each.account_id for each in invoicing.list_invoices(world.home) if each.document_type == "credit_note"] == ["a", "b", "c"]
    assert wrong(world) == []


def test_a_job_that_names_its_accounts_gives_it_and_says_so(world: World) -> None:
    credit(world, october(world), None, None, on="2025-12-05")
    found = jobs.preview(world.home, asked(("a", "b")))
    assert (differing(found), found.quarantined) == ({"a": -50, "b": -100}, {})
    assert beyond(found) == {"a": (50, (NOTE,))}
    job = apply(world, asked(("a", "b")))
    assert beyond(jobs.jobs(world.home)[0].figures) == beyond(job.figures) == beyond(found), "it is kept with the job"


# cents of October's calls (1.00, of which 0.50 stay due) that a note for good gives back, and the excess of the job
@pytest.mark.parametrize(("given", "excess"), [(50, 0), (51, 1), (80, 30), (100, 50)])
def test_of_a_part_only_what_lies_beyond_counts(world: World, given: int, excess: int) -> None:
    number = october(world)
    credit(world, number, calls(world, number), given, on="2025-12-05")
    assert differing(jobs.preview(world.home, asked())) == {"b": -100, "c": -150} | ({} if excess else {"a": -50})
    assert beyond(jobs.preview(world.home, asked(("a",)))) == ({"a": (excess, (NOTE,))} if excess else {})


def test_a_credit_of_another_charge_is_no_matter(world: World) -> None:
    number = october(world)
    credit(world, number, 1, None, on="2025-12-05")
    found = jobs.preview(world.home, asked())
    assert (differing(found), found.quarantined) == ({"a": -50, "b": -100, "c": -150}, {})


def test_a_credit_ahead_of_the_correction_is_taken_for_given(world: World) -> None:
    number = october(world)
    credit(world, number, calls(world, number), 50, "advance", on="2025-12-05")
    found = jobs.preview(world.home, asked())
    assert (differing(found), found.quarantined) == ({"b": -100, "c": -150}, {})


def test_a_note_that_is_void_gave_nothing_back(world: World) -> None:
    credit(world, october(world), None, None, on="2025-12-05")
    void(world, NOTE, "2025-12-05")
    assert differing(jobs.preview(world.home, asked())) == {"a": -50, "b": -100, "c": -150}


def test_the_preview_says_it_in_words(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    credit(world, october(world), None, None, on="2025-12-05")
    monkeypatch.setenv("RATEWRIGHT_HOME", str(world.home.path))
    words = ["bill", "rerate", "--plan", "shop/plus", "--version", "2", "--periods", "2025-10", "--dry-run"]
    assert app.main([*words, "--accounts", "a"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"more than billed a 0.50 CNY given back beside {NOTE}, which stays given" in told
    assert "by the tariffs in force now, and by the facts that the last run knew, less what was billed" in told
    assert app.main(words) == 0
    assert f"cannot be billed a {NOTE} gave charges back for good, and 0.50 CNY more" in " ".join(capsys.readouterr().out.split())
