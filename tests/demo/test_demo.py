"""The whole demo, small: it balances, the outside recount agrees, a second run changes nothing, and another seed changes everything."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from billing.store.home import Home
from tests.billing.documents.semantic import whole
from tests.demo import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_books_balance_and_the_twin_agrees(finished: running.Finished) -> None:
    summary = running.summary(finished.folder)
    assert [book for book in summary["books"] if book["left"] != book["right"]] == []
    assert len(summary["books"]) > 30
    assert summary["disagreement"]["disagreements"] == 0
    assert summary["disagreement"]["sample"] > 1_000
    assert {"name", "seconds", "records", "records_per_s"} == set(summary["stages"][0])


def test_the_stream_was_cut_and_counts_once(finished: running.Finished) -> None:
    sent = running.summary(finished.folder)["stream"]
    told = json.loads((finished.folder / "truth.json").read_text(encoding="utf-8"))["stream"]["records"]
    assert sent["rows"] == told
    assert sent["accepted"] + sent["duplicate"] == told  # what the broken connection left unacked was stored, and known when sent again


def test_switch_and_finance_call_over_tls_and_finance_may_not_send(finished: running.Finished) -> None:
    assert "finance may not send usage: ratewright.v1.UsageService/StreamUsage needs the role admin or switch" in finished.text
    assert "on 127.0.0.1:" in (finished.folder / "serve.log").read_text(encoding="utf-8").split(" with TLS; ")[0]
    assert not (finished.folder / "home" / "keys" / "local-token").exists()
    files = (finished.folder / "home" / "audit").glob("*.jsonl")
    entries = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    seen = {(each.get("operator"), each.get("call", "").rpartition("/")[2], each.get("outcome")) for each in entries}
    assert {
        ("demo-switch", "StreamUsage", "OK"),
        ("demo-finance", "GetInvoice", "OK"),
        ("demo-finance", "StreamUsage", "ROLE_MISSING"),
    } <= seen


def test_late_usage_is_a_line_that_names_the_period_it_corrects(finished: running.Finished) -> None:
    lines = running.invoice_lines(finished.folder)
    corrected = [line for line in lines if line[1] == "A000001" and line[6] == "2026-10-01" and "correction" in line[5]]
    assert [line[8] > 0 for line in corrected if line[4] == "usage"] == [True]


def test_it_shows_an_invoice_a_charge_the_books_and_what_to_try_next(finished: running.Finished) -> None:
    for part in ("Invoice R-0000000001", "180 to 301 s, other", "Charge: EUR", "debits = credits", "95 % confidence", "Try next"):
        assert part in finished.text
    assert "\x1b[" not in finished.text  # no colours and bars in a pipe


def test_the_commands_to_try_next_work_as_printed(finished: running.Finished) -> None:
    commands = [line.strip() for line in finished.text.split("Try next:")[1].splitlines() if line.strip()]
    assert len(commands) == 5
    for command in commands:
        done = running.run(shlex.split(command))
        assert (done.returncode, bool(done.stdout.strip())) == (0, True), f"{command}\n{done.stderr}"


def test_the_recount_agrees(finished: running.Finished) -> None:
    done = running.recount(finished.folder)
    assert (done.returncode, "DIFFERS" in done.stdout) == (0, False), done.stdout + done.stderr


def test_every_document_is_whole_as_data(copied: Path) -> None:
    with Home.open(copied / "home") as home:
        assert whole.differing(home) == []


def test_the_second_run_bills_nothing_twice(copied: Path) -> None:
    before = (running.invoice_lines(copied), running.summary(copied)["invoices"])
    again = running.demo(copied)
    assert (running.invoice_lines(copied), running.summary(copied)["invoices"]) == before
    for part in ("already made", "already imported", "already taken", "already billed", "already recorded", "nothing was billed twice"):
        assert part in again.text
    assert running.recount(copied).returncode == 0


def test_another_seed_changes_everything_and_balances(finished: running.Finished, tmp_path: Path) -> None:
    other = running.demo(tmp_path / "seven", seed=7)
    mine, theirs = running.summary(finished.folder), running.summary(other.folder)
    assert all(mine["invoices"][date]["total_micros"] != theirs["invoices"][date]["total_micros"] for date in mine["invoices"])
    assert running.recount(other.folder).returncode == 0


def test_the_recount_finds_a_truth_that_is_off_by_one(copied: Path) -> None:
    path = copied / "truth.json"
    truth = json.loads(path.read_text(encoding="utf-8"))
    truth["sources"]["asterisk"]["all"]["outcomes"]["answered"]["duration_us"] += 1
    path.write_text(json.dumps(truth), encoding="utf-8")
    done = running.recount(copied)
    assert (done.returncode, done.stdout.count("DIFFERS")) == (1, 1)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE invoice_lines SET amount_micros = amount_micros + 10000 WHERE invoice_key = 1 AND line_no = 2",
        "UPDATE postings SET amount_micros = amount_micros + 10000 WHERE document = 'R-0000000002' AND line_no = 1",
        "UPDATE invoices SET number = 'R-0000999999' WHERE number = 'R-0000000003'",
        "UPDATE intake_counts SET rows = rows + 1 WHERE rowid = (SELECT min(rowid) FROM intake_counts WHERE outcome = 'answered')",
        "DELETE FROM suspense WHERE suspense_id = 1",
    ],
)
def test_the_recount_finds_damage_in_the_database(copied: Path, damage: str) -> None:
    with contextlib.closing(sqlite3.connect(copied / "home" / "ratewright.db")) as sql, sql:
        assert sql.execute(damage).rowcount == 1
    done = running.recount(copied)
    assert (done.returncode, "DIFFERS" in done.stdout) == (1, True), done.stderr


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"seed": 2}, "was made with SEED=1"),
        ({"records": 4_000}, "was made with RECORDS=3000"),
        ({"accounts": 70}, "was made with ACCOUNTS=60"),
    ],
)
def test_a_folder_of_another_demo_is_refused(finished: running.Finished, sizes: dict[str, int], said: str) -> None:
    done = running.run(running.words(finished.folder, **sizes))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("remedy:") == 1


@pytest.mark.parametrize(
    ("content", "sizes", "said"),
    [
        ("folder", {}, "holds something that is not a demo"),
        ("file", {}, "is not a folder"),
        ("nothing", {"accounts": 1}, "ACCOUNTS=1 is too small"),
        ("nothing", {"records": 10}, "RECORDS=10 is too small"),
    ],
)
def test_what_cannot_be_a_demo_folder_is_refused(tmp_path: Path, content: str, sizes: dict[str, int], said: str) -> None:
    folder = tmp_path / "out"
    if content == "folder":
        folder.mkdir()
        (folder / "letter.txt").write_text("mine", encoding="utf-8")
    elif content == "file":
        folder.write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    done = running.run(running.words(folder, **sizes))
    assert (done.returncode, said in done.stderr, done.stderr.count("remedy:")) == (2, True, 1), done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_behind_a_closed_door_is_refused(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0)
    try:
        if os.access(shut, os.X_OK):
            pytest.skip("permissions do not bind this user")
        done = running.run(running.words(shut / "out"))
    finally:
        shut.chmod(0o700)
    assert (done.returncode, done.stderr.count("remedy:"), "Traceback" in done.stderr) == (1, 1, False), done.stderr


def test_a_command_that_fails_is_told_in_its_own_words(copied: Path) -> None:
    (copied / "progress.jsonl").unlink()
    shutil.rmtree(copied / "home")
    for file in (copied / "switches").rglob("*.csv"):
        file.write_text("damaged\n", encoding="utf-8")
    done = running.run(running.words(copied))
    assert done.returncode == 1
    assert "ended with status 1\n" in done.stderr
    assert "files were refused" in done.stderr
    assert "no row of " in done.stderr
    assert "the demo goes on where it stopped" in done.stderr
    assert "{" not in done.stderr


def test_make_takes_a_folder_with_a_blank_in_its_name(tmp_path: Path) -> None:
    done = running.run(
        ["make", "--dry-run", "--no-print-directory", "-o", ".venv/.ready", "-C", str(running.ROOT), "demo", f"DIR={tmp_path}/my demo"]
    )
    assert shlex.split(done.stdout)[-2:] == ["--dir", f"{tmp_path}/my demo"], done.stdout + done.stderr
