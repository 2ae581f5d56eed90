"""tariffs deck preview and tariffs deck import through the command line, to a quote by the imported rates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from billing.catalogue import publish
from billing.store.home import Home
from server.cli import app
from tariffs.reading.load import load

EXAMPLES = Path(__file__).parents[3] / "examples" / "decks"
CATALOGUE = """\
identity: trunk
version: 1
currency: USD
timezone: Europe/Berlin
effective_from: 2026-12-01T00:00:00+01:00
tax_classes: [{name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}]
decks:
  - {name: world, file: world.csv, service: voice, price_ids_from: 10000, per: 60s, charge_code: 1, revenue_code: 401, tax_class: standard}
plans: [{name: sip, title: {en: Trunk, zh: 中继}, decks: [world]}]
disclosure: {en: Prices by prefix., zh: 按前缀计价。}
"""
FULL = """\
prefix,destination,connect_cost,included_seconds,cost_per_min,increment_s
49,Germany,0.00000,0,0.01000,1
4915,Germany Mobile,0.00000,0,0.04000,6
4916,Germany Mobile,0.00000,0,0.04000,6
1808,USA - Hawaii,0.00000,0,0.02000,6
1808,HAWAII,0.00000,0,0.02000,6
"""
UPDATE = FULL.splitlines()[0] + "\n4916,Germany Mobile,0.00000,0,0.05000,6\n33,France,0.01,0,0.012,1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue that has no deck yet, and a carrier's two files."""
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "trunk.yaml").write_text(CATALOGUE, encoding="utf-8")
    (tmp_path / "full.csv").write_text(FULL)
    (tmp_path / "update.csv").write_text(UPDATE)
    return tmp_path


def words(folder: Path, command: str, file: str, *more: object) -> list[str]:
    return [str(word) for word in ["tariffs", "deck", command, folder / file, "--mapping", EXAMPLES / "a-z.yaml", *more]]


def test_from_a_carriers_file_to_a_quote(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "full.csv onto world: the whole deck from 2026-12-01",
        "  prefixes: added 4, removed 0, raised 0, lowered 0, mixed 0, blocked 0, moved 0, unchanged 0; zones afterwards: 3",
        "  duplicates; the first of each counts: 1 (1808 in line 6 as in 5)",
        f"written: {folder}/trunk/world.csv; go on with: ratewright tariffs check {folder}/trunk",
    ]
    assert (folder / "trunk" / "world.csv").read_text() == (
        "zone_id,zone,prefixes,rate,increments\n1,Germany,49,0.01,1/1\n2,Germany Mobile,4915 4916,0.04,6/6\n3,USA - Hawaii,1808,0.02,6/6\n"
    )
    call = ["quote", "--plan", "trunk/sip", "--service", "voice", "--to", "+4916123456", "--duration", "61s"]
    assert app.main([*call, "--at", "2026-12-02T12:00:00+01:00", "--catalog", str(folder / "trunk"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charge_micros"] == 44_000, "61 s in increments of 6 s: 66 s at 0.04 a minute"


def test_an_update_onto_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    before = (folder / "trunk" / "world.csv").read_text()
    capsys.readouterr()
    assert app.main(words(folder, "preview", "update.csv", "--partial", "--onto", folder / "trunk", "--on", "2026-12-15")) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == [
        f"update.csv onto world of {folder}/trunk: an update from 2026-12-15",
        "  prefixes: added 1, removed 0, raised 1, lowered 0, mixed 0, blocked 0, moved 0, unchanged 0; zones afterwards: 5",
        "largest changes (of 1 prefix)",
    ]
    assert shown[4].split() == [
        *("Germany", "Mobile", "raised", "2026-12-15"),
        *("0.04", "per", "60s,", "6/6"),
        *("0.05", "per", "60s,", "6/6"),
        *("+25.0", "%", "1", "4916"),
    ]
    assert (folder / "trunk" / "world.csv").read_text() == before, "a preview writes nothing"

    update = words(folder, "import", "update.csv", "--partial", "--into", folder / "trunk", "--json")
    assert app.main(update) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["raised"], made["added"], made["on"], made["changed"]) == (1, 1, "2026-12-01", True)
    assert {zone.name: zone.prefixes for zone in load(folder / "trunk").zones} == {
        "Germany": ("49",),
        "Germany Mobile": ("4915",),
        "Germany Mobile #2": ("4916",),
        "USA - Hawaii": ("1808",),
        "France": ("33",),
    }
    assert app.main(update) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False


def test_onto_nothing_and_onto_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(words(folder, "preview", "full.csv", "--full", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 4
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    capsys.readouterr()
    assert app.main(words(folder, "preview", "update.csv", "--partial", "--onto", folder / "trunk" / "world.csv", "--json")) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["added"], made["raised"]) == (1, 1)


@pytest.mark.slow
def test_onto_a_published_version(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    with Home.open(folder / "home", create=True) as home:
        publish(home, load(folder / "trunk"), 1)
    capsys.readouterr()
    onto = ("--onto", "trunk@1", "--home", folder / "home", "--on", "2027-01-01")
    assert app.main(words(folder, "preview", "update.csv", "--partial", *onto, "--json")) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["onto"], made["added"], made["raised"], made["on"]) == ("trunk@1", 1, 1, "2027-01-01")
    (folder / "trunk" / "world.csv").unlink()
    assert app.main(words(folder, "import", "update.csv", "--partial", *onto, "--into", folder / "trunk")) == 0
    assert (folder / "trunk" / "world.csv").read_text().splitlines()[1:4] == [
        "1,Germany,49,0.01,1/1,0,",
        "2,Germany Mobile,4915 4916,0.04,6/6,0,",
        "3,USA - Hawaii,1808,0.02,6/6,0,",
    ]


def test_a_first_deck_does_not_hold_before_its_day(folder: Path) -> None:
    assert app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk", "--on", "2027-01-01")) == 0
    assert (folder / "trunk" / "world.csv").read_text().splitlines()[:2] == [
        "zone_id,zone,prefixes,rate,increments,from",
        "1,Germany,49,0.01,1/1,2027-01-01",
    ]
    assert load(folder / "trunk").prices == ()


def test_prefixes_that_no_number_meets_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dialled.csv").write_text(FULL.replace("\n49", "\n0049"))
    assert app.main(words(folder, "preview", "dialled.csv", "--full")) == 0
    assert "begin with 0, which no number in E.164 does, so that none meets them: 3" in capsys.readouterr().out


def test_an_id_of_the_deck_that_is_written_over_is_not_given_away(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    (folder / "older.csv").write_text("zone_id,zone,prefixes,rate,increments\n1,Germany,49,0.01,1/1\n")
    onto = ("--onto", folder / "older.csv", "--into", folder / "trunk")
    assert app.main(words(folder, "import", "update.csv", "--partial", *onto)) == 0
    assert "and that are written over: 2" in capsys.readouterr().out
    assert [row.split(",")[:2] for row in (folder / "trunk" / "world.csv").read_text().splitlines()[2:]] == [
        ["4", "Germany Mobile"],
        ["5", "France"],
    ]


def test_doubtful_decks_are_written_on_demand_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    before = (folder / "trunk" / "world.csv").read_text()
    late = ("--partial", "--notice-days", "30", "--received", "2026-11-20")
    assert app.main(words(folder, "preview", "update.csv", "--onto", folder / "trunk", *late)) == 1
    capsys.readouterr()
    assert app.main(words(folder, "import", "update.csv", "--into", folder / "trunk", *late)) == 1
    out, err = capsys.readouterr()
    assert "announced too late" in out
    assert err.startswith("error: nothing was written: 1 change announced too late, 0 rows against the deck")
    assert (folder / "trunk" / "world.csv").read_text() == before
    assert app.main(words(folder, "import", "update.csv", "--into", folder / "trunk", *late, "--force")) == 0
    assert (folder / "trunk" / "world.csv").read_text() != before


def test_everything_that_the_preview_can_tell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mapping.yaml").write_text(
        "columns: {prefix: p, destination: d, rate: r, effective_from: f, action: a}\nincrements: 6/6\n"
        "actions: {new: [N], increase: [I], decrease: [D], delete: [X], block: [B]}\n"
    )
    app.main(words(folder, "import", "full.csv", "--full", "--into", folder / "trunk"))
    own = ("--partial", "--mapping", folder / "mapping.yaml")
    (folder / "plans.csv").write_text("p,d,r,f,a,remark\n49,Germany,0.02,2026-12-10,I,\n")
    told = ["tariffs", "deck", "import", folder / "plans.csv", *own, "--into", folder / "trunk"]
    assert app.main([str(word) for word in told]) == 0
    days = "".join(f"4{day},Range {day},0.01,2026-12-{day:02d},N,\n" for day in range(11, 18))
    (folder / "more.csv").write_text(
        f"p,d,r,f,a,remark\n49,Germany,0.03,2026-12-05,I,\n4915,Germany Mobile,0.05,2026-01-01,D,soon\n{days}"
        + "".join(f"{number},,,,X,\n" for number in range(700, 725))
    )
    capsys.readouterr()
    told = ["tariffs", "deck", "preview", folder / "more.csv", *own, "--onto", folder / "trunk"]
    assert app.main([str(word) for word in told]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[2:6] == [
        "  rows that are dated before 2026-12-01, and take effect then: 1",
        "  changes that were planned, and are replaced: 1",
        (
            "  changes on later days wait for a version that takes effect then: "
            "2026-12-05, 2026-12-11, 2026-12-12, 2026-12-13, 2026-12-14, ..."
        ),
        "  currency: taken to be USD; neither mapping nor file says so",
    ]
    assert out[6] == "  columns that are not read: remark"
    assert "  line 3: prefix 4915 says decrease, and its price is raised" in out
    assert "  line 11: prefix 700 says delete, and it is not in the deck" in out
    assert out[-1] == "  and 6 more; --json has them"


@pytest.mark.parametrize("mapping", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_reads_the_lines_that_it_shows(folder: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The comments at its top are lines of such a deck."""
    lines = [line[4:] for line in mapping.read_text(encoding="utf-8").splitlines() if line.startswith("#   ")]
    (folder / "shown.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = ["tariffs", "deck", "preview", str(folder / "shown.csv"), "--mapping", str(mapping), "--full", "--on", "2026-01-01", "--json"]
    assert app.main(told) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["added"] >= 1
