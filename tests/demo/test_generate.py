"""The generator alone: it stands outside the product, depends on its seed and on nothing else, and tells the truth."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from mediation import inspect
from mediation.definitions import named
from tests.demo import recount_files, running

if TYPE_CHECKING:
    from pathlib import Path

OUTSIDE = set(sys.stdlib_module_names) | {"numpy"}
GENERATOR_FILES = ("generate", "calls", "population", "rowplan", "rowtext", "streamed", "switches", "truth")
RECOUNT_FILES = ("recount", "recount_files", "recount_store")


def generate(folder: Path, seed: int) -> Path:
    sizes = ["--accounts", "40", "--records", "2000", "--stream-records", "100"]
    done = running.run([sys.executable, str(running.GENERATOR), str(folder), "--seed", str(seed), *sizes])
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("generate") / "one", 1)


def imports_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | named}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("name", GENERATOR_FILES)
def test_the_generator_imports_nothing_but_numpy_and_the_standard_library(name: str) -> None:
    assert imports_of(running.GENERATOR.parent / f"{name}.py") <= OUTSIDE | set(GENERATOR_FILES)


@pytest.mark.parametrize("name", RECOUNT_FILES)
def test_the_recount_imports_nothing_of_the_product(name: str) -> None:
    assert imports_of(running.RECOUNT.parent / f"{name}.py") <= set(sys.stdlib_module_names) | {"pyarrow"} | set(RECOUNT_FILES)


def test_the_same_seed_makes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    assert digests(generate(tmp_path / "two", 1)) == digests(made)


def test_another_seed_changes_every_switch_file(made: Path, tmp_path: Path) -> None:
    mine, other = digests(made), digests(generate(tmp_path / "seven", 7))
    same = {name for name in mine if mine[name] == other.get(name)}
    assert same == {"sources/edge-a.yaml", "sources/edge-b.yaml", "sources/branch.yaml"}


def test_the_csv_module_finds_what_the_truth_tells(made: Path) -> None:
    truth = json.loads((made / "truth.json").read_text(encoding="utf-8"))
    counted = recount_files.count(made, truth)
    assert sum(each.rows for each in counted.values()) == 2_000
    for switch, told in truth["sources"].items():
        outcomes = {name: (each["rows"], each["duration_us"]) for name, each in told["all"]["outcomes"].items()}
        assert {name: (each.rows, each.duration_us) for name, each in counted[switch].outcomes.items()} == outcomes
        assert counted[switch].per_day() == told["per_day"]
        assert counted[switch].refused == told["all"]["refused"]


def test_there_is_one_of_everything(made: Path) -> None:
    truth = json.loads((made / "truth.json").read_text(encoding="utf-8"))
    for switch, told in truth["sources"].items():
        assert all(each["rows"] > 0 for each in told["all"]["outcomes"].values()), switch
    reasons = {reason for told in truth["sources"].values() for reason, rows in told["all"]["rejected"].items() if rows}
    assert reasons == {"wrong_column_count", "unreadable_time", "ambiguous_local_time", "unterminated_quote"}
    assert {call["name"] for call in truth["planted"]} == {
        "over_midnight_and_a_new_tariff_version", "over_a_band_boundary", "over_the_change_of_clocks", "arrives_after_the_bill",
    }  # fmt: skip
    assert any(told["late"]["rows"] for told in truth["sources"].values())
    assert any(told["taken_back"] for told in truth["sources"].values())
    assert any(file["path"].endswith(".gz") for file in truth["files"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_file_of_the_smallest_order_is_nothing_but_damage(tmp_path: Path, seed: int) -> None:
    sizes = ["--accounts", "10", "--records", "1000", "--stream-records", "100"]
    done = running.run([sys.executable, str(running.GENERATOR), str(tmp_path), "--seed", str(seed), *sizes])
    assert done.returncode == 0, done.stderr
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    for file in truth["files"]:
        source = named.find(file["source"] if file["source"] == "asterisk" else str(tmp_path / file["source"]))
        found = inspect.inspect(tmp_path / file["path"], source)
        assert found.rows > sum(found.rejected.values()), file["path"]


def test_too_small_an_order_is_refused(tmp_path: Path) -> None:
    done = running.run([sys.executable, str(running.GENERATOR), str(tmp_path / "x"), "--accounts", "2", "--records", "5"])
    assert (done.returncode, done.stderr.count("remedy:")) == (2, 1)
    assert not (tmp_path / "x").exists()
