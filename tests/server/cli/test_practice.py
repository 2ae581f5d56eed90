"""Practice homes as their users meet them: made for ever, moved by RATEWRIGHT_TODAY, and said on every document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from billing.store.home import Home
from server import clock
from server.cli import app
from server.cli.practice import NOTICES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
CATALOG = Path(__file__).parents[3] / "tariffs" / "catalogs" / "mobile"
TABLES = {
    "accounts": "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"
    "A1,Anna,EUR,Europe/Berlin,1,en,2026-10-01,,standard,14\n",
    "subscriptions": "subscription_id,account_id,plan,from_date,to_date\nS1,A1,mobile/smart-s,2026-10-01,\n",
    "numbers": "served_id,subscription_id,from,to\n4915112345678,S1,2026-10-01T00:00:00+02:00,\n",
}


@pytest.fixture
def on(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on a day; what it printed, as JSON where it asks for it, or its error."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    clock._moved_by_us.cache_clear()  # noqa: SLF001 -- what this process asked first

    def call(day: str, *words: object, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        monkeypatch.setenv(clock.TODAY, day)
        assert app.main([str(word) for word in words]) == status, capsys.readouterr()
        told = capsys.readouterr()
        return told.err if status else json.loads(told.out) if "--json" in words else told.out

    return call


@pytest.fixture
def month(on: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A practice home in which Anna's October is billed on 1 November 2026: 4.99 and 19 % tax."""
    (tmp_path / "in").mkdir()
    for name, text in TABLES.items():
        (tmp_path / "in" / f"{name}.csv").write_text(text)
    on("2026-10-01", "tariffs", "publish", CATALOG, "--waive-review", "practice", "--practice")
    on("2026-10-01", "accounts", "import", tmp_path / "in")
    assert "2026-11-01" in on("2026-11-01T00:00+01:00", "bill", "due")
    on("2026-11-01", "bill", "run", "--date", "2026-11-01")
    return on


def test_a_month_goes_by_the_day_it_is_told(month: Callable[..., Any]) -> None:
    error = month("2026-11-29", "bill", "run", "--date", "2026-12-01", status=1)
    assert "a bill run of 2026-12-01 is refused: that day has not begun on the clock of Europe/Berlin" in error
    error = month("2026-11-30", "dunning", "run", "--date", "2026-12-20", status=1)
    assert "a dunning run of 2026-12-20 is refused: that day has not begun on the clock of Europe/Berlin" in error
    assert month("2026-12-01", "bill", "run", "--date", "2026-12-01", "--json")["invoices"] == 1
    assert [each["action"] for each in month("2026-12-20", "dunning", "run", "--date", "2026-12-20", "--json")] == ["remind"]
    error = month("2026-12-19", "dunning", "run", "--date", "2026-12-19", status=1)
    assert "dunning has taken steps by 2026-12-20" in error
    error = month("2026-12-19", "payment", "record", "--id", "p", "--account", "A1", "--amount", "5", "--date", "2026-12-19", status=1)
    assert "it was set back" in error
    assert "this is a practice home: set RATEWRIGHT_TODAY to 2026-12-20 or a later day" in error


def test_each_document_says_it(month: Callable[..., Any]) -> None:
    number, day = "R-0000000001", "2026-11-20"
    english, chinese = NOTICES["en"], NOTICES["zh"]
    assert month(day, "invoice", "show", number, "--language", "zh").splitlines()[0] == chinese
    credited = ("--id", "c1", "--effect", "outside", "--reason", "goodwill", "--line", "1", "--amount", "1")
    documents = (
        ("invoice", "show", number),
        ("invoice", "list"),
        ("invoice", "explain", number),
        ("invoice", "usage", number),
        ("invoice", "credit", number, *credited, "--dry-run"),
        ("invoice", "credit", number, *credited),
        ("invoice", "show", "C-0000000001"),
        ("payment", "statement", "A1"),
        ("dunning", "run", "--date", day),
        ("dunning", "show", "A1"),
        ("bill", "run", "--date", "2026-11-01"),
        ("bill", "list"),
        ("bill", "preview", "--date", "2026-11-01", "--account", "A1"),
        ("bill", "thresholds", "--date", "2026-11-02"),
        ("bill", "opening"),
        ("bill", "due"),
    )
    for words in documents:
        assert month(day, *words).splitlines()[0] == english, words
        found = month(day, *words, "--json")
        for each in found if isinstance(found, list) else [found]:
            assert next(iter(each.items())) == ("practice", True), words


def test_trials_and_runs_ahead_say_why_and_who_may_let_them(month: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    day = "2026-11-20"
    told = month(day, "bill", "run", "--date", "2026-12-01", "--ahead", "stock-taking")
    assert told.splitlines()[0] == NOTICES["en"]
    assert "ahead of its date  stock-taking" in told
    assert "nothing is numbered yet: ratewright bill approve --run 2 (another person)" in told
    assert "ahead of its date" in month(day, "bill", "trial", "--run", 2)
    found = month(day, "bill", "list", "--json")
    assert [(each["practice"], each["ahead"], each["state"]) for each in found] == [
        (True, "", "posted"),
        (True, "stock-taking", "computed"),
    ]
    assert "stock-taking" in month(day, "bill", "list")
    assert "who cannot approve it" in month(day, "bill", "approve", "--run", 2, status=1)
    assert "waits for approval" in month(day, "bill", "run", "--date", "2026-12-01", "--resume", status=1)
    from billing.catalogue import Operator  # noqa: PLC0415 -- another person

    monkeypatch.setattr("server.operator.current", lambda: Operator("ben", 2002))
    month(day, "bill", "approve", "--run", 2)
    assert month(day, "bill", "run", "--date", "2026-12-01", "--resume", "--json")["invoices"] == 1
    assert "--ahead needs a reason" in month(day, "bill", "run", "--date", "2027-01-01", "--ahead", " ", status=2)


def test_it_is_one_for_ever_also_as_a_copy(month: Callable[..., Any], tmp_path: Path) -> None:
    assert month("2026-11-20", "db", "copy", "--to", tmp_path / "copy", "--json")["files"] > 0
    with Home.open(tmp_path / "copy") as copy:
        assert copy.is_practice
    assert month("2026-11-20", "bill", "list", "--home", tmp_path / "copy", "--json")[0]["practice"]
    with Home.open(tmp_path / "home") as again:
        assert again.is_practice


def test_an_ordinary_home_stays_one_and_is_not_moved(on: Callable[..., Any], tmp_path: Path) -> None:
    error = on("2026-10-01", "tariffs", "publish", CATALOG, "--waive-review", "no practice", status=2)
    assert f"RATEWRIGHT_TODAY is set to 2026-10-01, and {tmp_path / 'home'} would be an ordinary home folder" in error
    assert not (tmp_path / "home").exists()
    on("", "tariffs", "publish", CATALOG, "--waive-review", "no practice")
    error = on("", "tariffs", "publish", CATALOG, "--waive-review", "practice after all", "--practice", status=2)
    assert f"home folder {tmp_path / 'home'} is an ordinary one: a home is a practice home from its making on, or never" in error
    error = on("2026-10-01", "bill", "due", status=2)
    assert "is an ordinary home folder: only a practice home takes its day from there" in error
    assert on("", "bill", "due", "--json") == {"dates": [], "unfinished": ""}
    assert "set to 2026-10-01" in on("2026-10-01", "serve", "--address", "127.0.0.1:0", status=2)
