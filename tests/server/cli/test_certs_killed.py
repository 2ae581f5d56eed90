"""`certs issue` killed before and after each of its steps: no certificate holds that nobody has, and the same command again works."""

from __future__ import annotations

import os
import signal
import stat
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from billing import operators
from billing.store.home import Home
from server.access import key_files
from server.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
UID = os.getuid()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an authority, an admin, and the operator fin."""
    place = tmp_path / "home"
    Home.open(place, create=True).close()
    for words in (("operators", "add", "boss", "--account", UID), ("certs", "init"), ("operators", "add", "fin")):
        assert main([*map(str, words), "--home", str(place)]) == 0
    return place


def killed_at(step: int, words: list[str]) -> bool:
    """Give a command in a process that kills itself at a step: before or after a file is opened, synced or renamed, or a row stored."""
    child = os.fork()
    if child == 0:
        count = 0

        def with_kill(function: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: Any, **more: Any) -> Any:  # noqa: ANN401 -- handed on
                nonlocal count
                for is_after in (False, True):
                    count += 1
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                    if not is_after:
                        made = function(*args, **more)
                return made

            return counted

        import server.access.issued_pairs as pairs  # noqa: PLC0415 -- in the child alone

        pairs.put = with_kill(pairs.put)
        key_files.write_private = with_kill(key_files.write_private)
        key_files.os.fsync = with_kill(os.fsync)  # type: ignore[attr-defined] -- of the module
        operators.issue_key = with_kill(operators.issue_key)
        os._exit(main(words))
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def stored(home: Path) -> set[str]:
    """Serial numbers of the certificates that hold."""
    with Home.open(home) as opened, opened.connect() as connection:
        return {key.subject for each in operators.list_operators(connection) for key in each.keys if key.kind == "certificate"}


def pair_of(certificate: Path, key: Path) -> str:
    """The serial number of a whole pair."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert key_files.read(key).public_key() == found.public_key()
    return f"{found.serial_number:x}"


@pytest.mark.parametrize("whose", ["fin", "server"])
def test_a_kill_at_each_step(home: Path, tmp_path: Path, whose: str) -> None:
    of = ["fin"] if whose == "fin" else ["--host", "localhost"]
    before = stored(home)
    for step in range(1, 60):
        out = tmp_path / f"out-{step}"
        words = ["certs", "issue", *of, "--out", str(out), "--home", str(home)]
        is_killed = killed_at(step, words)
        fresh = stored(home) - before
        if fresh:  # it holds: the owner of the folder has it whole
            parts = [out / f".{whose}.pem.part", out / f".{whose}-key.pem.part"]
            names = [out / f"{whose}.pem", out / f"{whose}-key.pem"]
            assert {pair_of(*(part if part.exists() else name for part, name in zip(parts, names, strict=True)))} == fresh
        if is_killed:
            is_done = (out / f"{whose}.pem").exists()  # the last step was taken: the files are left alone
            assert main(words) == (2 if is_done else 0), step
        made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in out.iterdir()}
        assert made == {f"{whose}.pem": 0o600, f"{whose}-key.pem": 0o600}, step
        serial = pair_of(out / f"{whose}.pem", out / f"{whose}-key.pem")
        now = stored(home) - before
        assert now == ({serial} if whose == "fin" else set()), "one certificate, that of the files"
        before |= now
        if not is_killed:
            assert main(words) == 2, "files that are named are left alone"
            return
    pytest.fail("there are more steps")


def test_what_is_refused_leaves_no_file(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["certs", "issue", "nobody", "--out", str(out), "--home", str(home)]) == 1
    assert list(out.iterdir()) == []
