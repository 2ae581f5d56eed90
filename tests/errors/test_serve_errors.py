"""What `ratewright serve` refuses, before it makes or opens anything."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.errors.conftest import COMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow

# words after `serve`, exit status, golden text
WRONG_CALLS: list[tuple[Sequence[str], int, str]] = [
    (["--address", "0.0.0.0:50051"], 2, "no_tls"),
    (["--address", "[::]:0"], 2, "no_tls_ipv6"),
    (["--address", "billing.example:50051"], 2, "no_tls_name"),
    (["--address", "127.0.0.1"], 2, "no_port"),
    (["--address", "127.0.0.1:65536"], 2, "port_too_large"),
    (["--tls-cert", "cert.pem"], 2, "half_tls"),
    (["--address", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"], 2, "no_certificate"),
    (["--source", "../../etc/passwd"], 2, "source_name"),
    (["--port-file", "nowhere/port", "--address", "127.0.0.1:0"], 2, "port_file"),
    (["--port-file", ".", "--address", "127.0.0.1:0"], 2, "port_file_folder"),
    (["--nonsense"], 2, "unknown_option"),
    (["--metrics-address", "0.0.0.0:9464"], 2, "open_metrics"),
    (["--log-format", "xml"], 2, "log_format"),
    (["--config", "none.toml"], 2, "no_configuration"),
    (
        ["--address", "0.0.0.0:1", "--metrics-address", "9464", "--certified-address", "127.0.0.1:2", "--client-ca", "none.pem"],
        2,
        "several",
    ),
]


@pytest.mark.parametrize(("words", "status", "golden"), WRONG_CALLS)
def test_wrong_calls(provoke: Provoke, tmp_path: Path, words: Sequence[str], status: int, golden: str) -> None:
    provoke(["serve", "--home", tmp_path / "home", *words], status=status, golden=f"serve/{golden}", unchanged=tmp_path)


def test_mistakes_of_a_configuration(provoke: Provoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the file, the environment and the command line, at once."""
    file = tmp_path / "service.toml"
    file.write_text('[serve]\nadress = "127.0.0.1:0"\ntls_cert = "cert.pem"\n[limits]\nstreams = "4"\n[metrics]\naddress = "127.0.0.1:1"\n')
    monkeypatch.setenv("RATEWRIGHT_LIMITS_DEADLINE_MAX_S", "0")
    words = ["--config", file, "--metrics-address", "10.0.0.7:9464"]
    provoke(["serve", "--home", tmp_path / "home", *words], status=2, golden="serve/configuration", unchanged=tmp_path)
    provoke(["config", "show", "--home", tmp_path / "home", *words], status=2, golden="serve/configuration", unchanged=tmp_path)


def test_certificate_that_is_none(provoke: Provoke, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("hello\n")
    (tmp_path / "key.pem").chmod(0o600)
    words = ["--address", "0.0.0.0:0", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    provoke(["serve", "--home", tmp_path / "home", *words], status=1, golden="serve/bad_certificate", unchanged=tmp_path)


def test_key_that_others_may_read(provoke: Provoke, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("hello\n")
    (tmp_path / "key.pem").chmod(0o644)
    words = ["--address", "0.0.0.0:0", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    provoke(["serve", "--home", tmp_path / "home", *words], status=1, golden="serve/open_key", unchanged=tmp_path)


def test_port_in_use(provoke: Provoke, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = ["serve", "--home", tmp_path / "home", "--address", f"127.0.0.1:{port}"]
        provoke(words, status=1, golden="serve/port_in_use", unchanged=tmp_path, process=True, port=port)
    assert not (tmp_path / "home").exists()


def test_a_second_server_on_the_port_of_the_first(provoke: Provoke, tmp_path: Path) -> None:
    """Without so_reuseport off both would run, and each call would reach one of them by chance."""
    words = ["serve", "--home", str(tmp_path / "first"), "--address", "127.0.0.1:0", "--port-file", str(tmp_path / "port")]
    first = subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert "serving" in first.stdout.readline()
        port = int((tmp_path / "port").read_text())
        words = ["serve", "--home", str(tmp_path / "second"), "--address", f"127.0.0.1:{port}"]
        provoke(words, status=1, golden="serve/port_in_use", process=True, port=port)
        assert not (tmp_path / "second").exists()
    finally:
        first.terminate()
        assert first.wait(30) == 0
        first.stdout.close()


def test_home_that_is_a_file(provoke: Provoke, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    words = ["serve", "--home", tmp_path / "home", "--address", "127.0.0.1:0"]
    provoke(words, status=2, golden="serve/home_is_a_file", unchanged=tmp_path)
