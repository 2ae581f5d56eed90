"""draft, review, publish, repeal, history, at and affected through the command line; two people are two accounts of the system."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing import catalogue, setting_changes
from billing.catalogue import Operator
from billing.runs import cycle
from billing.store.home import Home
from server import clock, operator
from server.cli import app
from server.cli.catalogue_names import find
from tests.billing.files import write
from tests.billing.runs.world import Call, World, instant_us, shop
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow
CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
COMMAND = Path(sys.executable).with_name("ratewright")
WAIVER = ("--waive-review", "a test")
FIRST, SECOND = CATALOGS / "mobile", CATALOGS / "mobile-2026-10-15"
OTHER = Operator("ben", os.getuid() + 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home folder with mobile@1 published."""
    assert app.main(["tariffs", "publish", str(FIRST), *WAIVER, "--home", str(tmp_path / "home")]) == 0
    return tmp_path / "home"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command of tariffs over that folder; what it prints, on stderr where it fails."""

    def call(*words: object, status: int = 0) -> str:
        capsys.readouterr()
        assert app.main(["tariffs", *map(str, words), "--home", str(folder)]) == status
        out, err = capsys.readouterr()
        return err if status else out

    return call


def approve(folder: Path, name: str) -> None:
    """Another person's approval."""
    with Home.open(folder) as home:
        catalogue.review(home, name, OTHER, time.time_ns() // 1000, accept=True)


def test_the_life_of_a_version(run: Callable[..., str], folder: Path) -> None:
    me = operator.current().name
    assert f"drafted by {me}" in run("draft", SECOND)
    assert "is the draft already, nothing to do" in run("draft", SECOND)
    assert f"mobile@2 was drafted by {me}, and authors do not approve their own drafts" in run("review", "mobile@2", status=1)
    assert "review: no person but its author has reviewed it" in run("publish", "mobile@2", status=1)
    approve(folder, "mobile@2")
    assert run("publish", "mobile@2").splitlines()[0].endswith("): published")
    assert run("publish", "mobile@2").endswith("was published before, nothing to do\n")
    assert run("at", "2026-10-14", "mobile").startswith("mobile@1 (")
    assert run("at", "2026-10-15").startswith("mobile@2 (")
    assert run("at", "2020-01-01") == "mobile: nothing is in force\n"
    assert run("repeal", "mobile@2", "--from", "2069-01-01", "--reason", "a new brand").startswith("mobile@2: repealed from 2069-01-01")
    assert run("at", "2069-01-01") == "mobile: nothing is in force\n"
    states = {each["version"]: [event["what"] for event in each["events"]] for each in json.loads(run("history", "mobile", "--json"))}
    assert states == {1: ["drafted", "review waived", "published"], 2: ["drafted", "reviewed", "published", "repealed"]}
    text = run("history", "mobile")
    assert "reviewed by ben" in text
    assert "repealed by" in text
    assert ": from 2069-01-01 00:00:00+01:00, a new brand" in text


def test_what_another_person_rejects(run: Callable[..., str]) -> None:
    run("draft", SECOND)
    out = run("review", "mobile@2", "--reject", "--note", "peak is too dear")
    assert "price voice-domestic (101) [plans: smart-s, smart-m, smart-l]" in out, "it shows what the draft changes"
    assert f" is rejected by {operator.current().name}, content " in out.splitlines()[-1]
    assert "rejected this draft: peak is too dear" in run("publish", "mobile@2", *WAIVER, status=1)


def test_a_review_as_json(run: Callable[..., str]) -> None:
    run("draft", SECOND)
    found = json.loads(run("review", "mobile@2", "--reject", "--json"))
    assert (found["identity"], found["version"], found["kind"], found["by"]["uid"]) == ("mobile", 2, "rejected", os.getuid())
    assert (found["compared_with"], [each["price_id"] for each in found["changes"]]) == (1, [101, 102])
    assert {each["code"] for each in found["warnings"]} == set()
    assert "look at it again, then name its hash" in run("review", "mobile@2", "--reject", "--hash", "0000", status=1)


@pytest.fixture
def customers(folder: Path, tmp_path: Path) -> Path:
    """Two accounts in EUR on smart-m, since January."""
    accounts = [f"{name},Customer,EUR,Europe/Berlin,1,en,2026-01-15,,standard,14" for name in ("A1", "A2")]
    subscriptions = ["S1,A1,mobile/smart-m,2026-01-15,", "S2,A2,mobile/smart-m,2026-01-15,2026-06-01"]
    write(tmp_path / "in", accounts, subscriptions, ["4915100000001,S1,2026-01-15T00:00:00+01:00,"])
    assert app.main(["accounts", "import", str(tmp_path / "in"), "--home", str(folder)]) == 0
    return folder


@pytest.mark.usefixtures("customers")
def test_who_is_affected(run: Callable[..., str], tmp_path: Path) -> None:
    assert run("affected", SECOND, "--csv", tmp_path / "out.csv").splitlines()[:3] == [
        "mobile@2 against mobile@1: 2 changes",
        "1 subscription is touched",
        "  1 on mobile/smart-m",
    ]
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1] == ["S1", "A1", "mobile/smart-m", "2026-10-15", ""]
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    run("affected", SECOND, "--csv", tmp_path / "out.csv", "--overwrite")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").startswith("subscription_id,")
    found = json.loads(run("affected", SECOND, "--json"))
    assert found["by_plan"] == {"mobile/smart-m": 1}


@pytest.mark.usefixtures("customers")
def test_a_subscription_that_changes_its_plan_is_one(run: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S1 is on smart-m, from 1 November on smart-l, and from 1 December on smart-m again: S2 ends in June."""
    for plan, day in (("smart-l", "2026-11-01"), ("smart-m", "2026-12-01")):
        assert app.main(["accounts", "change-plan", "S1", "--to", f"mobile/{plan}", "--on", day, "--home", str(folder)]) == 0
    capsys.readouterr()
    assert run("affected", SECOND).splitlines()[1:4] == ["1 subscription is touched", "  1 on mobile/smart-l", "  1 on mobile/smart-m"]
    assert [row["plan"] for row in json.loads(run("affected", SECOND, "--json"))["subscriptions"]] == [
        "mobile/smart-m", "mobile/smart-l", "mobile/smart-m",
    ], "with a row for each time"  # fmt: skip
    run("draft", SECOND)
    approve(folder, "mobile@2")
    assert "it takes effect in the past and touches 1 subscription" in run("publish", "mobile@2")


@pytest.mark.usefixtures("customers")
def test_with_customers_a_review_cannot_be_waived(run: Callable[..., str], folder: Path) -> None:
    assert "it cannot be waived, since subscriptions are on plans of mobile" in run("publish", SECOND, *WAIVER, status=1)
    assert "no version or draft" not in run("history", "mobile"), "and nothing of it was kept"
    run("draft", SECOND)
    approve(folder, "mobile@2")
    out = run("publish", "mobile@2")
    assert "it takes effect in the past and touches 1 subscription" in out
    assert "without a plan from then on: 1 subscription; " in run("repeal", "mobile@2", "--from", "2069-01-01", "--reason", "x")


@pytest.mark.usefixtures("customers")
@pytest.mark.parametrize(("periods_max", "how"), [(0, "text"), (0, "json"), (1, "text")])
def test_what_the_next_run_corrects_and_what_is_left_to_adjust_by_hand(
    run: Callable[..., str], folder: Path, periods_max: int, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A1 is billed to the end of October; its plan changes from 15 October on."""
    with Home.open(folder) as home:
        now_us = itertools.count(clock.now_us(home))
        set_by_two(home, "reopen_periods_max", str(periods_max), lambda: next(now_us))
        cycle.run(home, dt.date(2026, 11, 1), next(now_us))
    run("draft", SECOND)
    approve(folder, "mobile@2")
    if how == "json":
        by_hand = json.loads(run("publish", "mobile@2", "--json"))["adjust_by_hand"]
        assert by_hand == [{"account_id": "A1", "from_date": "2026-10-15", "to_date": "2026-11-01"}]
        return
    out = run("publish", "mobile@2")
    told = "the next bill run computes billed periods of 1 account again, from 2026-10-01 to 2026-10-31, and bills what differs"
    left = "it changes billed days of 1 account (A1 from 2026-10-15 to 2026-10-31) that no run opens any more: "
    command = "bill rerate --plan mobile/smart-m --version 2 --periods 2026-10 --dry-run"
    left = f"{left}ratewright {command} shows their differences"
    assert [told in out, left in out] == [bool(periods_max), not periods_max]
    if not periods_max:
        capsys.readouterr()
        assert app.main([*command.split(), "--home", str(folder)]) == 0
        assert "nothing was stored" in capsys.readouterr().out


def test_names_of_catalogues(run: Callable[..., str], folder: Path) -> None:
    run("draft", SECOND)
    found = {text: find(text, folder).version for text in ("mobile", "mobile@1", "mobile@2", str(SECOND))}
    assert found == {"mobile": 1, "mobile@1": 1, "mobile@2": 2, str(SECOND): 2}
    assert "it has mobile@1, mobile@2" in run("affected", "mobile@7", status=1)
    assert "is neither a file or folder nor a version" in run("affected", "nothing", status=1)


# words, what is told
WRONG_CALLS = [
    (("repeal", "mobile@1", "--from", "soon", "--reason", "x"), '--from: "soon" is not an instant'),
    (("repeal", "mobile", "--from", "2069-01-01", "--reason", "x"), '"mobile" names no version'),
    (("at", "2026-13-01"), "DATE: "),
    (("repeal", "mobile@1", "--from", "9999-12-31T23:59:59-12:00", "--reason", "x"), "cannot be repealed from 2070 on"),
    (("publish", "mobile"), '"mobile" names no version'),
]


@pytest.mark.parametrize(("words", "message"), WRONG_CALLS)
def test_wrong_calls(run: Callable[..., str], words: tuple[str, ...], message: str) -> None:
    assert message in run(*words, status=2)


def test_what_is_not_there(run: Callable[..., str]) -> None:
    assert 'no version or draft of "nothing"' in run("history", "nothing", status=1)
    assert 'no version of "nothing" is published' in run("at", "2026-01-01", "nothing", status=1)
    assert "mobile@7 is not published" in run("repeal", "mobile@7", "--from", "2069-01-01", "--reason", "x", status=1)


def test_the_history_goes_by_what_happened_and_not_by_clocks(run: Callable[..., str], folder: Path) -> None:
    run("draft", SECOND)
    with Home.open(folder) as home:
        with home.connect() as connection:
            last = home.head_seq(connection)
        setting_changes.put(home, "clock_ahead_through", str(last), OTHER.name, OTHER.uid, 0, reason="the clock was ahead")
        catalogue.review(home, "mobile@2", OTHER, 0, accept=True)  # the clock was ahead, and is right
    events = json.loads(run("history", "mobile", "--json"))[1]["events"]
    assert [each["what"] for each in events] == ["drafted", "reviewed"]


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="two accounts of the system take root to play them")
def test_two_people_are_two_accounts_whatever_their_variables_say() -> None:
    """`nobody` may review what root drafted; LOGNAME and USER change nothing."""
    if not _may_run_it("nobody"):
        pytest.skip("this installation, or its interpreter, lies where another account may not go")
    with tempfile.TemporaryDirectory() as shared:  # the folders of pytest are closed to others
        home = Path(shared) / "home"
        for words in (("publish", FIRST, *WAIVER), ("draft", SECOND)):
            assert app.main(["tariffs", *map(str, words), "--home", str(home)]) == 0
        for path in (Path(shared), home, *home.rglob("*")):
            path.chmod(0o777)
        pretended = _review(home, "root", {"LOGNAME": "nobody", "USER": "nobody"})
        assert (pretended.returncode, "authors do not approve their own drafts" in pretended.stderr) == (1, True)
        done = _review(home, "nobody", {"LOGNAME": "root", "USER": "root"})
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["by"]["name"] == "nobody"
        assert app.main(["tariffs", "publish", "mobile@2", "--home", str(home)]) == 0


def _may_run_it(user: str) -> bool:
    try:
        return subprocess.run([str(COMMAND), "--version"], user=user, capture_output=True, check=False, timeout=60).returncode == 0
    except PermissionError:
        return False


def _review(home: Path, user: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What happens when an account of the system approves mobile@2."""
    words = [str(COMMAND), "tariffs", "review", "mobile@2", "--home", str(home), "--json"]
    return subprocess.run(words, user=user, env=variables, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An operator with the shop's tariffs."""
    made = World(tmp_path / "shop")
    yield made
    made.home.close()


def test_a_draft_is_tried_before_it_is_published(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The what-if of the command line opens the gate, for the content that was tried and no other."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-10-05T10:00:00", 1500))
    draft = shop(2, instant_us("2069-01-01"), disclosure={"en": "tried"})
    catalogue.save(world.home, draft, OTHER, world.tick())
    words = ["tariffs", "publish", "shop@2", "--home", str(world.home.path)]
    assert app.main(["tariffs", "review", "shop@2", "--home", str(world.home.path)]) == 0
    assert app.main(words) == 1
    assert "what-if: this draft has not been tried on 2025-10" in capsys.readouterr().err
    assert app.main(["tariffs", "what-if", "shop@2", "--period", "2025-10", "--home", str(world.home.path)]) == 0
    assert "Kept: shop@2 was tried on 2025-10." in capsys.readouterr().out
    assert app.main(words) == 0
    assert [each.kind.value for each in catalogue.decisions(world.home, "shop")] == ["reviewed", "what_if", "published"]
