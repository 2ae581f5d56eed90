"""`ratewright serve` as those who run it meet it: configuration, metrics, log, no core files; and `ratewright config show`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from ratewright.v1 import account_service_pb2, account_service_pb2_grpc
from server.cli import app
from server.configuration import table
from tests.server.access.test_limits import detail
from tests.server.cli.test_serve import serving
from tests.server.grpc.calls import DEADLINE_S, ipc, records, send

pytestmark = pytest.mark.slow
FOLDER = Path("examples/operations")
METRICS = re.compile(r"metrics are on (http://127\.0\.0\.1:\d+/metrics)")
PERSON = "8613900000001"
METRIC = re.compile(r"ratewright_\w+")


def get_account(channel: grpc.Channel, name: str, deadline_s: float | None = DEADLINE_S) -> object:
    request = account_service_pb2.GetAccountRequest(name=name)
    return account_service_pb2_grpc.AccountServiceStub(channel).GetAccount(request, timeout=deadline_s)


def test_a_service_from_its_file(tmp_path: Path) -> None:
    """Metrics, the log, limits and health come from one file; every metric of the alert rules is there."""
    file = tmp_path / "service.toml"
    file.write_text(
        '[serve]\nmetrics_address = "127.0.0.1:0"\nlog_format = "json"\n[limits]\ndeadline_required = true\ndeadline_max_s = 30\n'
    )
    with serving(tmp_path, "--config", str(file)) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        with server.channel() as channel:
            assert [ack.accepted for ack in send(channel, ipc(records([1])))] == [1]
            with pytest.raises(grpc.RpcError) as raised:
                get_account(channel, f"accounts/{PERSON}")
            request_id = detail(raised.value, error_details_pb2.RequestInfo).request_id
            for deadline_s in (None, 32):
                with pytest.raises(grpc.RpcError) as refused:
                    get_account(channel, "accounts/x", deadline_s)
                assert detail(refused.value, error_details_pb2.ErrorInfo).reason == "DEADLINE_REQUIRED"
        lines: list[dict[str, object]] = []
        assert server.process.stderr is not None
        while not lines or lines[-1]["event"] != "token_written":
            lines.append(json.loads(server.process.stderr.readline()))
        [address] = [each["address"] for each in lines if each["event"] == "metrics_answered"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=DEADLINE_S) as answer:
            page = answer.read().decode()
        server.process.send_signal(signal.SIGHUP)
        while lines[-1]["event"] != "keys_read":
            lines.append(json.loads(server.process.stderr.readline()))
        [key] = (server.home / "keys").glob("token-*.pem")
        key.chmod(0o644)
        server.process.send_signal(signal.SIGHUP)
        while lines[-1]["event"] != "warning":
            lines.append(json.loads(server.process.stderr.readline()))
        assert str(lines[-1]["text"]).startswith(
            f"keys are not read again: {key} may be read or changed by others than its owner; remedy: "
        )
        with server.channel() as channel:
            assert [ack.duplicate for ack in send(channel, ipc(records([1])))] == [1], "the keys of before go on"
        server.process.send_signal(signal.SIGTERM)
        out, err = server.process.communicate(timeout=DEADLINE_S + 20)
    assert re.search(r"Max core file size\s+0\s+0\s", limits)
    lines += [json.loads(line) for line in err.splitlines()]
    assert (out, server.process.returncode) == ("", 0)
    assert [each["event"] for each in lines] == [
        "metrics_answered", "serving", "token_written", "call refused", "call refused", "call refused", "keys_read", "warning",
        "stopping", "stopped",
    ]  # fmt: skip
    refused_line = lines[3]
    assert {key: refused_line[key] for key in ("level", "code", "reason", "request_id", "call")} == {
        "level": "info",
        "code": "NOT_FOUND",
        "reason": "ACCOUNT_UNKNOWN",
        "request_id": request_id,
        "call": "ratewright.v1.AccountService/GetAccount",
    }
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(refused_line["time"]))
    token = (server.home / "keys" / "local-token").read_text().strip()
    told = page + json.dumps(lines)
    assert not [each for each in (PERSON, token, token.rpartition(".")[2]) if each in told], "no customer and no secret"
    assert 'ratewright_rows_total{status="accepted"} 1.0' in page
    assert "ratewright_store_up 1.0" in page
    assert "ratewright_serving 1.0" in page
    named = set(METRIC.findall("".join(line for line in (FOLDER / "alerts.yaml").read_text().splitlines() if "expr:" in line)))
    families = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    assert len(named) == 14
    assert {re.sub(r"_bucket$", "", each) for each in named} <= families


def test_a_metrics_address_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path, "--metrics-address", "127.0.0.1:0") as server:
        assert server.process.stdout is not None
        found = METRICS.search(server.process.stdout.readline())
        assert found is not None
        port = found[1].split(":")[2].partition("/")[0]
        words = ["serve", "--home", str(tmp_path / "other"), "--address", "127.0.0.1:0", "--metrics-address", f"127.0.0.1:{port}"]
        ran = subprocess.run(
            [Path(sys.executable).with_name("ratewright"), *words], capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
    assert ran.returncode == 1
    assert f"cannot answer metrics on 127.0.0.1:{port}: Address already in use" in ran.stderr
    assert capsys.readouterr().out == ""


def test_config_show_says_where_each_value_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.toml"
    file.write_text('home = "/srv/home"\n[limits]\nstreams = 4\n[limits.operators.switch-1]\nstreams = 9\n')
    monkeypatch.setenv("RATEWRIGHT_CONFIG", str(file))
    monkeypatch.setenv("RATEWRIGHT_LIMITS_CALLS_PER_SECOND", "7")
    assert app.main(["config", "show", "--address", "127.0.0.1:9"]) == 0
    shown = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    rows = {cells[0]: cells[1:] for cells in shown}
    assert rows["home"] == ["/srv/home", f"{file} line 1"]
    assert rows["serve.address"] == ["127.0.0.1:9", "command line --address"]
    assert rows["limits.streams"] == ["4", f"{file} line 3"]
    assert rows["limits.calls_per_second"] == ["7", "environment RATEWRIGHT_LIMITS_CALLS_PER_SECOND"]
    assert rows["limits.operators.switch-1.streams"] == ["9", f"{file} line 5"]
    assert rows["limits.deadline_max_s"] == ["600", "default"]
    assert app.main(["config", "show", "--json"]) == 0
    told = {each["key"]: each for each in json.loads(capsys.readouterr().out)}
    assert set(told) == {each.key for each in table.SETTINGS} | {"limits.operators.switch-1.streams"}
    assert told["limits.streams"] == {
        "key": "limits.streams", "value": 4, "from": str(file), "at": "line 3", "option": "", "variable": "RATEWRIGHT_LIMITS_STREAMS",
    }  # fmt: skip


def test_the_process_of_an_operation_leaves_no_core_file() -> None:
    program = (
        "import os, resource; from server.operations import __main__ as it; "
        "it.doing.do = lambda *_: print(resource.getrlimit(resource.RLIMIT_CORE)); it.main('home', 'name', os.open('/dev/null', os.O_RDWR))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "(0, 0)\n"), ran.stderr
