"""Definitions: what each part of one becomes, and what is wrong with each part, all told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mediation.definitions.named import find
from mediation.definitions.text import length
from mediation.sources.model import Format
from mediation.sources.rules import Bills, Messages, NumberType, Partials, Unit
from rating.dates import DAY_US, HOUR_US, SECOND_US
from rating.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

PBX = "name: x\nformat: asterisk\n"
GENERAL = "name: x\nformat: delimited\ncolumns: [id, at, a, b, s]\n"
FIELDS = "fields: {record_id: id, start: at, served: a, other: b, duration: s}\n"


def problems_of(folder: Path, text: str) -> list[tuple[str, str]]:
    path = folder / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ProblemsError) as caught:
        find(str(path))
    assert all(problem.remedy for problem in caught.value.problems)
    return [(problem.path, problem.message) for problem in caught.value.problems]


# definition, place of the only mistake, part of the message
MISTAKES = [
    (PBX + "retention: 190", "retention", "not a length of time"),
    (PBX + "retention: 6h", "retention", "shorter than a day"),
    (PBX + "future_tolerance: soon", "future_tolerance", "not a length of time"),
    (PBX + "files: [../Master.csv]", "files", "not a pattern"),
    (PBX + "marker: a/b", "marker", "ending"),
    (PBX + "numbering: {short_codes: ['1x']}", "numbering.short_codes", "digits"),
    (PBX + "numbering: {more_international_prefixes: ['+']}", "numbering.more_international_prefixes", "digits"),
    (PBX + "numbering: {area_code: '30'}", "numbering.country_code", "missing"),
    (PBX + "numbering: {type_columns: {served: ton}}", "numbering.type_columns.served", "no column 'ton'"),
    (PBX + "numbering: {types: {x: abroad}}", "numbering.types.x", "'abroad' is none of"),
    (PBX + "sequence: {column: n}", "sequence.column", "no column 'n'"),
    (PBX + "sequence: {per: [src]}", "sequence.column", "missing"),
    (PBX + "legs: {group_by: [call]}", "legs.group_by", "no column 'call'"),
    (PBX + "legs: {bills: nobody}", "legs.bills", "'nobody' is none of native, "),
    (PBX + "legs: {forwarder_pays: true}", "legs.forwarder", "missing"),
    (PBX + "services: {voice: {partials: join}}", "services.voice.partials", "never parts"),
    (PBX + "services: {fax: {}}", "services.fax", "unknown field"),
    (PBX + "services: {sms: {timeout: 1w}}", "services.sms.timeout", "not a length of time"),
    (PBX + "header: {starts_with: '', pattern: '(?P<count>.)'}", "header.starts_with", "empty"),
    (PBX + "trailer: {starts_with: T, pattern: 'T([0-9]+)'}", "trailer.pattern", "named groups"),
    (PBX + "trailer: {starts_with: T, pattern: 'T(?P<rows>[0-9]+)'}", "trailer.pattern", "named groups"),
    (PBX + "trailer: {starts_with: T, pattern: 'T(?P<count>'}", "trailer.pattern", "no regular expression"),
    (PBX + "trailer: {pattern: 'T(?P<count>.)'}", "trailer.starts_with", "missing"),
    (PBX + "file_sequence: {pattern: 'cdr_[0-9]+'}", "file_sequence.pattern", "no group"),
    (PBX + "file_sequence: {pattern: '([0-9]+)', modulus: -1}", "file_sequence.modulus", "does not fit"),
    (PBX + "dialect: {delimiter: ';;'}", "dialect.delimiter", "one ASCII"),
    (PBX + "dialect: {delimiter: ''}", "dialect.delimiter", "one ASCII"),
    (PBX + "dialect: {quote: ','}", "dialect.quote", "same as the delimiter"),
    (PBX + "dialect: {decimal: x}", "dialect.decimal", "neither"),
    (PBX + "dialect: {nulls: [x]}", "dialect.nulls", "only delimited has it"),
    ("name: x\nformat: delimited\ndialect: {nulls: ['']}", "dialect.nulls", "an empty text"),
    (PBX + "dialect: {names_in_header: true}", "dialect.names_in_header", "only delimited has it"),
    ("name: x\nformat: kamailio-acc\ndialect: {names_in_header: true}", "dialect.names_in_header", "only delimited has it"),
    ("name: x\nformat: freeswitch-json\ndialect: {delimiter: ';'}", "dialect", "has none"),
    ("name: x\nformat: freeswitch-json\ntemplate: '${uuid}'", "template", "has none"),
    ("name: x\nformat: delimited\n" + FIELDS, "columns", "no columns of its own"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, colour: b, duration: s}", "fields.colour", "unknown field"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: t}", "fields.duration", "no column 't'"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: 5}", "fields.duration", "neither the name"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: {unit: s}}", "fields.duration", "neither column nor value"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: {column: s, unit: kB}}", "fields.duration.unit", "not a unit of"),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: {column: s, unit: ell}}", "fields.duration.unit", "'ell' is none"),
    (GENERAL + "fields: {record_id: id, start: {column: at, format: '%Q'}, served: a, duration: s}", "fields.start.format", "%Q"),
    (GENERAL + "fields: {record_id: id, start: at, served: {column: a, format: '%Y'}, duration: s}", "fields.served.format", "not a time"),
    (
        GENERAL + "fields: {record_id: id, start: at, served: a, duration: s, answered: {column: b, words: {U: up}}}",
        "fields.answered.words",
        "up",
    ),
    (GENERAL + "fields: {record_id: id, start: at, served: a, duration: s, service: {value: fax}}", "fields.service.value", "fax"),
    (GENERAL + "fields: {start: at, served: a, duration: s}", "key", "no field record_id"),
    (GENERAL + "fields: {record_id: id, served: a, duration: s}", "fields", "none of start, answer, end"),
    (GENERAL + "fields: {record_id: id, start: at, duration: s}", "fields", "none of served, account"),
    (GENERAL + "fields: {record_id: id, start: at, served: a}", "fields", "none of duration"),
    (GENERAL + FIELDS + "legs: {bills: first}", "legs.group_by", "missing"),
    (GENERAL + FIELDS.replace("}", ", call_ref: id}") + "legs: {group_by: [a]}", "legs.group_by", "says already"),
    (PBX + "positions: {id: [1, 5]}", "positions", "has none"),
    (PBX + "services: {voice: {first_segment: -1}}", "services.voice.first_segment", "not a first number"),
    ("name: x\nformat: fixed-width\npositions: {id: [5, 1]}\n", "positions.id", "not two positions"),
    ("name: x\nformat: fixed-width\npositions: {id: 5}\n", "positions.id", "not two positions"),
    ("name: x\nformat: fixed-width\npositions: [1]\n", "positions", "not a mapping"),
]


@pytest.mark.parametrize(("text", "place", "message"), MISTAKES, ids=[f"{case[1]} {case[2]}" for case in MISTAKES])
def test_one_mistake(tmp_path: Path, text: str, place: str, message: str) -> None:
    found = [problem for problem in problems_of(tmp_path, text) if problem[0] == place]
    assert [problem for problem in found if message in problem[1]]


def test_all_mistakes_of_all_parts_at_once(tmp_path: Path) -> None:
    text = (
        GENERAL
        + "fields: {record_id: id, start: {column: at, unit: s}, served: a, duration: {column: t, unit: kB}}\n"
        + "services: {voice: {timeout: soon, colour: red}}\nretention: 1\nlegs: {group_by: [call]}\n"
        + "trailer: {starts_with: '', pattern: '('}\nnumbering: {country_code: 86}\n"
    )
    assert {place for place, _ in problems_of(tmp_path, text)} == {
        "fields.start.unit",
        "fields.duration",
        "fields.duration.unit",
        "services.voice.timeout",
        "services.voice.colour",
        "retention",
        "legs.group_by",
        "trailer.starts_with",
        "trailer.pattern",
        "numbering.country_code",
    }


def test_a_definition_with_every_part(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        GENERAL
        + "fields: {record_id: id, start: {column: at, unit: epoch_ms}, served: a, other: b, duration: {column: s, unit: ms},"
        + " answered: {column: b, words: {1: yes, 0: no}}}\n"
        + "services: {voice: {partials: join, timeout: 90m, first_segment: 1}, sms: {messages: message},"
        + " data: {partials: each, cumulative: true}}\n"
        + "sequence: {column: id, per: [a]}\nlegs: {group_by: [b], bills: longest, overlapping: true}\n"
        + "retention: 30d\nfuture_tolerance: 45s\nnumbering: {types: {7: national}}\nmarker: .done\nfiles: ['*.csv']\n"
    )
    source = find(str(path))
    assert source.format is Format.DELIMITED
    assert source.fields["answered"].words == {"1": "yes", "0": "no"}  # YAML's truth values and numbers are text here
    assert (source.fields["start"].unit, source.fields["duration"].unit) == (Unit.EPOCH_MILLISECOND, Unit.MILLISECOND)
    voice, sms, data = source.services.voice, source.services.sms, source.services.data
    assert (voice.partials, voice.timeout_us, voice.first_segment) == (Partials.JOIN, 90 * 60 * SECOND_US, 1)
    assert (sms.messages, sms.timeout_us) == (Messages.MESSAGE, 36 * HOUR_US)
    assert (data.partials, data.cumulative) == (Partials.EACH, True)
    assert (source.sequence.column, source.sequence.per) == ("id", ("a",))
    assert (source.legs.bills, source.legs.overlapping) == (Bills.LONGEST, True)
    assert (source.retention_us, source.future_tolerance_us) == (30 * DAY_US, 45 * SECOND_US)
    assert source.numbering.types == {"7": NumberType.NATIONAL}


def test_what_a_definition_does_not_say_of_a_service_is_said_by_the_format(tmp_path: Path) -> None:
    path = tmp_path / "radius.yaml"
    path.write_text("name: x\nformat: radius-detail\nservices: {data: {timeout: 2h}}\n")
    native = find("radius-detail").services.data
    rules = find(str(path)).services.data
    assert (rules.timeout_us, rules.partials, rules.cumulative) == (2 * HOUR_US, native.partials, native.cumulative)


def test_further_names_of_records_that_name_their_fields(tmp_path: Path) -> None:
    path = tmp_path / "json.yaml"
    path.write_text("name: x\nformat: freeswitch-json\ncolumns: [uuid, my_rate]\ncharge_columns: [my_rate]\n")
    columns = find(str(path)).layouts[0].columns
    assert (columns[-1], columns.count("uuid")) == ("my_rate", 1)


@pytest.mark.parametrize(
    ("length_us", "text"), [(190 * DAY_US, "190d"), (36 * HOUR_US, "36h"), (90 * 60 * SECOND_US, "90m"), (SECOND_US, "1s")]
)
def test_lengths_of_time(length_us: int, text: str) -> None:
    assert length(length_us) == text
