"""Practice homes as their users meet them: made for ever, moved by RATEWRIGHT_TODAY, and said on every document."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from billing.store.home import Home
from server import clock
from server.cli import app
from server.cli.practice import NOTICES
from tests.billing.documents.rendering.reading import pages_of
from tests.billing.suspense.world import asterisk_row

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


def test_an_invoice_as_data_and_as_a_file_says_it(month: Callable[..., Any], tmp_path: Path) -> None:
    day, number = "2026-11-20", "R-0000000001"
    assert next(iter(month(day, "documents", "show", number, "--json").items())) == ("practice", True)
    for language in ("en", "zh"):
        assert month(day, "documents", "write", number, "--format", "text", "--language", language).splitlines()[0] == NOTICES[language]
    assert NOTICES["en"] in month(day, "documents", "write", number, "--format", "html")
    assert NOTICES["en"] in month(day, "documents", "xml", number, "--syntax", "cii")
    file = tmp_path / "invoice.pdf"
    month(day, "documents", "write", number, "--language", "de", "--output", file)
    assert pages_of(file.read_bytes())[0].startswith("ÜBUNG")


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


# Commands that show documents, charges, what customers owe or what usage is worth: each says the line. {file}, {other}: usage files.
DAY = "2026-11-20"
SAID = """
bill run --date 2026-11-01
bill list
bill due
bill preview --date 2026-11-01 --account A1
bill thresholds --date 2026-11-02
bill opening
bill unbilled A1 --date 2026-11-20
bill undo --run 2 --reason wrong --dry-run
bill quarantine
bill refused
bill explain one
bill alarms list
bill rerate --plan mobile/smart-s --version 1 --periods 2026-10 --dry-run
bill rerate --plan mobile/smart-s --version 1 --periods 2026-10
bill rerate-list
bill rerate-reject 1 --note no
invoice list
invoice show R-1
invoice explain R-1
invoice usage R-1
invoice void R-1 --reason wrong --dry-run
invoice credit R-1 --id c1 --effect outside --reason goodwill --line 1 --amount 1 --dry-run
adjustment add --reference a1 --account A1 --date 2026-11-20 --amount 1 --reason-code goodwill --catalogue mobile --tax-class standard
adjustment list
payment deposit take --id d1 --account A1 --amount 5 --date 2026-11-20
payment deposit list
payment deposit release --id d2 --deposit d1 --date 2026-11-20 --dry-run
payment deposit refund --id d3 --deposit d1 --date 2026-11-20 --dry-run
payment instalments agree --id i1 --account A1 --date 2026-11-20 --parts 2 --first 2026-12-01
payment instalments list
payment instalments end i1 --date 2026-11-20
payment promise add --id m1 --account A1 --amount 1 --made 2026-11-20 --until 2026-11-30
payment promise list
payment record --id p1 --account A1 --amount 1 --date 2026-11-20
payment list
payment cash --id k1 --till T --account A1 --amount 1 --date 2026-11-20
payment till T
payment refund --id f1 --payment p1 --date 2026-11-20 --to Anna --reopen --dry-run
payment reverse --id v1 --payment p1 --date 2026-11-20 --dry-run
payment chargeback --id b1 --payment p1 --date 2026-11-20
payment events
payment statement A1
payment worklist list
ledger balance
ledger ageing --date 2026-11-20
ledger revenue --month 2026-11
ledger month-end --month 2026-11
ledger close --month 2026-11 --dry-run
ledger write-off R-1 --date 2026-11-20 --reason lost --amount 0.10
ledger write-offs
dunning preview --date 2026-11-20
dunning run --date 2026-11-20
dunning list
dunning undo --run 1 --reason wrong --dry-run
dunning show A1
accounts show A1
usage find 4915112345678
usage too-late
usage too-late list
usage suspense
usage suspense list
usage suspense show 2
usage suspense resolve 2
usage suspense correct --source asterisk --begins 4 --add 1
usage suspense recycle 1
usage suspense write-off 2 --note lost
usage suspense proposals
usage suspense approve 1 --reject
approvals list
"""
ONCE = ("bill rerate-reject", "usage suspense write-off", "usage suspense approve", "ledger write-off R-1")  # a second time is refused
# They do as well, and need more than a month to show it: `test_too_late_usage_says_it`, and tests of their own.
SAID_ELSEWHERE = {
    "documents show": "test_an_invoice_as_data_and_as_a_file_says_it",
    "documents write": "test_an_invoice_as_data_and_as_a_file_says_it",
    "documents xml": "test_an_invoice_as_data_and_as_a_file_says_it",
    "bill trial": "test_trials_and_runs_ahead_say_why_and_who_may_let_them",
    "usage too-late bill": "test_too_late_usage_says_it",
    "usage too-late write-off": "test_too_late_usage_says_it",
    "usage too-late take-back": "test_too_late_usage_says_it",
}
BY_CODE = {
    "bill retry", "bill rerate-approve", "bill rerate-apply", "invoice reissue", "payment import", "payment worklist assign",
    "payment worklist return", "ledger export", "usage suspense take-back", "approvals agree", "approvals refuse", "tariffs what-if",
}  # fmt: skip
# They show no document, and nothing that a customer owes: prices, facts, settings, files, counts, checks. `status` has a row of its own.
SILENT = {
    "accounts", "adjustment reasons", "bill abandon", "bill alarms dismiss", "bill alarms told", "bill approve", "bill reject",
    "bill verify", "documents check",
    "audit", "certs", "config", "controls", "db", "dunning policy", "entity", "ledger check", "ledger months", "ledger reopen", "operators",
    "party", "payment order",
    "quote", "serve", "settings", "source", "status", "tariffs", "tokens",
    "usage assemble", "usage collect", "usage findings", "usage ingest", "usage inspect", "usage report",
    "usage seal", "usage suspense decisions", "usage suspense limit",
}  # fmt: skip


def commands(group: Any, path: tuple[str, ...] = ()) -> list[str]:  # noqa: ANN401 -- an app of cyclopts
    """Every command, by its words."""
    found = [" ".join(path)] if path and group.default_command is not None else []
    names = [name for name in group if not name.startswith("-")]
    return found + [each for name in names for each in commands(group[name], (*path, name))]


def test_each_command_says_it_or_shows_nothing_of_the_kind() -> None:
    said = {line.strip() for line in SAID.strip().splitlines()}
    for name in commands(app.build()):
        shows = any(line == name or line.startswith(f"{name} ") for line in said) or name in SAID_ELSEWHERE or name in BY_CODE
        is_silent = any(name == each or name.startswith(f"{each} ") for each in SILENT)
        assert shows or is_silent, f"{name}: say in `SAID` or `SILENT` whether it shows documents or money"
    assert {*SAID_ELSEWHERE, *BY_CODE} <= set(commands(app.build()))


@pytest.mark.parametrize("name", sorted(BY_CODE))
def test_commands_that_need_a_longer_story_say_it_in_their_code(name: str) -> None:
    group: Any = app.build()
    for word in name.split():
        group = group[word]
    module = inspect.getsource(inspect.getmodule(group.default_command))  # type: ignore[arg-type]  # a function of a module
    function = inspect.getsource(group.default_command)
    assert any(each in function for each in ("practice.say(", "_decide(", "show_ended("))
    assert "practice.marked(" in module


def test_each_page_list_and_act_says_it(month: Callable[..., Any], tmp_path: Path) -> None:
    """In text it is the first line, in JSON the first field of each document."""
    rows = [asterisk_row("one", "4915112345678", "2026-10-05 10:00:00", 60) + "broken\n"]
    rows += [asterisk_row("two", "4915112345678", "2026-11-05 10:00:00", seconds) for seconds in (60, 120)]
    for place, row in enumerate(rows):
        (tmp_path / f"{place}.csv").write_text(row)
        month(DAY, "usage", "ingest", tmp_path / f"{place}.csv", "--source", "asterisk")
    for line in SAID.strip().splitlines():
        words = line.split()
        assert month(DAY, *words).splitlines()[0] == NOTICES["en"], line
        if not line.startswith(ONCE):
            found = month(DAY, *words, "--json")
            for each in found if isinstance(found, list) else [found]:
                assert next(iter(each.items())) == ("practice", True), line
    for words in (("bill", "explain", "one"), ("usage", "too-late"), ("usage", "find", "4915112345678")):
        assert month(DAY, *words, "--language", "zh").splitlines()[0] == NOTICES["zh"], words


def test_too_late_usage_says_it(month: Callable[..., Any], tmp_path: Path) -> None:
    for date in ("2026-12-01", "2027-01-01", "2027-02-01"):
        month(date, "bill", "run", "--date", date)
    (tmp_path / "late.csv").write_text(asterisk_row("late", "4915112345678", "2026-10-05 10:00:00", 600))
    month("2027-02-10", "usage", "ingest", tmp_path / "late.csv", "--source", "asterisk")
    month("2027-03-01", "bill", "run", "--date", "2027-03-01")
    day = "2027-03-02"
    for words in (
        ("bill", "late", "--reason", "lost", "--dry-run"),
        ("write-off", "late", "--reason", "lost", "--dry-run"),
        ("write-off", "late", "--reason", "lost"),
    ):
        assert month(day, "usage", "too-late", *words).splitlines()[0] == NOTICES["en"], words
    assert month(day, "usage", "too-late", "take-back", 1, "--reason", "found", "--dry-run", "--json")["practice"] is True
    assert month(day, "usage", "too-late", "take-back", 1, "--reason", "found").splitlines()[0] == NOTICES["en"]
