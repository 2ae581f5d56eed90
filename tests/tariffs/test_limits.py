"""What is too large, or built to be, is refused with a clear error before it costs time or memory. A row a file, or a folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError, UserError
from tariffs.documents import limits
from tariffs.reading.load import load
from tests.tariffs.sample import SAMPLE, changed, problems

if TYPE_CHECKING:
    from pathlib import Path

    from rating.errors import Problem

# YAML text -> how the place begins, and part of the only message
TEXTS = [
    ("a: [" + "x," * 500_001 + "]", "document", "more values than a catalogue may have; at most 500,000 can be"),
    ("[" * 200_000, "document (line 1)", "exceeded maximum nesting depth"),
    (SAMPLE.replace('["49"]', "[" + "49," * 100_001 + "]"), "zones[0].prefixes (line 14)", "100,001 entries; at most 100,000 can be"),
    (changed("  - name: basic\n", "  - {}\n" * 2_000 + "  - name: basic\n"), "plans (line", "2,001 entries; at most 2,000 can be"),
    (changed("rules:\n", f"fallbacks: {['x'] * 21}\n    rules:\n"), "plans[0].fallbacks (line 46)", "21 entries; at most 20 can be"),
    (
        changed("rules:\n", f"bill_thresholds: {[{}] * 101}\n    rules:\n"),
        "plans[0].bill_thresholds (line 46)",
        "101 entries; at most 100 can be",
    ),
    (SAMPLE + "include: other.yaml\n", "include (line 57)", "unknown field `include`"),
]


@pytest.mark.parametrize(("text", "path", "message"), TEXTS, ids=lambda text: text[-30:])
def test_texts(tmp_path: Path, text: str, path: str, message: str) -> None:
    found = problems(tmp_path, text)
    assert any(problem.path.startswith(path) and message in problem.message and problem.remedy for problem in found), found[:5]
    assert all(len(problem.message) < 2_000 for problem in found)


def test_there_are_no_includes_and_so_no_cycle_of_them(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, SAMPLE + "include: sample.yaml\n")
    assert problem.remedy == "there are no includes: the YAML files of one folder are read together as one catalogue"


def test_a_file_of_200_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.touch()
    os.truncate(path, 200_000_000)  # it takes no room on the disk
    [problem] = _problems(path)
    assert problem.message == "more YAML than a catalogue may have (4 MiB a file, 8 MiB a folder)"
    assert "CSV" in problem.remedy


def test_files_of_a_folder_share_one_allowance(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text("# " + "x" * 3_500_000 + f"\n{name}: 1\n")
    assert {problem.file[-6:]: problem.message for problem in _problems(tmp_path)}["c.yaml"].startswith("more YAML than")
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(f"{name}: [" + "x," * 200_000 + "]\n")
    assert {problem.file[-6:]: problem.message for problem in _problems(tmp_path)}["c.yaml"].startswith("more values than")


def test_folders_of_too_many_files(tmp_path: Path) -> None:
    for number in range(limits.FILES_MAX + 1):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(UserError, match="too many files"):
        load(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.yaml", tmp_path / "catalogue"
    secret.write_text("password: hunter2\n")
    folder.mkdir()
    (folder / "a.yaml").write_text(SAMPLE, encoding="utf-8")
    (folder / "b.yaml").symlink_to(secret)
    [problem] = _problems(folder)
    assert (problem.file, problem.message) == (str(folder / "b.yaml"), "a link that leads out of the catalogue's folder")
    (folder / "b.yaml").unlink()
    (folder / "c.yml").symlink_to("a.txt")
    (folder / "a.yaml").rename(folder / "a.txt")
    (folder / "d.yaml").touch()
    assert [problem.file[-6:] for problem in _problems(folder)] == ["d.yaml"], "links inside the folder are files like others"


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "sample.yaml"
    for mark, encoding, message in (("", "utf-16", "UTF-16 text"), ("\ufeff", "utf-8", ""), ("", "gb18030", "not UTF-8 text")):
        path.write_bytes((mark + SAMPLE).encode(encoding))
        if message:
            assert [message in problem.message for problem in _problems(path)] == [True]
        else:
            assert load(path).identity == "sample"


# what is written for a prefix or increments -> part of the message
VALUES = [
    ('["49"]', f'["{"4" * 50}"]', "is not a prefix"),
    ('["49"]', f'["{"4" * 1_000_000}"]', "is not a prefix"),
    ("increments: 60/1\n", "increments: 0/1\n", "not"),
    ("increments: 60/1\n", "increments: 60/-1\n", "not"),
    ("per: 60s\n", "per: 0s\n", "not"),
]


@pytest.mark.parametrize(("old", "new", "message"), VALUES, ids=lambda text: text[:20])
def test_values(tmp_path: Path, old: str, new: str, message: str) -> None:
    found = problems(tmp_path, changed(old, new))
    assert any(message in problem.message for problem in found), found
    assert all(len(problem.message) < 2_000 for problem in found)


def test_a_chain_of_fallbacks_has_an_end(tmp_path: Path) -> None:
    plans = "".join(f"  - {{name: p{n}, title: {{en: P, zh: P}}, fallbacks: [p{n + 1}], rules: []}}\n" for n in range(30))
    found = problems(tmp_path, changed("disclosure:", plans + "  - {name: p30, title: {en: P, zh: P}}\ndisclosure:"))
    assert [problem.message for problem in found][:1] == ["plan `p0` falls back to more than 20 plans, one after the other"]
    assert len(found) == 10, "p10 falls back to twenty"


def test_bands_that_would_be_compared_without_end(tmp_path: Path) -> None:
    bands = "".join(f"      - {{name: b{n}, days: {'mon' if n % 2 else 'tue'}}}\n" for n in range(150))
    [problem] = problems(tmp_path, changed("      - {name: peak", bands + "      - {name: peak"))
    assert problem.message == "calendar `week` has too many bands that begin at one time with one weight"


DECK = changed(
    "plans:\n",
    "decks:\n  - {name: world, file: deck.csv, service: voice, price_ids_from: 1000, charge_code: 7, revenue_code: 7, tax_class: standard,"
    " per: 60s, increments: 1/1}\nplans:\n",
)


def test_more_zones_than_the_tables_hold(tmp_path: Path) -> None:
    rows = "".join(f"{n},z{n},{7_000_000 + n},0.1\n" for n in range(3, 65_536))
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate\n" + rows)
    [problem] = problems(tmp_path, DECK)
    assert problem.path == "decks[0] (line 44)"
    assert problem.message == "65,535 zones, those of decks included; at most 65,534 can be"


def test_more_kinds_of_destination_than_a_plan_can_tell_apart(tmp_path: Path) -> None:
    """Forty thousand zones, each with a prefix of another zone inside it, whose rule holds for some calls only."""
    (tmp_path / "deck.csv").write_text(
        "zone_id,zone,prefixes,rate\n" + "".join(f"{n - 9_990},z{n},{n},0.1\n" for n in range(10_000, 50_000))
    )
    (tmp_path / "far.csv").write_text("prefix\n" + "".join(f"{n}0\n" for n in range(10_000, 50_000)))
    text = DECK.replace('prefixes: ["1", "86"]', "prefixes_file: far.csv").replace("price: far-voice}", "price: far-voice, on_net: true}")
    [problem] = problems(tmp_path, text.replace("    recurring:", "    decks: [world]\n    recurring:"))
    assert problem.path == "plans[0] (line 46)"
    assert problem.message == "plan `basic` distinguishes 80,002 kinds of destination; at most 65,534 are possible"


def test_rules_that_plans_repeat(tmp_path: Path) -> None:
    rows = "".join(f"{n},z{n},{7_000_000 + n},0.1\n" for n in range(3, 3_003))
    (tmp_path / "deck.csv").write_text("zone_id,zone,prefixes,rate\n" + rows)
    plans = "".join(f"  - {{name: p{n}, title: {{en: P}}, decks: [world]}}\n" for n in range(1_700))
    [problem] = problems(tmp_path, DECK.replace("disclosure:", plans + "disclosure:"))
    assert problem.message == "5,100,005 rules in all plans together; at most 5,000,000 can be"


def test_more_mistakes_than_anybody_reads(tmp_path: Path) -> None:
    text = SAMPLE + "".join(f"field-{n}: 1\n" for n in range(limits.FINDINGS_MAX + 5))
    found = problems(tmp_path, text)
    assert len(found) == limits.FINDINGS_MAX + 1
    assert found[-1].message == "and 5 more mistakes, which are not shown"
    unknown = "".join(f"      - {{service: voice, zone: z{n}, price: null}}\n" for n in range(3_000))
    found = problems(tmp_path, changed("    rules:\n", "    rules:\n" + unknown))
    assert found[-1].message == "and more mistakes than 2,000"


def _problems(path: Path) -> list[Problem]:
    with pytest.raises(ProblemsError) as raised:
        load(path)
    return list(raised.value.problems)
