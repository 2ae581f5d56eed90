"""Commands of documents, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from billing import give_back_limit
from server.cli.remote.documents import reading as remote
from tests.billing.runs.world import Call
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.conftest import Both

pytestmark = pytest.mark.slow
RECORD = ("payment", "record", "--account", "anna", "--date", "2025-11-10", "--id", "P-1", "--amount", "4")


def test_lists(both: Both) -> None:
    """Anna has paid 4.00 of 11.55, berta 10.60 of 10.60: one of two documents is open."""
    both(*RECORD)
    both("payment", "record", "--account", "berta", "--date", "2025-11-10", "--id", "P-2", "--amount", "10.60")
    listed = both("invoice", "list", "--language", "zh")
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["R-0000000001", "R-0000000002"]
    for words, numbers in (
        ((), [1, 2]),
        (("--account", "berta"), [2]),
        (("--account", "anna", "--open"), [1]),
        (("--date", "2025-11-01"), [1, 2]),
        (("--date", "2025-11-01", "--open"), [1]),
        (("--date", "2025-11-02"), []),
        (("--run", "1", "--open"), [1]),
    ):
        told = json.loads(both("invoice", "list", *words, "--json"))
        assert [each["number"] for each in told] == [f"R-{number:010}" for number in numbers], words
    assert both("invoice", "list", "--limit", "1").endswith("more follow: --limit shows more, --account those of one account\n")
    assert "no account has the id nobody" in both("invoice", "list", "--account", "nobody", status=1)
    both("invoice", "list", "--run", "-1")
    assert "remedy: name one --account, a --date or a --run" in both.there("invoice", "list", "--open", status=2)


def test_one_with_its_lines_and_what_became_of_it(both: Both) -> None:
    """0.45 of a line and 0.03 of tax are credited; then berta's invoice is void."""
    both(*RECORD)
    credit = ("invoice", "credit", "R-1", "--id", "N-1", "--line", "2", "--amount", "0.45", "--effect", "outside", "--reason", "goodwill")
    both(*credit, "--date", "2025-11-05")
    both("invoice", "void", "R-2", "--reason", "wrong address", "--date", "2025-11-10")
    for number in ("R-1", "R-0000000002", "C-1"):
        for language in ((), ("--language", "en"), ("--language", "zh")):
            assert both("invoice", "show", number, *language)
        told = json.loads(both("invoice", "show", number, "--json"))
        assert (told["lines"][0]["line_no"], told["summary"]["number"][-1]) == (1, number[-1])
    assert "Credited by C-0000000001 of 2025-11-05 (-0.48 CNY), for good" in both("invoice", "show", "R-1")
    for number in ("R-9", "x/y"):
        for words in (("show",), ("usage",), ("explain",), ("reissue",), ("void", "--reason", "wrong address")):
            assert f"no invoice has the number {number}" in both("invoice", words[0], number, *words[1:], status=1)


def test_usage(both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of 29 minutes, of which 20 are free, and two short ones of a later month: in pages and as a stream."""
    both("invoice", "usage", "R-1")
    told = json.loads(both("invoice", "usage", "R-1", "--json"))
    assert (told["timezone"], told["account_id"], len(told["records"])) == ("Asia/Shanghai", "anna", 1)
    assert both("invoice", "usage", "R-2") == "R-0000000002 has no line of usage\n"
    assert "error: " in both("invoice", "usage", "R-1", "--subscription", "other", status=1)
    for world in (both.twin, both.guarded.world):
        world.catch_up()
        world.take(*(Call("1000", f"2025-11-0{day}T10:00:00", day * 60) for day in (1, 2, 3)))
        world.bill("2025-12-01")
    for size in (1_000, 1):
        monkeypatch.setattr(remote, "PAGE_SIZE", size)
        shown = both("invoice", "usage", "R-3", "--language", "zh")
        assert shown.count("1000") >= 3
        assert len(json.loads(both("invoice", "usage", "R-3", "--json"))["records"]) == 3
    here = both.here("invoice", "usage", "R-3", "--csv", tmp_path / "here.csv")
    there = both.there("invoice", "usage", "R-3", "--csv", tmp_path / "there.csv")
    assert here.replace("here.csv", "") == there.replace("there.csv", "")
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()
    assert "is there already" in both.there("invoice", "usage", "R-3", "--csv", tmp_path / "there.csv", status=2)


def test_explanations(both: Both) -> None:
    both(*RECORD)
    for words in (("R-1",), ("R-1", "1"), ("R-1", "2"), ("R-2", "--language", "zh"), ("R-1", "2", "--language", "zh")):
        assert both("invoice", "explain", *words)
        assert json.loads(both("invoice", "explain", *words, "--json"))["number"] == f"R-000000000{words[0][-1]}"
    told = json.loads(both("invoice", "explain", "R-1", "2", "--json"))
    assert (told["events_total"], told["exact_micros"], len(told["events"])) == (1, 900_000, 1)
    both("invoice", "explain", "R-1", "9", status=1)
    assert "R-0000000001 has no line 0" in both("invoice", "explain", "R-0000000001", "0", status=1)
    for limit in (0, 1_001):
        assert f"--limit {limit} is not served" in both.there("invoice", "explain", "R-1", "2", "--limit", limit, status=2)


def test_statements(both: Both) -> None:
    both(*RECORD)
    both("payment", "deposit", "take", "--id", "D-1", "--account", "anna", "--amount", "30", "--date", "2025-11-10")
    for words in ((), ("--from", "2025-11-05", "--to", "2025-11-10"), ("--language", "zh")):
        both("payment", "statement", "anna", *words)
        assert json.loads(both("payment", "statement", "anna", *words, "--json"))["closing_micros"] == 7_550_000
    assert "error: " in both("payment", "statement", "nobody", status=1)


def test_a_credit(both: Both) -> None:
    """Of the line of 0.90 half is credited: 0.45 and 0.03 of tax. The note is made void, then all is credited: 11.55."""
    words = ("invoice", "credit", "R-1", "--effect", "outside", "--reason", "goodwill", "--date", "2025-11-05")
    line = (*words, "--id", "N-1", "--line", "2", "--amount", "0.45")
    assert both(*line, "--dry-run") == "0.48 CNY (0.45 net, 0.03 tax) of R-0000000001 would be credited\n"
    assert both(*line) == "credit note C-0000000001: 0.48 CNY (0.45 net, 0.03 tax) of R-0000000001\n"
    assert "nothing changed" in both(*line)
    both("invoice", "void", "C-1", "--reason", "a mistake", "--date", "2025-11-10")
    assert "is void since 2025-11-10" in both(*line)
    assert json.loads(both(*words, "--id", "N-2", "--json"))["total_micros"] == -11_550_000
    both(*words, "--id", "N-3", status=1)
    nothing = ("invoice", "credit", "R-0000000002", "--effect", "outside", "--reason", "goodwill", "--date", "2025-11-05", "--id", "N-4")
    assert "has no line 0 that can be credited" in both(*nothing, "--line", "0", status=1)


def test_a_void_and_what_bills_it_again(both: Both) -> None:
    void = ("invoice", "void", "R-1", "--reason", "wrong address", "--date", "2025-11-12")
    assert "would be void" in both(*void, "--dry-run")
    assert json.loads(both(*void, "--dry-run", "--json"))["dry_run"] is True
    assert both(*void).endswith("the next run bills its charges again; at once: ratewright invoice reissue R-0000000001\n")
    both(*void, status=1)
    both("invoice", "reissue", "R-2", status=1)
    assert both("invoice", "reissue", "R-1").startswith("R-0000000003: 11.55 CNY of account anna, run 2\n")
    both("invoice", "void", "R-2", "--reason", "wrong address", "--date", "2025-11-12")
    assert json.loads(both("invoice", "reissue", "R-2", "--json"))["invoices"][0]["number"] == "R-0000000004"


def test_a_reissue_that_waits_for_another_person(both: Both) -> None:
    """With the setting `approval` the run has a list, and nothing is numbered."""
    for world in (both.twin, both.guarded.world):
        world.catch_up()
    both.here("settings", "set", "approval", "required", "--reason", "two persons")
    both.run("settings", "set", "approval", "required", "--reason", "two persons", "--home", both.guarded.home.path)
    both("invoice", "void", "R-1", "--reason", "wrong address", "--date", "2025-11-12")
    assert "run 2 is computed, 1 on its list, none numbered" in both("invoice", "reissue", "R-1")


def test_a_void_and_a_credit_that_wait_for_another_person(both: Both) -> None:
    """One person gives back at most 1.00."""
    for world in (both.twin, both.guarded.world):
        world.catch_up()
        set_by_two(world.home, give_back_limit.LIMIT, "1000000", world.tick)
    void = ("invoice", "void", "R-2", "--reason", "wrong address", "--date", "2025-11-12")
    assert "another person would have to agree" in both(*void, "--dry-run")
    assert "waits for another person as proposal 1" in both(*void)
    credit = ("invoice", "credit", "R-1", "--id", "N-1", "--effect", "outside", "--reason", "goodwill", "--date", "2025-11-12")
    assert "another person would have to agree" in both(*credit, "--dry-run")
    assert json.loads(both(*credit, "--json"))["proposal"] == 2


def test_a_preview_of_a_reissue(both: Both) -> None:
    """10.00 and 0.90 with 0.65 of tax again; before the void nothing is due."""
    preview = ("invoice", "reissue", "R-1", "--dry-run")
    both(*preview, status=1)
    both("invoice", "void", "R-1", "--reason", "wrong address", "--date", "2025-11-12")
    told = json.loads(both.printed(*preview, "--json", status=0))
    assert [line["amount_micros"] for line in told["drafts"][0]["lines"]] == [10_000_000, 900_000, 650_000]
    assert both.printed(*preview, status=0).splitlines()[1].split() == ["anna", "2025-10-01", "2025-10-31", "10.90", "0.65", "CNY"]
