"""The configuration of the service: which place wins, and every mistake at once with its place and remedy."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError, UserError
from server.configuration import checking, reading, table
from server.configuration.reading import Place

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
home = "/srv/ratewright"

[serve]
address = "127.0.0.1:7001"   # of this machine
source = [
  "stream",
  "address = not a key",
]

[limits]
calls_per_second = 20

[limits.operators."switch.7"]
calls_per_second = 900
"""


def read(folder: Path, text: str = "", given: dict[str, object] | None = None, **environment: str) -> reading.Configuration:
    """The configuration of a file of that text, with options and variables."""
    file = folder / "service.toml"
    file.write_text(text)
    return reading.read(file, given or {}, environment)


def problems(found: reading.Configuration) -> list[tuple[str, str, str, str]]:
    """All mistakes, as a command shows them: place, line and key, message, remedy."""
    with pytest.raises(ProblemsError) as raised:
        reading.raise_mistakes([*found.mistakes, *checking.mistakes(found)])
    assert raised.value.exit_status == 2
    return [(each.file.rpartition("/")[2], each.path, each.message, each.remedy) for each in raised.value.problems]


def test_values_and_their_lines(tmp_path: Path) -> None:
    found = read(tmp_path, FILE)
    assert found.mistakes == []
    file = str(tmp_path / "service.toml")
    assert found.found["home"] == ("/srv/ratewright", Place(file, "line 1"))
    assert found.found["serve.address"] == ("127.0.0.1:7001", Place(file, "line 4"))
    assert found.found["serve.source"] == (("stream", "address = not a key"), Place(file, "line 5")), "line 7 is within a value"
    assert found.found["limits.calls_per_second"] == (20, Place(file, "line 11"))
    assert found.of_operators == {"switch.7": {"calls_per_second": (900, Place(file, "line 14"))}}
    assert found.found["limits.streams"] == (32, Place("default"))


PLACES = ("default", "file", "environment", "command line")


@pytest.mark.parametrize("has", list(itertools.product((False, True), repeat=3)), ids=str)
def test_the_most_direct_place_wins(tmp_path: Path, has: tuple[bool, bool, bool]) -> None:
    """Command line over environment over file over default, in every combination."""
    in_file, in_environment, in_options = has
    text = '[serve]\naddress = "127.0.0.1:1"\n' if in_file else ""
    environment = {"RATEWRIGHT_SERVE_ADDRESS": "127.0.0.1:2"} if in_environment else {}
    found = read(tmp_path, text, {"serve.address": "127.0.0.1:3" if in_options else None}, **environment)
    value, place = found.found["serve.address"]
    port = 3 if in_options else 2 if in_environment else 1 if in_file else 50051
    assert value == f"127.0.0.1:{port}"
    file = str(tmp_path / "service.toml")
    expected = {3: "command line --address", 2: "environment RATEWRIGHT_SERVE_ADDRESS", 1: f"{file} line 2", 50051: "default"}
    assert str(place) == expected[port]


def test_a_false_of_the_command_line_is_a_value(tmp_path: Path) -> None:
    found = read(tmp_path, "[serve]\nreflection = true\n", {"serve.reflection": False})
    assert found.found["serve.reflection"] == (False, Place("command line", "--reflection"))


MISTAKES = """\
hmoe = "/srv"
[serve]
address = 50051
metrics_address = "0.0.0.0:9100"
log_format = "xml"
tls_cert = "cert.pem"
calls_per_second = 3
[limits]
streams = 0
deadline_required = "yes"
"""


def test_all_mistakes_at_once_each_with_its_place_and_remedy(tmp_path: Path) -> None:
    environment = {"RATEWRIGHT_LIMITS_STREAM": "4", "RATEWRIGHT_LIMITS_ROWS_PER_SECOND": "many", "RATEWRIGHT_TODAY": "of other commands"}
    assert problems(read(tmp_path, MISTAKES, {"serve.certified_address": "x"}, **environment)) == [
        ("service.toml", "line 1: hmoe", "there is no such key", "the nearest name is home"),
        ("service.toml", "line 7: serve.calls_per_second", "there is no such key", "the nearest name is limits.calls_per_second"),
        ("environment", "RATEWRIGHT_LIMITS_STREAM: RATEWRIGHT_LIMITS_STREAM"[:24], "there is no such variable",
         "the nearest name is RATEWRIGHT_LIMITS_STREAMS"),
        ("service.toml", "line 3: serve.address", "address is not a text", 'write a text in quotes: address = "..."'),
        ("service.toml", "line 5: serve.log_format", "log_format cannot be 'xml'", "give text or json"),
        ("service.toml", "line 9: limits.streams", "streams 0 is not between 1 and 1,000", "the default is 32"),
        ("service.toml", "line 10: limits.deadline_required", "deadline_required is not true or false",
         "write deadline_required = true, or false"),
        ("environment", "RATEWRIGHT_LIMITS_ROWS_PER_SECOND: limits.rows_per_second", "rows_per_second is not a whole number",
         "write digits without quotes, such as rows_per_second = 1000000"),
        ("command line", "--certified-address: serve.certified_address", "address 'x' is not HOST:PORT",
         "give one such as 127.0.0.1:50051; port 0 takes a free one"),
        ("service.toml", "line 6: serve.tls_cert", "--tls-cert and --tls-key belong together",
         "give both, or neither on a loopback address"),
        ("service.toml", "line 4: serve.metrics_address", "metrics are not answered on 0.0.0.0:9100, which other machines reach",
         "give an address of 127.0.0.1; let a collector of this machine hand them on"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("home = /srv\n", "line 1"),
        ('[serve]\naddress = "a"\naddress = "b"\n', "line 3"),
        ('home = "a\n', "line 1"),
        ("[serve]\nsource = [", "line 2"),
        ('home = "a"\nhome.x = 1\n', "line 2"),
    ],
)
def test_a_file_that_is_no_toml_has_the_line(tmp_path: Path, text: str, place: str) -> None:
    [(file, where, message, _)] = problems(read(tmp_path, text))
    assert (file, where, message) == ("service.toml", place, "the file cannot be read as TOML from here on")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    [(_, where, message, remedy)] = problems(reading.read(tmp_path / "none.toml", {}, {}))
    assert (where, message) == ("file", "the file cannot be read: No such file or directory")
    assert remedy == "name a file that this account may read"


SECRET = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"  # noqa: S105 -- no key


@pytest.mark.parametrize("where", ["file", "environment", "unknown key", "option"])
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, where: str) -> None:
    text = {"file": f'[serve]\ntls_key = """{SECRET}"""\n', "unknown key": f'[serve]\ntoken = """{SECRET}"""\n'}.get(where, "")
    environment = {"RATEWRIGHT_SERVE_TLS_KEY": SECRET} if where == "environment" else {}
    found = read(tmp_path, text, {"serve.tls_key": SECRET if where == "option" else None}, **environment)
    with pytest.raises(UserError) as raised:
        reading.raise_mistakes([*found.mistakes, *checking.mistakes(found)])
    told = "\n".join(raised.value.lines())
    assert "MIGH" not in told
    assert "PRIVATE" not in told
    assert "tls_key" in told or "token" in told or "name the file" in told


def test_every_setting_has_a_place_of_its_own() -> None:
    variables = [each.variable for each in table.SETTINGS]
    options = [each.option for each in table.SETTINGS if each.option]
    assert len(set(variables)) == len(variables) == 19
    assert len(set(options)) == len(options) == 12
    for each in table.SETTINGS:
        assert each.default is None or not reading._fault(each, list(each.default) if isinstance(each.default, tuple) else each.default)[0]  # noqa: SLF001 -- a default that were a mistake could not be written into a file
