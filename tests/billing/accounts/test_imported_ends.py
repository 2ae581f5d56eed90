"""Ends that an import moves: numbers follow as they do after `accounts end`. Midnights are Shanghai's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import accounts
from billing.accounts import exporting, lifecycle, lookup, numbers
from rating.errors import ProblemsError
from tests.billing.accounts.operator_home import ACCOUNTS, ANN, ASKED, NOW_US, NUMBERS, SUBSCRIPTIONS, day, make, write
from tests.billing.accounts.test_moved_ends import ONE, TWO, end, free, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.accounts.importing.whole import ImportReport
    from billing.store.home import Home

pytestmark = pytest.mark.slow
FACTS = "subscription_id,kind,from_date,to_date,detail\n"
HEADERS = {
    name: text.split()[0] + "\n" for name, text in {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "numbers": NUMBERS}.items()
}


@pytest.fixture(params=["by command", "by import"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """M-1 of A1 has two numbers from 1 October 2026 on and ends on 10 December; M-2 of A2 has none."""
    with make(tmp_path) as opened:
        for name, account, served in (("M-1", "A1", (ONE, TWO)), ("M-2", "A2", ())):
            lifecycle.activate(opened, ASKED, lifecycle.Activation(name, account, "mobile/basic", day("2026-10-01"), served))
        if request.param == "by command":
            end(opened, "2026-12-10")
        else:
            sent(opened, tmp_path, "2026-12-10")
        assert spans(opened, ONE) == [("2026-10-01", "2026-12-10")]
        yield opened


def source_of(folder: Path, form: str) -> Path:
    """The rows of an export that an import takes."""
    return folder if form == "csv" else folder / "accounts.json"


def sent(home: Home, folder: Path, *days: str, **files: str) -> ImportReport:
    """An import of ends of M-1, tried before."""
    facts = FACTS + "".join(f"M-1,end,{each},,{{}}\n" for each in days)
    source = write(folder / f"of-{days[-1]}", **(HEADERS | files), subscription_facts=facts)
    rehearsed = accounts.import_files(home, source, NOW_US, by=ANN, dry_run=True)
    done = accounts.import_files(home, source, NOW_US, by=ANN)
    assert rehearsed.moved_ends == done.moved_ends
    assert accounts.import_files(home, source, NOW_US, by=ANN).commit_seq is None, "the same again changes nothing"
    return done


def test_the_numbers_stay_until_the_later_day(home: Home, tmp_path: Path) -> None:
    done = sent(home, tmp_path, "2026-12-20")
    assert done.moved_ends == (
        "M-1 ends on 2026-12-20, not on 2026-12-10",
        f"{ONE}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-20 00:00:00+08:00",
        f"{TWO}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-20 00:00:00+08:00",
        f"its numbers are free from then on: {ONE}, {TWO}",
    )
    assert spans(home, ONE) == spans(home, TWO) == [("2026-10-01", "2026-12-20")]
    end(home, "2026-12-31")
    assert spans(home, ONE) == [("2026-10-01", "2026-12-31")], "a command moves what an import has moved"


def test_the_numbers_are_free_from_an_earlier_day(home: Home, tmp_path: Path) -> None:
    done = sent(home, tmp_path, "2026-12-05")
    assert done.moved_ends == ("M-1 ends on 2026-12-05, not on 2026-12-10", f"its numbers are free from then on: {ONE}, {TWO}")
    assert spans(home, ONE) == spans(home, TWO) == [("2026-10-01", "2026-12-05")]


def test_numbers_that_others_have_or_that_were_taken_stay_so(home: Home, tmp_path: Path) -> None:
    """TWO was taken on 1 November. M-2 has ONE from 12 December on for good, by the same import."""
    numbers.take(home, ASKED, TWO, "M-1", day("2026-11-01"))
    given = f"served_id,subscription_id,from,to\n{ONE},M-2,2026-12-12T00:00:00+08:00,\n"
    done = sent(home, tmp_path, "2026-12-20", numbers=given)
    assert done.moved_ends[1:] == (
        f"{ONE}, which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-12 00:00:00+08:00",
        f"{ONE}: it is M-2's from 2026-12-12 00:00:00+08:00 for good, and that stays",
    )
    assert (spans(home, ONE), spans(home, ONE, "A2", "M-2")) == ([("2026-10-01", "2026-12-12")], [("2026-12-12", None)])
    assert spans(home, TWO) == [("2026-10-01", "2026-11-01")]


def test_an_end_after_a_revival_gives_nothing_back(home: Home, tmp_path: Path) -> None:
    """The numbers are free since the revival, and `number give` alone gives them back."""
    assert free(ONE, "2026-12-10") in lifecycle.revive(home, ASKED, "M-1", "stays").said
    assert sent(home, tmp_path, "2026-12-20").moved_ends == ()
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10")]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_has_the_end_that_holds(home: Home, tmp_path: Path, form: str) -> None:
    """The end moves from 10 to 20, to 28 and back to 12 December. The new home has 12 December, also for the numbers."""
    for text in ("2026-12-20", "2026-12-28", "2026-12-12"):
        sent(home, tmp_path, text)
    exporting.export_files(home, tmp_path / "out", form)
    if form == "csv":
        assert (tmp_path / "out/subscription_facts.csv").read_text() == FACTS + "M-1,end,2026-12-12,,{}\n"
    with make(tmp_path / "new", accounts=HEADERS["accounts"], subscriptions=HEADERS["subscriptions"], numbers=HEADERS["numbers"]) as second:
        accounts.import_files(second, source_of(tmp_path / "out", form), NOW_US, by=ANN)
        assert spans(second, ONE) == [("2026-10-01", "2026-12-12")]
        shown = lookup.show_account(second, "A1", day("2026-12-01"))
        assert next(each.to_date for each in shown.subscriptions if each.subscription_id == "M-1") == "2026-12-12"
        exporting.export_files(second, tmp_path / "again", form)
    for file in (tmp_path / "out").iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_an_export_has_the_undoing_of_an_end_that_was_moved(home: Home, tmp_path: Path) -> None:
    sent(home, tmp_path, "2026-12-20")
    lifecycle.revive(home, ASKED, "M-1", "stays")
    exporting.export_files(home, tmp_path / "out", "csv")
    assert (tmp_path / "out/subscription_facts.csv").read_text() == FACTS + 'M-1,no_end,2026-12-20,,"{""reason"":""stays""}"\n'


@pytest.mark.parametrize(("kind", "second"), [("end", "2026-12-28"), ("no_end", "2026-12-10")])
def test_two_ends_of_one_subscription_in_a_file_are_refused(home: Home, tmp_path: Path, kind: str, second: str) -> None:
    """Either could hold. Both lines are named, and the end stays as it was."""
    source = write(tmp_path / "two", **HEADERS, subscription_facts=f"{FACTS}M-1,end,2026-12-20,,{{}}\nM-1,{kind},{second},,{{}}\n")
    with pytest.raises(ProblemsError) as refused:
        accounts.import_files(home, source, NOW_US, by=ANN)
    (problem,) = refused.value.problems
    assert (problem.path, problem.message) == (
        "line 3, kind",
        f"{kind} of M-1 from {second}: its end from 2026-12-20 is on line 2, and one end alone holds",
    )
    assert problem.remedy == "keep the row of the end that holds, and remove the other one"
    assert spans(home, ONE) == [("2026-10-01", "2026-12-10")]


def ends_on(home: Home) -> str | None:
    shown = lookup.show_account(home, "A1", day("2026-12-01"))
    return next(each.to_date for each in shown.subscriptions if each.subscription_id == "M-1")


def test_a_row_states_what_holds(home: Home, tmp_path: Path) -> None:
    """The end of 10 December was moved to the 20th since. A row with the 10th moves it back, one with the 20th changes nothing."""
    end(home, "2026-12-20")
    assert sent(home, tmp_path, "2026-12-10").moved_ends[0] == "M-1 ends on 2026-12-10, not on 2026-12-20"
    assert (ends_on(home), spans(home, ONE)) == ("2026-12-10", [("2026-10-01", "2026-12-10")])
    end(home, "2026-12-20")
    facts = f'{FACTS}M-1,end,2026-12-20,,"{{""reason"":""moves""}}"\n'
    assert accounts.import_files(home, write(tmp_path / "held", **HEADERS, subscription_facts=facts), NOW_US, by=ANN).commit_seq is None
    assert ends_on(home) == "2026-12-20"


def test_a_row_that_names_an_end_that_was_undone_ends_it_again(home: Home, tmp_path: Path) -> None:
    lifecycle.revive(home, ASKED, "M-1", "stays")
    assert ends_on(home) is None
    assert sent(home, tmp_path, "2026-12-10").commit_seq is not None
    assert ends_on(home) == "2026-12-10"


@pytest.mark.parametrize("since", ["", "2026-12-20"])
def test_an_end_and_its_undoing_in_a_file_leave_no_end(home: Home, tmp_path: Path, since: str) -> None:
    """The file says again that there is no end, after the end was moved; the same file again changes nothing."""
    reason = "moves" if lookup.show_account(home, "A1").facts[-1].detail != "{}" else ""
    detail = f'"{{""reason"":""{reason}""}}"' if reason else "{}"
    rows = f"{FACTS}M-1,end,2026-12-10,,{detail}\nM-1,no_end,2026-12-10,,{{}}\n"
    source = write(tmp_path / "both", **HEADERS, subscription_facts=rows)
    accounts.import_files(home, source, NOW_US, by=ANN)
    assert ends_on(home) is None
    if since:
        end(home, since)
        assert ends_on(home) == since
        accounts.import_files(home, source, NOW_US, by=ANN)
    assert ends_on(home) is None
    assert accounts.import_files(home, source, NOW_US, by=ANN).commit_seq is None


@pytest.mark.parametrize("way", ["command", "fact", "column"])
@pytest.mark.parametrize("before", ["taken", "to come", "of a file", "revived"])
def test_a_first_end_frees_all_numbers(tmp_path: Path, before: str, way: str) -> None:
    """M-1 ends on 5 December: ONE is free from then on, also where it was to be on the 20th; TWO, from the 15th on, is never its."""
    with make(tmp_path) as home:
        row = "M-1,A1,mobile/basic,2026-10-01,"
        served = () if before == "of a file" else (ONE,)
        lifecycle.activate(home, ASKED, lifecycle.Activation("M-1", "A1", "mobile/basic", day("2026-10-01"), served))
        given = HEADERS["numbers"]
        match before:
            case "taken":
                numbers.take(home, ASKED, ONE, "M-1", day("2026-12-20"))
            case "to come":
                numbers.give(home, ASKED, TWO, "M-1", day("2026-12-15"), 0)
            case "of a file":
                given += f"{ONE},M-1,2026-10-01T00:00:00+08:00,2026-12-20T00:00:00+08:00\n"
                accounts.import_files(home, write(tmp_path / "number", **(HEADERS | {"numbers": given})), NOW_US, by=ANN)
            case _:
                end(home, "2026-12-20")
                lifecycle.revive(home, ASKED, "M-1", "stays")
        match way:
            case "command":
                end(home, "2026-12-05")
            case "fact":
                sent(home, tmp_path, "2026-12-05", numbers=given)
            case _:
                files = HEADERS | {"subscriptions": f"{HEADERS['subscriptions']}{row}2026-12-05\n", "numbers": given}
                source = write(tmp_path / "column", **files)
                accounts.import_files(home, source, NOW_US, by=ANN)
                assert accounts.import_files(home, source, NOW_US, by=ANN).commit_seq is None, "the same again changes nothing"
        assert (spans(home, ONE), spans(home, TWO)) == ([("2026-10-01", "2026-12-05")], [])
