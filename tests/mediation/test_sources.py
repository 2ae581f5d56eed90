"""Sources: the built-in ones, definitions that work, and definitions whose mistakes are all told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mediation.definitions.file import template_columns
from mediation.definitions.named import find
from mediation.sources.model import Format, LocalTime, Plain
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from pathlib import Path


def test_built_in_widths() -> None:
    assert find("asterisk").widths == (16, 17, 18, 19, 20, 21)
    assert find("freeswitch").widths == (15,)


def test_an_unknown_source_names_those_there_are() -> None:
    with pytest.raises(UserError) as caught:
        find("avaya")
    assert "asterisk" in caught.value.message
    assert "freeswitch-json" in caught.value.message
    assert "YAML" in caught.value.remedy
    assert caught.value.exit_status == 2


def test_a_definition_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no source definition"):
        find(str(tmp_path / "none.yaml"))


def test_a_folder_is_no_definition(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        find(str(tmp_path))


def test_the_examples_are_right(examples: Path) -> None:
    custom = find(str(examples / "asterisk_custom.yaml"))
    assert (custom.format, custom.widths, custom.layouts[0].columns[8]) == (Format.ASTERISK, (19,), "start")
    exact = find(str(examples / "freeswitch_exact.yaml"))
    assert exact.layouts[0].columns[2:6] == ("start_uepoch", "answer_uepoch", "end_uepoch", "billusec")
    assert exact.numbering.plain is Plain.NATIONAL


def test_a_definition_may_set_the_zone_alone(tmp_path: Path) -> None:
    path = tmp_path / "pbx.yaml"
    path.write_text("name: pbx\nformat: asterisk\ntimezone: Europe/Berlin\nlocal_time: later\n")
    source = find(str(path))
    assert (source.timezone, source.local_time, source.layouts) == ("Europe/Berlin", LocalTime.LATER, find("asterisk").layouts)


ALL_WRONG = """
name: Not A Name
format: asterisk
columns: [src, dst, start, start, end]
template: x
timezone: Mars/Olympus
local_time: maybe
header_lines: many
key: [uniqueid]
charge_columns: [colour]
colour: red
numbering: {country_code: 86, trunk_prefix: "0", shortest: 99, area: 10}
"""

EXPECTED_PLACES = [
    "charge_columns",
    "colour",
    "columns",  # start twice
    "columns",  # no answer
    "columns",  # no disposition
    "header_lines",
    "key",
    "local_time",
    "name",
    "numbering.area",
    "numbering.country_code",  # a number, not text
    "numbering.country_code",  # and so missing for the trunk prefix
    "numbering.shortest",
    "template",
    "timezone",
]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(ALL_WRONG)
    with pytest.raises(ProblemsError) as caught:
        find(str(path))
    places = [
        problem.path if problem.path != "template" or "besides" in problem.message else "columns" for problem in caught.value.problems
    ]
    assert sorted(places) == EXPECTED_PLACES
    assert all(problem.remedy and problem.file == str(path) for problem in caught.value.problems)


MISTAKES = [
    ("format: asterisk", "name", "missing"),
    ("name: x\nformat: avaya", "format", "'avaya' is none of asterisk, "),
    ("name: x", "format", "missing"),
    ("name: asterisk\nformat: asterisk", "name", "built-in"),
    ("name: x\nformat: freeswitch\ntemplate: '${uuid}'", "template", "no column destination_number"),
    ("name: x\nformat: freeswitch\ncolumns: [ani, destination_number, answer_stamp, end_stamp, billsec]", "key", "no column uuid"),
    ("name: x\nformat: asterisk\nnumbering: {plain: national}", "numbering.country_code", "missing"),
    ("name: x\nformat: asterisk\nnumbering: [1]", "numbering", "[1] is a list, and a set of"),
    ("name: x\nformat: asterisk\nnumbering: {international_prefix: '+'}", "numbering.international_prefix", "digits"),
    ("name: x\nformat: asterisk\nheader_lines: -1", "header_lines", "between"),
    (f"name: x\nformat: asterisk\ncolumns: [{','.join(f'c{place}' for place in range(256))}]", "columns", "256 columns"),
    ("name: [x", "file", "not YAML"),
    ("- a list", "file", "not a mapping"),
    ("", "file", "not a mapping"),
]


@pytest.mark.parametrize(("text", "place", "message"), MISTAKES, ids=[f"{case[1]} {case[2]}" for case in MISTAKES])
def test_one_mistake(tmp_path: Path, text: str, place: str, message: str) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(text)
    with pytest.raises(ProblemsError) as caught:
        find(str(path))
    assert [problem.path for problem in caught.value.problems if message in problem.message][:1] == [place]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(b"name: \xff\xfe\x00")
    with pytest.raises(ProblemsError) as caught:
        find(str(path))
    assert caught.value.problems[0].path == "file"


TEMPLATES = [
    (Format.FREESWITCH, '"${caller_id_number}", "${uuid}",${billsec}', ("caller_id_number", "uuid", "billsec")),
    (Format.FREESWITCH, '"${a} to ${b}","fixed","${uuid}"', ("", "", "uuid")),
    (Format.ASTERISK, "Master.csv => ${CSV_QUOTE(${CDR(clid)})},${CSV_QUOTE(${CDR(billsec,f)})}", ("clid", "billsec")),
    (Format.ASTERISK, '"${CDR(src)}","${CDR(start,u)}"', ("src", "start")),
]


@pytest.mark.parametrize(("format_", "template", "columns"), TEMPLATES, ids=[case[1] for case in TEMPLATES])
def test_templates(format_: Format, template: str, columns: tuple[str, ...]) -> None:
    assert template_columns(template, format_) == columns
