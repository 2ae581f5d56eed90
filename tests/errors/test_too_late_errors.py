"""Errors that a user reads when a decision on late usage is refused. Nothing is stored by any of these calls."""

from __future__ import annotations

import datetime as dt
import shlex
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pytest

from billing.catalogue import Operator
from billing.intake.taking import Intake
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs.lock import only_run
from billing.store.home import Home
from mediation.decode import Decoded
from rating.model import Service
from server import operator
from server.cli import app
from tests.billing.rerate.test_rerate_scope import correct
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call, World, instant_us, usage_table
from tests.billing.too_late.late_world import NUMBERS, late
from tests.errors.conftest import compare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
NOW_US = instant_us("2026-05-02T12:00:00")
PEOPLE = {"ana": Operator("ana", 1001), "ben": Operator("ben", 1002)}
# late-1 and late-2 are anna's, late-5 is bert's, late-3 and late-4 are nobody's; message is anna's and has no price, two records are
# called r-7; in time is billed; unseen came after the last run. All began in October, but late-3.
BILL, WRITE_OFF, BACK = "usage too-late bill", "usage too-late write-off", "usage too-late take-back"
LOST, TRIAL = f"{WRITE_OFF} late-1 --reason lost", "bill run --date 2026-05-01 --trial"
ABOVE = f"{BILL} late-1 --amount 10000 --reason down"
INVOICED = f"{BILL} late-1 --date 2026-04-15 --reason down; bill run --date 2026-05-01"
CREDITED = "invoice credit R-0000000013 --line 2 --effect outside --id credit-1 --reason goodwill"
REOPENED = "settings set reopen_periods_max 12 --reason mistake; ben approvals agree 1"
# golden, exit status, the call; and what was called before it, by ana where nobody else is named
TABLE = f"""
list_no_account       1  usage too-late list --account nosuch
list_no_number        2  usage too-late list --limit=-3
list_no_word          2  usage too-late list --limit all
no_reason             2  {BILL} late-1
empty_reason          2  {WRITE_OFF} late-1 --reason " "
reason_of_two_lines   2  {WRITE_OFF} late-1 --reason "one\ttwo"
nothing_chosen        2  {BILL} --reason down
no_record             1  {BILL} nosuch --reason down
is_billed             1  {WRITE_OFF} "in time" --reason down
no_run_has_looked     1  {WRITE_OFF} unseen --reason down
two_of_one_name       1  {WRITE_OFF} r-7 --reason down
other_account         1  {BILL} late-1 --account bert --reason down
other_month           1  {WRITE_OFF} late-1 --account anna --month 2025-11 --reason down
no_account            1  {BILL} --account ana --reason down
nothing_open          1  {BILL} --account anna --month 2025-11 --reason down
no_month              2  {WRITE_OFF} --month 2025-13 --reason down
no_date               2  {BILL} late-1 --date 2026-02-30 --reason down
closed_period         1  {BILL} late-1 --date 2025-10-05 --reason down
no_amount             2  {BILL} late-1 --amount five --reason down
amount_too_large      2  {BILL} late-1 --amount 99999999999999 --reason down
amount_of_nothing     2  {BILL} late-1 --amount 0 --reason down
amount_too_fine       1  {BILL} late-1 --amount 0.001 --reason down
amount_for_two        1  {BILL} late-1 late-5 --amount 1 --reason down
text_of_two_lines     2  {BILL} late-1 --text "one\ttwo" --reason down
nobodys               1  {BILL} late-4 --reason down
no_price              1  {BILL} message --reason down
decided               1  {BILL} late-1 --reason down                      | {WRITE_OFF} late-1 --reason lost
account_is_closing    1  {BILL} late-5 --reason down                      | accounts close bert --on 2026-02-15
account_is_closed     1  {BILL} late-5 --reason down                      | accounts close bert --on 2025-12-01
account_for_tests     1  {BILL} late-1 --reason down                      | accounts category anna test --from 2026-05-01
unfinished_run        1  {WRITE_OFF} late-1 --reason down                 | {TRIAL}
waits_otherwise       1  {BILL} late-1 --amount 10001 --reason down       | {ABOVE}
own_proposal          1  approvals agree 1                                | {ABOVE}
decided_meanwhile     1  ben approvals agree 1                            | {ABOVE}; ben {WRITE_OFF} late-1 --reason lost
billed_meanwhile      1  approvals agree 2                                | {REOPENED}; ben {ABOVE}; bill run --date 2026-05-01 --everything
back_no_reason        2  {BACK} 1
back_empty_reason     2  {BACK} 1 --reason ""
back_no_number        2  {BACK} one --reason oops
back_beyond_numbers   2  {BACK} 99999999999999999999 --reason oops
back_unknown          1  {BACK} 9 --reason oops
back_twice            1  {BACK} 1 --reason oops                           | {LOST}; {BACK} 1 --reason wrong
back_of_taking_back   1  {BACK} 2 --reason oops                           | {LOST}; {BACK} 1 --reason wrong
back_unfinished_run   1  {BACK} 1 --reason oops                           | {LOST}; {TRIAL}
back_invoiced         1  {BACK} 1 --reason oops                           | {INVOICED}
back_moving           1  {BACK} 1 --reason oops                           | {INVOICED}; accounts payer anna bert --from 2026-04-01
back_credited         1  {BACK} 1 --reason oops                           | {INVOICED}; {CREDITED}
"""


class Row(NamedTuple):
    """A line of the table."""

    golden: str
    status: int
    call: str
    before: tuple[str, ...]


def _row(line: str) -> Row:
    golden, status, rest = line.split(maxsplit=2)
    call, _, before = rest.partition(" | ")
    return Row(golden, int(status), call.strip(), tuple(each.strip() for each in before.split(";") if each.strip()))


ROWS = [_row(line) for line in TABLE.strip().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of all tests here, made once."""
    folder = tmp_path_factory.mktemp("late") / "home"
    world = late(World(folder))
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2025-10-07T10:00:00", 0, key="message", service=Service.SMS))
    for source, day in (("switch", 8), ("gateway", 9)):
        _arrive_of(world, source, Call(NUMBERS["anna"], f"2025-10-0{day}T10:00:00", 60, key=f"{source} r-7"))
    world.bill("2026-04-01")
    arrive(world, "2026-04-05T12:00:00", Call(NUMBERS["anna"], "2025-10-10T10:00:00", 60, key="unseen"))
    world.home.close()
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it on 2 May 2026, in ana's hands."""
    monkeypatch.setattr("server.clock.machine_now_us", lambda: NOW_US)
    monkeypatch.setattr(operator, "current", lambda: PEOPLE["ana"])
    return shutil.copytree(made, tmp_path / "home")


@pytest.mark.parametrize("row", ROWS, ids=[each.golden for each in ROWS])
def test_what_is_refused(
    provoke: Provoke, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    for each in row.before:
        assert app.main([*_words(each, monkeypatch), "--home", str(home)]) == 0, capfd.readouterr()
    capfd.readouterr()
    words = _words(row.call, monkeypatch)
    provoke([*words, "--home", home], status=row.status, golden=f"too_late/{row.golden}", unchanged=home)


def test_while_something_else_works_on_the_home(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Home.open(home) as opened, only_run(opened, "the run of 2026-05-01", NOW_US):
        for words in (f"{WRITE_OFF} late-1 --reason down", f"{BACK} 1 --reason oops"):
            assert app.main([*words.split(), "--home", str(home)]) == 1
            compare(capfd.readouterr().err.replace(str(home.parent), "<folder>"), "too_late/another_process")


def test_a_proposal_whose_records_are_worth_something_else_by_now(
    provoke: Provoke, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tariff of October is corrected before another person agrees."""
    assert app.main([*ABOVE.split(), "--home", str(home)]) == 0
    world = World(home, fresh=False)
    correct(world)
    world.home.close()
    capfd.readouterr()
    monkeypatch.setattr(operator, "current", lambda: PEOPLE["ben"])
    provoke(["approvals", "agree", "1", "--home", home], status=1, golden="too_late/worth_otherwise", unchanged=home)


def test_a_re_rating_of_before_may_have_billed_it(provoke: Provoke, home: Path) -> None:
    world = World(home, fresh=False)
    world.now_us = NOW_US
    correct(world)
    job = jobs.plan(world.home, request("shop/plus", 2, "2025-10"), Who("ana", 1001, world.tick()))
    jobs.decide(world.home, job.job_id, jobs.APPROVED, "", Who("ben", 1002, world.tick()))
    jobs.apply(world.home, job.job_id, dt.date(2026, 5, 1), Who("ana", 1001, world.tick()))
    assert world.changed("UPDATE bill_runs SET detail = '{\"job\":1}' WHERE kind = 'rerate'")
    world.home.close()
    provoke([*BILL.split(), "late-1", "--reason", "down", "--home", home], status=1, golden="too_late/re_rated", unchanged=home)


def _words(call: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a call, in the hands of the one who is named before it."""
    name, *words = shlex.split(call)
    if name not in PEOPLE:
        name, words = "ana", [name, *words]
    monkeypatch.setattr(operator, "current", lambda: PEOPLE[name])
    return words


def _arrive_of(world: World, source: str, call: Call) -> None:
    """Take in a record that its source calls `r-7`."""
    usage = usage_table((call,))
    for name, value in (("source", source), ("record_id", "r-7")):
        place = usage.schema.get_field_index(name)
        usage = usage.set_column(place, usage.schema.field(place), pa.array([value], usage.schema.field(place).type))
    batch = Decoded(usage=usage, rejects=[], rows=1, file_sha256=b"\0" * 32, size_bytes=0)
    Intake(world.home).take_batch(source, batch, instant_us("2026-03-10T13:00:00"))
