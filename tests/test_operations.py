"""The files of examples/operations and docs/operations.md hold to the program: settings, alerts, the unit of systemd."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.cli import app
from server.cli.serve_options import ServeOptions
from server.configuration import checking, reading, table
from server.observing.prometheus import PrometheusMeter, State, Work
from tests.server.grpc.certificates import make

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples/operations"
PAGE = (ROOT / "docs/operations.md").read_text("utf-8")
RULES = [rule for group in msgspec.yaml.decode((FOLDER / "alerts.yaml").read_bytes())["groups"] for rule in group["rules"]]
RIGHTS = {  # of the unit: what keeps a process that was taken over inside
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "CapabilityBoundingSet": "",
    "LimitCORE": "0", "UMask": "0077", "RestrictSUIDSGID": "yes", "SystemCallFilter": "@system-service",
    "Restart": "on-failure", "KillMode": "process",
}  # fmt: skip


def unit() -> dict[str, str]:
    """The section of the unit that says how the service runs."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign] -- as configparser has it: keys as they are written
    parser.read(FOLDER / "ratewright.service")
    assert set(parser) == {"DEFAULT", "Unit", "Service", "Install"}
    return dict(parser["Service"])


def accepted(command: str) -> tuple[str, dict[str, Any]]:
    """The function and the arguments of a command line, as the program reads them; it is not run."""
    program, *words = shlex.split(command)
    assert program.endswith("/bin/ratewright")
    function, bound, unused = app.build().parse_args(words, exit_on_error=False, print_error=False)[:3]
    assert not unused
    return function.__name__, bound.arguments


def test_the_command_lines_of_the_unit_are_accepted() -> None:
    file = Path("/etc/ratewright/ratewright.toml")
    for key, name in (("ExecStart", "serve"), ("ExecStartPre", "show")):
        function, arguments = accepted(unit()[key])
        assert (function, arguments["options"]) == (name, ServeOptions(config=file))


def test_the_unit_gives_no_rights_away() -> None:
    found = unit()
    assert {key: found.get(key) for key in RIGHTS} == RIGHTS
    assert "MemoryDenyWriteExecute" not in found, "kernels are compiled in the process"
    assert int(found["TimeoutStopSec"]) > 25, "a stop drains for so long"
    assert found["ExecReload"] == "/bin/kill -HUP $MAINPID"
    home = reading.read(FOLDER / "ratewright.toml", {}, {}).value("home")
    assert home.startswith(found["ReadWritePaths"] + "/")


def test_the_configuration_of_the_example_has_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = make(tmp_path)
    text = (FOLDER / "ratewright.toml").read_text("utf-8")
    for name, path in (("/etc/ratewright/keys/server.pem", certificate), ("/etc/ratewright/keys/server-key.pem", key)):
        assert name in text
        text = text.replace(name, str(path))
    file = tmp_path / "ratewright.toml"
    file.write_text(text)
    assert app.main(["config", "show", "--config", str(file)]) == 0
    assert "limits.operators.switch-1.rows_per_second" in capsys.readouterr().out


def test_the_configuration_of_the_page_has_no_mistake(tmp_path: Path) -> None:
    [block] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "page.toml").write_text(block)
    found = reading.read(tmp_path / "page.toml", {}, {})
    assert found.mistakes + checking.mistakes(found) == []
    assert found.of_operators["switch-1"]["rows_per_second"].value == 2_000_000


def test_the_page_lists_every_setting_with_its_default() -> None:
    listed = {
        key: (default, about) for key, default, about in re.findall(r"^\| `([a-z_.]+)` \| (?:`(.*?)`)? ?\| (.*) \|$", PAGE, re.MULTILINE)
    }
    assert listed == {each.key: (_text(each.default), each.about) for each in table.SETTINGS}


def _text(value: table.Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def test_mistakes_are_shown_as_the_page_says(tmp_path: Path) -> None:
    rows = ["[serve]", "", "", 'adress = "0.0.0.0:50051"', "", "", "", "[limits]", "streams = 0"]
    (tmp_path / "ratewright.toml").write_text("\n".join(rows))
    found = reading.read(tmp_path / "ratewright.toml", {}, {"RATEWRIGHT_SERVE_LOG_FORMAT": "xml"})
    with pytest.raises(reading.ProblemsError) as raised:
        reading.raise_mistakes(found.mistakes)
    told = "\n".join(raised.value.lines()).replace(str(tmp_path), "/etc/ratewright")
    assert f"```\n{told}\n```" in PAGE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_has_its_remedy(rule: dict[str, Any]) -> None:
    """Metrics that rules name are looked for on the page of a running service: tests/server/cli/test_serve_operations.py."""
    found = re.search(rf"^### {rule['alert']}\n\n(.+)$", PAGE, re.MULTILINE)
    assert found is not None
    assert len(found[1]) > 40
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")


def test_metrics_that_rules_and_the_page_name_are_there() -> None:
    meter = PrometheusMeter(lambda: State([Work("bill_run", "rating", 0, 0)], 0, 0))
    known = {name for family in meter.registry.collect() for name in (family.name, f"{family.name}_total", f"{family.name}_bucket")}
    rules = {name for rule in RULES for name in re.findall(r"ratewright_\w+", rule["expr"])}
    page = set(re.findall(r"`(ratewright_\w+)`", PAGE))
    assert len(rules) == 14
    assert len(page) >= 16
    assert rules | page <= known


def test_no_remedy_is_left_of_an_alert_that_is_gone() -> None:
    assert re.findall(r"^### (Ratewright\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]
