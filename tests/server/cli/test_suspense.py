"""`ratewright usage suspense`: two people correct, recycle, choose and write off."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from billing.accounts.kinds import HoldFact
from billing.catalogue import Operator
from billing.suspense import proposals
from server.cli import app
from tests.billing.documents.clerk import tell
from tests.billing.runs.world import Call, World, instant_us
from tests.billing.suspense.world import asterisk_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ADD_86 = ("--source", "switch", "--begins", "1", "--digits", "11", "--add", "86")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command of suspense as somebody (uid 2001 if not told); its stdout, as JSON if it was asked for, or what went wrong."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))

    def call(*words: object, uid: int = 2001, status: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        monkeypatch.setattr("server.operator.current", lambda: Operator(f"person {uid}", uid))
        assert app.main(["usage", "suspense", *(str(word) for word in words)]) == status
        told = capsys.readouterr()
        return told.err if status else json.loads(told.out) if "--json" in words else told.out

    return call


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna's October is billed; a call without its country code and one of a stranger were refused."""
    made = World(tmp_path / "home")
    made.account("anna")
    made.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    stranger = Call("stranger", "2025-10-07T10:00", 60)
    made.take(Call("8613800000001", "2025-10-05T10:00", 1500), Call("13800000001", "2025-10-06T10:00", 600), stranger)
    made.bill("2025-11-01")
    yield made
    made.home.close()


def test_from_the_list_to_the_bill(run: Callable[..., Any], world: World) -> None:
    text = run()
    assert "switch  UNKNOWN_SUBSCRIPTION        2  " in text
    assert "about 1.10 CNY" in text
    preview = run("correct", *ADD_86)
    assert "served_id 13800000001 -> 8613800000001" in preview
    assert preview.endswith("1 of 1 record comes back, worth about 1.00 CNY\n")
    assert run("proposals") == "nothing was proposed\n"
    assert "needs a reason" in run("correct", *ADD_86, "--save", status=2)
    assert "for you, corrections worth more than 0.50 need a second person" in run("limit", "0.5", "--note", "small shop", uid=2002)
    saved = run("correct", *ADD_86, "--save", "--note", "no country code", "--json")
    assert (saved["proposal"]["state"], saved["preview"]["coming_back"]) == ("proposed", 1)
    assert "needs a second person" in run("recycle", "--correction", 1, status=1)
    assert "who cannot approve it" in run("approve", 1, status=1)
    assert "approved" in run("approve", 1, "--note", "asked the switch team", uid=2002)
    assert run("recycle", "--correction", 1) == "1 came back: recycled\n"
    assert "applied" in run("proposals")
    (left,) = run("--json")["rows"]
    assert left["served_id"] == "stranger"
    world.bill("2025-12-01")
    texts = [line[0] for line in world.lines(world.numbers("anna")[1])]
    assert "National calls, correction for 2025-10-01 to 2025-10-31" in texts


def test_a_rule_from_a_file(run: Callable[..., Any], world: World, tmp_path: Path) -> None:
    assert world
    path = tmp_path / "rule.yaml"
    path.write_text('source: switch\nserved: {begins: "1", add: "86"}\nbefore: 2025-10-06\n')
    assert run("correct", path).endswith("0 of 0 records come back, worth nothing\n")
    path.write_text('source: switch\nserved: {begins: "1", add: 86}\ncolour: red\n')
    told = run("correct", path, status=1)
    assert "colour: unknown field" in told
    assert "served.add: 86 is a whole number, and a text is wanted" in told
    assert "as a file and by options" in run("correct", path, "--source", "switch", status=2)
    dates = ("--from", "2025-10-06T09:00", "--before", "2025-10-06T11:00")  # it began at 10:00 in Shanghai, 02:00 in UTC
    assert "0 of 0 records" in run("correct", *ADD_86, *dates)
    for name in ("--date-timezone", "--zone", "--date-zone"):
        told = run("correct", *ADD_86, *dates, name, "Asia/Shanghai")
        assert told.endswith("1 of 1 record comes back, worth about 1.00 CNY\n"), name
    for name in ("--timezone", "--time-zone"):
        assert "there is no time zone 'Nowhere'" in run("correct", "--source", "switch", name, "Nowhere", status=1), name
    told = run("correct", *ADD_86, "--timezone", "Asia/Shanghai", "--time-zone", "Asia/Tokyo", status=2)
    assert "--timezone is Asia/Shanghai, and --time-zone is Asia/Tokyo" in told
    assert "brings no record back" in run("correct", *ADD_86, "--before", "2025-01-01", "--save", "--note", "x", status=1)


def test_write_off_takes_two(run: Callable[..., Any], world: World) -> None:
    assert world
    identifier = next(row["id"] for row in run("--json")["rows"] if row["served_id"] == "stranger")
    assert "no records are chosen" in run("write-off", "--note", "x", status=2)
    assert "1 record, worth about 0.10 CNY" in run("write-off", identifier, "--note", "a test call")
    assert "who cannot approve it" in run("approve", 1, status=1)
    done = run("approve", 1, "--json", uid=2002)
    assert (done["written_off"]["rows"], done["approved_by"]["uid"]) == (1, 2002)
    assert [row["served_id"] for row in run("--json")["rows"]] == ["13800000001"]
    assert "is applied already" in run("approve", 1, status=1, uid=2002)


def test_show_and_resolve(run: Callable[..., Any], world: World, tmp_path: Path) -> None:
    assert world
    row = asterisk_row("u1", "8613800000001", "2025-10-05 10:00:00", 60)
    (tmp_path / "one.csv").write_text(row + "broken\n" + row.replace("60,60", "61,61"))
    assert app.main(["usage", "ingest", str(tmp_path / "one.csv"), "--source", "asterisk"]) == 0
    shown = run("list")
    lines = [re.split(r"  +", line) for line in shown[shown.index("source  ") :].splitlines()]
    assert lines[0][:5] == ["source", "reason", "records", "versions", "first seen (UTC)"]
    assert next(line[:4] for line in lines if line[1:2] == ["conflicting"]) == ["asterisk", "conflicting", "1", "2"]
    assert ["a record in several versions counts once, with the version that is worth the most"] in lines
    rows = run("--reason", "conflicting", "--json")["rows"]
    shown = run("show", rows[0]["id"])
    assert "differs in" in shown
    assert ["duration", "60 s", "61 s"] in [re.split(r"  +", line) for line in shown.splitlines()]
    side_by_side = run("resolve", rows[0]["id"], "--json")
    version = side_by_side["versions"][side_by_side["differences"]["duration_us"].index(61_000_000)]
    assert "needs a reason" in run("resolve", rows[0]["id"], "--keep", version, status=2)
    assert "counts; the others are dropped" in run("resolve", rows[0]["id"], "--keep", version, "--note", "the switch says so")
    assert run("--reason", "conflicting", "--json")["rows"] == []
    (broken,) = run("--source", "asterisk", "--json")["rows"]
    assert "62 72 6f 6b 65 6e" in run("show", broken["id"])
    assert run("recycle", broken["id"]) == "1 stay: it still cannot be read: wrong_column_count\n"
    assert run("recycle", "--source", "asterisk") == "1 stay: it still cannot be read: wrong_column_count\n"
    assert "no records are chosen" in run("recycle", status=2)
    assert "names no record" in run("show", "seven", status=2)
    assert "no record 4711 waits" in run("show", "4711", status=1)


def test_a_choice_is_previewed_approved_and_taken_back(run: Callable[..., Any], world: World) -> None:  # noqa: PLR0915 -- one life
    """Dry run, proposal, approval, the next bill, and the way back: each step tells what it changes, who did it, when and why."""
    world.take(Call("8613800000001", "2025-10-08T10:00", 600, key="one"))
    world.bill("2025-12-01")
    world.take(Call("8613800000001", "2025-10-08T10:00", 3000, key="one"))
    (first, second) = run("--reason", "conflicting", "--json")["rows"]
    shown = run("resolve", first["id"], "--json")
    short, long = (shown["versions"][shown["differences"]["duration_us"].index(each)] for each in (600_000_000, 3_000_000_000))
    assert f"resolve {first['id']} --keep" in run("resolve", first["id"])
    assert "worth about  1.00 CNY  5.00 CNY" in run("resolve", first["id"])
    before = run("resolve", first["id"], "--keep", long, "--dry-run")
    assert f"dry run: version {long} would count, and the others would be dropped\n" in before
    assert f"it is worth about 4.00 CNY more than version {short}\n" in before
    assert f"of anna has version {short} (1.00 CNY before tax): the run of 2026-01-01 or later corrects it" in before
    assert "another person" not in before
    told = run("resolve", first["id"], "--keep", short, "--dry-run", "--json")
    assert (told["kept"], told["decides"], told["needs_second"], told["dry_run"]) == (short, {"CNY": 4_000_000}, False, True)
    assert (told["on_bill"]["version"], told["on_bill"]["charge_micros"], told["next_bill_date"]) == (short, 1_000_000, "2026-01-01")
    assert "it stays there" in run("resolve", first["id"], "--keep", short, "--dry-run")
    assert "may be the number of a record" in run("resolve", first["id"], "--keep", first["id"], "--note", "x", status=2)
    run("limit", "3.99", "--note", "small shop", uid=2002)
    above = "its worth (about 4.00 CNY) is above your limit"
    asked = run("resolve", first["id"], "--keep", long, "--dry-run")
    assert asked.endswith(f"\n{above}: another person would have to approve it\n")
    saved = run("resolve", first["id"], "--keep", long, "--note", "the switch says so")
    assert f"\n{above}: saved as proposal 1; next: another person" in saved
    assert len(run("--reason", "conflicting", "--json")["rows"]) == 2
    (listed,) = (re.split(r"  +", line.strip()) for line in run("proposals").splitlines() if "versions of record" in line)
    assert listed[3] == "1", "one record, in two versions"
    again = run("resolve", second["id"], "--keep", long, "--note", "the switch says so", uid=2002, status=1)
    assert "proposal 1 of person 2001 asks for that already" in again
    assert f"proposal 1 of person 2001 waits: of the 2 versions of record {first['id']}, {long} counts\n" in run("resolve", second["id"])
    assert "who cannot approve it" in run("approve", 1, status=1)
    done = run("approve", 1, uid=2002)
    assert done == f"proposal 1 is approved: of the 2 versions of record {first['id']}, {long} counts\ndone\n"
    assert "is applied already" in run("approve", 1, status=1, uid=2002)
    assert run("--reason", "conflicting", "--json")["rows"] == []
    decided = run("show", second["id"])
    assert "kept by person 2001 on 20" in decided
    assert " UTC, approved by person 2002, proposal 1: the switch says so" in decided
    assert "person 2002" in run("decisions")
    assert sorted(each["verdict"] for each in run("decisions", "--json")) == ["dropped", "kept"]
    assert "needs a reason" in run("take-back", first["id"], status=2)
    back = run("take-back", first["id"], "--note", "it was the other one", "--dry-run")
    assert f"version {long} was chosen by person 2001 on 20" in back
    assert "dry run: the event would be in conflict again; no version counts until one is chosen\n" in back
    assert f"of anna has version {short}: the next run takes it off" in back
    assert "its worth (about 5.00 CNY) is above your limit: another person would have to approve it\n" in back
    proposed = run("take-back", second["id"], "--note", "it was the other one")
    assert "saved as proposal 2; next: another person runs `ratewright usage suspense approve 2`\n" in proposed
    assert run("--reason", "conflicting", "--json")["rows"] == []
    assert "proposal 2 of person 2001 asks for that already" in run("take-back", first["id"], "--note", "once more", status=1)
    assert "proposal 2 asks for it already" in run("take-back", first["id"], "--note", "once more", "--dry-run")
    assert "who cannot approve it" in run("approve", 2, status=1)
    done = run("approve", 2, uid=2002)
    assert done.startswith(f"proposal 2 is approved: of the 2 versions of record {second['id']}, {long} counts no more\ndone: ")
    (waits,) = run("--reason", "conflicting", "--json")["rows"]
    shown = run("show", waits["id"])
    assert f"record {first['id']} taken back by person 2001 on 20" in shown
    assert "taken back already" in run("take-back", first["id"], "--note", "again", status=1)
    assert "applied" in run("proposals")


def test_a_version_of_another_owner_says_who_is_credited_and_who_is_billed(run: Callable[..., Any], world: World) -> None:
    """Ten minutes of Anna's are 1.00; twelve of Bert's, on a plan with free minutes, count as 1.20 before these."""
    world.account("bert")
    world.subscription("bert-1", "bert", "shop/basic", "8613800000002")
    world.take(Call("8613800000001", "2025-10-08T10:00", 600, key="one"))
    world.bill("2025-12-01")
    world.take(Call("8613800000002", "2025-10-08T10:00", 720, key="one"))
    record = run("--reason", "conflicting", "--json")["rows"][0]["id"]
    shown = run("resolve", record, "--json")
    hers, his = (shown["versions"][shown["owners"].index(name)] for name in ("anna", "bert"))
    table = run("resolve", record).splitlines()
    assert ["duration", "600 s", "720 s"] in [re.split(r"  +", line) for line in table]
    assert ["account", "anna", "bert"] in [re.split(r"  +", line) for line in table]
    assert "duration_us" not in "".join(table)
    told = run("resolve", record, "--keep", his, "--dry-run")
    assert f"of anna has version {hers} (1.00 CNY before tax): the run of 2026-01-01 or later gives it back to anna\n" in told
    assert f"version {his} is of bert: once it is given back, the run of 2026-01-01 or later bills it, 1.20 CNY\n" in told
    found = run("resolve", record, "--keep", his, "--dry-run", "--json")
    assert (found["given_back"], found["billed_to"]) == ({"account_id": "anna", "next_bill_date": "2026-01-01"}, "bert")
    assert "it stays there" in run("resolve", record, "--keep", hers, "--dry-run")
    assert run("resolve", record, "--keep", hers, "--dry-run", "--json")["given_back"] is None


@pytest.mark.parametrize(
    ("until", "runs", "date"),
    [
        ("2025-12-11", "the first run of 2025-12-11 or later, after the hold on anna,", "2025-12-11"),
        (None, "a run after the hold on anna, if the period is open then,", ""),
    ],
)
def test_under_a_hold_the_first_run_after_it_is_named(
    run: Callable[..., Any], world: World, until: str | None, runs: str, date: str
) -> None:
    """Anna's bill of 1 December is held. Of two versions in November none has a bill; of two in October the one of 1.00 has."""
    tell(world, "anna", "hold", HoldFact("a dispute"), "2025-12-01", until)
    for seconds in (600, 3000):
        world.take(Call("8613800000001", "2025-11-08T10:00", seconds, key="one"))
    world.take(Call("8613800000001", "2025-10-05T10:00", 1800))
    rows = run("--reason", "conflicting", "--json")["rows"]
    billed, fresh = (
        next(row["id"] for row in rows if row["start_us"] == instant_us(at)) for at in ("2025-10-05T10:00", "2025-11-08T10:00")
    )
    said = {fresh: f"no bill has a version; {runs} bills it to anna\n", billed: f"{runs} corrects it\n"}
    for record, words in said.items():
        assert words in run("resolve", record, "--keep", longest(run, record), "--dry-run")
        found = run("resolve", record, "--keep", longest(run, record), "--dry-run", "--json")
        assert (found["billed_to"], found["next_bill_date"]) == ("anna", date)
    world.bill("2025-12-01")
    assert said[fresh] in run("resolve", fresh, "--keep", longest(run, fresh), "--note", "the switch says so")
    world.bill("2025-12-15")
    assert len(world.numbers("anna")) == (1 if until is None else 2), "the run of the 15th bills her where the hold is over"


def longest(run: Callable[..., Any], record: str) -> str:
    """The longest of the versions of a record."""
    shown = run("resolve", record, "--json")
    durations = shown["differences"]["duration_us"]
    return str(shown["versions"][durations.index(max(durations))])


def test_an_approval_that_was_interrupted_is_ended_and_one_of_other_versions_is_refused(run: Callable[..., Any], world: World) -> None:
    calls = [Call("8613800000001", "2025-10-08T10:00", seconds, key="one") for seconds in (600, 3000, 1200)]
    world.take(calls[0], calls[1])
    run("limit", "0", "--note", "small shop", uid=2002)
    (record, _) = (row["id"] for row in run("--reason", "conflicting", "--json")["rows"])
    names = run("resolve", record, "--json")["versions"]
    saved = run("resolve", record, "--keep", names[0], "--note", "the switch says so", "--json")
    assert (saved["kept"], saved["proposal"]["state"], saved["proposal"]["subject"]["kind"]) == (names[0], "proposed", "choose")
    world.take(calls[2])
    assert "proposal 1 cannot be approved: another version came since it was proposed" in run("approve", 1, uid=2002, status=1)
    assert run("proposals", "--json")[0]["state"] == "proposed"
    run("approve", 1, "--reject")
    run("resolve", record, "--keep", names[0], "--note", "the switch says so")
    proposals.decide(world.home, 2, Operator("person 2002", 2002), world.tick(), accept=True)
    assert run("approve", 2, uid=2002).endswith("done\n")
    assert [each["state"] for each in run("proposals", "--json")] == ["applied", "rejected"]
    assert run("--reason", "conflicting", "--json")["rows"] == []
    back = run("take-back", record, "--note", "no", "--json")
    assert (back["choice"]["needs_second"], back["choice"]["proposal"], back["choice"]["waits_as"]) == (True, 3, 0)
    proposals.decide(world.home, 3, Operator("person 2002", 2002), world.tick(), accept=True)
    assert run("approve", 3, uid=2002).endswith("done: the event is in conflict again\n")
    assert (back["choice"]["version"], back["choice"]["approved_by"], back["on_bill"], back["dry_run"]) == (
        names[0],
        "person 2002",
        None,
        False,
    )


def test_a_choice_of_unknown_worth_says_that_it_is_not_known(run: Callable[..., Any], world: World) -> None:
    """No plan prices calls to 44: what the versions may be worth is a mean of other records, and no price."""
    for seconds in (60, 120):
        world.take(Call("8613800000001", "2025-10-08T10:00", seconds, number=4412345678, key="one"))
    record = run("--reason", "conflicting", "--json")["rows"][0]["id"]
    (keep, _) = run("resolve", record, "--json")["versions"]
    told = run("resolve", record, "--keep", keep, "--dry-run")
    assert told.endswith("\nits worth is not known: another person would have to approve it\n")
    assert "limit" not in told
    assert "\nits worth is not known: saved as proposal 1; next" in run("resolve", record, "--keep", keep, "--note", "the switch says so")
