"""Accounts are listed, found and shown, in a home and by a service: both print the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.billing.runs.world import Call
from tests.server.cli.remote.accounts.conftest import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow


def shown(both: Persons, *words: object) -> Any:  # noqa: ANN401 -- JSON is anything
    """Output of a command by both ways: first as text."""
    assert both(*words)
    return json.loads(both(*words, "--json"))


def test_lists_and_searches(both: Persons, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine accounts: all of them in pages of four, some and none."""
    monkeypatch.setattr("server.cli.remote.accounts.reading.PAGE_SIZE", 4)
    told = shown(both, "accounts", "list")
    assert told["total"] == len(told["accounts"]) == 9
    for some in (3, 6):
        assert len(shown(both, "accounts", "list", "--limit", some)["accounts"]) == some
    assert both("accounts", "list", "--limit", "0").endswith("9 more: --limit 9 shows all\n")
    both("accounts", "list", "--limit", "-1", status=2)
    by_name = shown(both, "accounts", "find", "trading")
    assert {each["found_by"] for each in by_name["hits"]} == {"name"}
    assert len(by_name["hits"]) == 3
    spans = shown(both, "accounts", "find", "+86 138 0001 0102")["hits"]
    assert [(each["account_id"], each["to_us"] is None) for each in spans] == [("C-102", False), ("S-400", True)]
    assert [each["account_id"] for each in shown(both, "accounts", "find", "8613800010102", "--on", "2026-06-01")["hits"]] == ["S-400"]
    assert shown(both, "accounts", "find", "P-", "--limit", "1")["more"]
    assert both("accounts", "find", "nobody", status=1) == "nothing is called so\n"
    for words in (("find", " "), ("find", "x" * 201), ("find", "x", "--limit", "0"), ("find", "x", "--on", "soon")):
        both("accounts", *words, status=2)


def test_one_account(both: Persons) -> None:
    """One account with all that came with it, its payers, and the state of another day."""
    old = shown(both, "accounts", "show", "W-600")
    assert [each["amount_micros"] for each in old["opening_items"]] == [-12_000_000, 128_400_000, 99_000_000]
    assert old["baselines"] == {"2025-10": 101_200_000, "2025-11": 128_400_000, "2025-12": 99_000_000}
    assert shown(both, "accounts", "show", "C-101")["relations"]
    before = shown(both, "accounts", "show", "P-300", "--as-of", "2026-02-01")
    assert (before["account"]["bill_day"], before["bill_day_now"]) == (31, 31)
    assert before["coming"]
    staff = shown(both, "accounts", "show", "S-400")
    assert (staff["account"]["category"], staff["category_now"]) == ("staff", "normal")
    assert [each["transferred_from_account"] for each in staff["subscriptions"]] == [None, "P-300"]
    assert "no account has the id nobody" in both.there("accounts", "show", "nobody", status=1)
    for name in ("", "a/b"):
        assert f"account {name} is unknown" in both("accounts", "show", name, status=1)


def test_what_is_billed_dunned_and_not_billed_yet(billed: Persons) -> None:
    """Anna has a bill of 11.55, is barred, and is not any more. In December she has 29 minutes, 20 of them free: 9 x 0.10 = 0.90."""
    for world in (billed.twin, billed.guarded.world):
        world.catch_up()
        world.take(Call("1000", "2025-12-05T10:00:00", 29 * 60))
    for day in ("2025-11-18", "2025-12-15"):
        billed.in_both_homes("dunning", "run", "--date", day)
    barred = shown(billed, "accounts", "show", "anna")
    assert (barred["standing"]["dunning_level"], barred["standing"]["barred"], barred["standing"]["documents"]) == (2, True, 1)
    assert [(each["kind"], each["dunning_run"], each["dunning_level"]) for each in barred["facts"]] == [("bar_outgoing", 2, 2)]
    billed.in_both_homes("dunning", "undo", "--run", "2", "--reason", "she paid")
    with billed.acting("the-approver"):
        billed.in_both_homes("dunning", "undo", "--run", "2", "--reason", "so she did")
    standing = shown(billed, "accounts", "show", "anna")["standing"]
    assert (standing["dunning_undone"]["asked_by"], standing["dunning_undone"]["by_name"]) == ("boss", "the-approver")
    waits = shown(billed, "bill", "unbilled", "anna")
    assert [each["amount_micros"] for each in waits["lines"] if each["kind"] == "usage"] == [900_000]
    for words in (("--date", "2025-12-01"), ("--language", "zh"), ("--date", "2025-11-10", "--language", "en")):
        assert shown(billed, "bill", "unbilled", "anna", *words)["lines"], words
    assert billed("bill", "unbilled", "nobody", status=1).startswith("error: no account has the id nobody\n")
    billed("bill", "unbilled", "anna", "--date", "soon", status=2)


def test_charges_not_billed_yet_are_in_the_language_agreed_for_the_day(billed: Persons) -> None:
    """Anna is in English. Terms say Chinese from 20 December on; it is 1 January, and from the 3rd on they say English again."""
    assert billed("bill", "unbilled", "anna").startswith("Account anna, ")
    billed.in_both_homes("accounts", "terms", "anna", "--from", "2025-12-20", "--language", "zh")
    billed.in_both_homes("accounts", "terms", "anna", "--from", "2026-01-03", "--language", "en")
    assert billed("bill", "unbilled", "anna").startswith("账户 anna")
    assert shown(billed, "bill", "unbilled", "anna")["language"] == "zh"
    assert billed("bill", "unbilled", "anna", "--language", "en").startswith("Account anna, ")
    for date, language in (("2025-12-19", "en"), ("2025-12-20", "zh"), ("2026-01-02", "zh"), ("2026-01-03", "en")):
        assert shown(billed, "bill", "unbilled", "anna", "--date", date)["language"] == language, date


def test_ends_that_moved_are_marked_and_not_to_come(both: Persons) -> None:
    """P-300-2 ends on 10 December, then on the 20th, then not at all: both ways say so, in text and as JSON."""
    both("accounts", "end", "P-300-2", "--on", "2026-12-10")
    both("accounts", "end", "P-300-2", "--on", "2026-12-20")
    told = both("accounts", "show", "P-300")
    assert "from 2026-12-20: P-300-2: ends\n" in told
    assert "from 2026-12-10: P-300-2" not in told
    on_the_day = both("accounts", "show", "P-300", "--as-of", "2026-12-20")
    found = shown(both, "accounts", "show", "P-300")["facts"]
    first, second = (each for each in found if each["about"] == "P-300-2" and each["kind"] == "end")
    assert (first["replaced_by"], second["replaced_by"]) == (second["fact_id"], None)
    assert f"ends; no longer holds since fact {second['fact_id']}, moved: it ends on 2026-12-20" in on_the_day
    both("accounts", "revive", "P-300-2")
    assert "from 2026-12-20: P-300-2" not in both("accounts", "show", "P-300")
    assert on_the_day.count("no longer holds") == 1
    assert both("accounts", "show", "P-300", "--as-of", "2026-12-20").count("no longer holds") == 2


def test_what_begins_later_is_under_its_date(both: Persons) -> None:
    """A sponsor, a discount with its end, a number and a subscription: also on the page of the account that will pay."""
    for words in (
        ("accounts", "sponsor", "S-400", "C-100", "--kind", "usage", "--from", "2031-03-01"),
        ("accounts", "discount", "S-400-2", "loyal", "--percent", "10", "--from", "2031-03-01", "--to", "2031-05-31"),
        ("accounts", "number", "give", "8613899999999", "S-400-2", "--from", "2031-04-01"),
    ):
        both(*words)
    text = both("accounts", "show", "S-400").splitlines()
    for line in (
        "from 2031-03-01: S-400: C-100 pays usage",
        "from 2031-03-01 to 2031-05-31: S-400-2: discount loyal: 10 % off everything",
        "from 2031-04-01: S-400-2: number 8613899999999",
    ):
        assert line in text
    assert "from 2031-03-01: S-400: C-100 pays usage" in both("accounts", "show", "C-100").splitlines()
    found = shown(both, "accounts", "show", "S-400")["coming"]
    assert ("2031-03-01", "2031-06-01") in [(each["from_date"], each["to_date"]) for each in found]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_has_the_same_files(billed: Persons, tmp_path: Path, form: str) -> None:
    """Names and numbers are whole, and the audit trail has who read them; support and an auditor may not."""
    words = ("accounts", "export")
    told = billed.behind(*words, tmp_path / "here", "--format", form)
    assert billed.there(*words, tmp_path / "there", "--format", form) == told
    assert "bills up to" in told
    files = [{each.name: each.read_bytes() for each in (tmp_path / name).iterdir()} for name in ("here", "there")]
    assert files[0] == files[1]
    assert b"Customer anna" in files[0]["accounts.csv" if form == "csv" else "accounts.json"]
    assert "is not an empty folder" in billed.there(*words, tmp_path / "there", status=2)
    for name in ("the-support", "the-auditor"):
        with billed.acting(name):
            assert "needs the role admin or finance or operator" in billed.there(*words, tmp_path / name, status=1)
    assert not (tmp_path / "the-support").exists()
    with billed.acting("the-finance"):
        assert billed.there(*words, tmp_path / "finance", "--format", form) == told


def test_an_end_that_an_import_moves(both: Persons, tmp_path: Path) -> None:
    """P-300-2 ends on 10 December by command, and on the 20th by a file: both ways say where its numbers stay."""
    both("accounts", "end", "P-300-2", "--on", "2026-12-10")
    for name in FILES:
        head, *_ = (EXAMPLES / f"{name}.csv").read_text().splitlines()
        (tmp_path / f"{name}.csv").write_text(f"{head}\n")
    (tmp_path / "subscription_facts.csv").write_text("subscription_id,kind,from_date,to_date,detail\nP-300-2,end,2026-12-20,,{}\n")
    told = both("accounts", "import", tmp_path)
    assert "P-300-2 ends on 2026-12-20, not on 2026-12-10\n" in told
    assert "which the end before had freed, stays with it from 2026-12-10 00:00:00+08:00 until 2026-12-20 00:00:00+08:00\n" in told


def test_support_sees_what_it_says_why(billed: Persons) -> None:
    """Without a reason a name is found as a whole alone, and a number by all of its digits; both are masked."""
    with billed.acting("the-support"):
        unfound = billed.there("accounts", "find", "customer", status=1)
        assert unfound.startswith("no id begins so, and no whole name or number is this. Your role sees names and numbers masked")
        assert json.loads(billed.there("accounts", "find", "customer", "--json", status=1)) == {"hits": [], "more": False, "whole": True}
        (found,) = json.loads(billed.there("accounts", "find", "customer anna", "--json"))["hits"]
        assert (found["account_id"], found["name"], found["text"]) == ("anna", "C***", "C***")
        hidden = json.loads(billed.there("accounts", "show", "anna", "--json"))
        assert (hidden["account"]["name"], hidden["subscriptions"][0]["numbers"]) == ("C***", ["***0"])
        assert hidden["standing"]["bills"][0]["account_name"] == "C***"
        assert "Customer anna" in billed.there("accounts", "find", "customer", "--why", "she is on the line")


FILES = ("accounts", "subscriptions", "numbers")


def test_an_import(empty: Persons, tmp_path: Path) -> None:
    """Files of a folder or one document: tried, imported, known the second time, refused with every mistake."""
    words = ("accounts", "import", EXAMPLES)
    tried = empty(*words, "--dry-run")
    assert tried.startswith("nothing is stored; this would happen:\n")
    assert json.loads(empty("accounts", "list", "--json"))["total"] == 0
    first = json.loads(empty(*words, "--json"))
    assert (first["accounts_added"], first["opening_items"]["added"], first["commit_seq"] is None) == (9, 3, False)
    assert empty(*words).splitlines()[1].split() == ["accounts", "0", "0", "9"]
    assert json.loads(empty(*words, "--json"))["commit_seq"] is None
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for name in FILES:
        head, *_ = (EXAMPLES / f"{name}.csv").read_text().splitlines()
        rows = [f"M-{number},,CNY,Nowhere,99,zh,2026-01-01,,none,14,," for number in range(6)] if name == "accounts" else []
        (wrong / f"{name}.csv").write_text("\n".join([head, *rows, ""]))
    for dry_run in ((), ("--dry-run",)):
        told = empty("accounts", "import", wrong, *dry_run, status=1)
        assert "error: 12 mistakes found\n" in told
    (wrong / "numbers.csv").unlink()
    assert "numbers.csv: file: is missing" in empty("accounts", "import", wrong, status=1)
    document = tmp_path / "accounts.json"
    document.write_text('{"accounts": [], "colours": []}')
    assert '"path":"colours"' in empty("accounts", "import", document, "--json", status=1)
    empty("accounts", "import", tmp_path / "nowhere", status=2)
    document.write_text('{"accounts": []}' + " " * (8 << 20))
    assert "accounts.json has more than the 8,388,608 bytes that a service takes" in empty.there("accounts", "import", document, status=1)
    (tmp_path / "none").mkdir()
    assert "error: 3 mistakes found" in empty("accounts", "import", tmp_path / "none", status=1)
