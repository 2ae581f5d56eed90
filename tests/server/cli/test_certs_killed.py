"""`certs issue` killed before and after each of its steps: no certificate holds that nobody has, and the next command is answered as asked.

Two commands at once, two homes with one folder, and files of others: what is there stays, and what is refused leaves no certificate.
"""

from __future__ import annotations

import itertools
import os
import signal
import stat
from typing import TYPE_CHECKING, Any
from unittest import mock

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
    return made_home(tmp_path / "home")


def made_home(place: Path) -> Path:
    """A home with an authority, an admin, and the operator fin."""
    Home.open(place, create=True).close()
    for words in (("operators", "add", "boss", "--account", UID), ("certs", "init"), ("operators", "add", "fin")):
        assert main([*map(str, words), "--home", str(place)]) == 0
    return place


def killed_at(step: int, words: list[str]) -> bool:
    """Give a command in a process that kills itself at a step: before or after it writes or deletes a file or a row."""
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

        for name in ("fsync", "link", "unlink"):
            setattr(os, name, with_kill(getattr(os, name)))
        key_files.write_private = with_kill(key_files.write_private)
        operators.issue_key = with_kill(operators.issue_key)
        operators.revoke_key = with_kill(operators.revoke_key)
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


def held_pairs(out: Path, whose: str) -> set[str]:
    """Serial numbers of the whole pairs in a folder: by their names, or by the names of their parts."""
    if not out.is_dir():
        return set()
    parts = {each.name.split(".")[3]: each for each in out.glob(f".{whose}.*.pem.part") if not each.name.endswith("-key.pem.part")}
    pairs = [(each, each.with_name(each.name.replace(".pem.part", "-key.pem.part"))) for each in parts.values()]
    pairs.append((out / f"{whose}.pem", out / f"{whose}-key.pem"))
    return {pair_of(*each) for each in pairs if all(file.exists() and file.stat().st_size for file in each)}


@pytest.mark.parametrize("whose", ["fin", "server"])
@pytest.mark.parametrize("is_second", [False, True])
def test_a_kill_at_each_step(home: Path, tmp_path: Path, whose: str, is_second: bool) -> None:  # noqa: FBT001 -- a parameter
    """`is_second`: the command was killed before already, with its key named alone."""
    of = ["fin"] if whose == "fin" else ["--host", "localhost"]
    before = stored(home)
    for step in range(1, 90):
        out = tmp_path / f"out-{step}"
        words = ["certs", "issue", *of, "--out", str(out), "--home", str(home)]
        if is_second:
            killed_after(words, os, "link")
        is_killed = killed_at(step, words)
        assert stored(home) - before <= held_pairs(out, whose), "the owner of the folder has each that holds"
        if is_killed:
            is_given = (out / f"{whose}.pem").exists()  # the last name was given: the files are left alone
            assert main(words) == (2 if is_given else 0), step
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


def killed_after(words: list[str], module: Any, name: str, call: int = 1) -> None:  # noqa: ANN401 -- a module
    """Give a command in a process that kills itself after a call of a function, the first one if `call` is not given."""
    child = os.fork()
    if child == 0:
        function, calls = getattr(module, name), itertools.count(1)

        def called(*args: Any, **more: Any) -> None:  # noqa: ANN401 -- handed on
            function(*args, **more)
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(module, name, called)
        os._exit(main(words))
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def hosts_and_days(file: Path) -> tuple[list[str], int]:
    found = x509.load_pem_x509_certificate(file.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName), (found.not_valid_after_utc - found.not_valid_before_utc).days


def test_another_question_after_a_kill_has_its_own_answer(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, at_home = str(tmp_path / "out"), ("--home", str(home))
    killed_after(["certs", "issue", "--host", "old.example", "--days", "30", "--out", out, *at_home], os, "link")
    assert main(["certs", "issue", "--host", "new.example", "--out", out, *at_home]) == 0
    assert hosts_and_days(tmp_path / "out" / "server.pem") == (["new.example"], 365)
    killed_after(["certs", "issue", "fin", "--days", "1", "--out", out, *at_home], os, "link")
    (left,) = stored(home)
    capfd.readouterr()
    assert main(["certs", "issue", "fin", "--days", "40", "--out", out, *at_home]) == 0
    assert capfd.readouterr().err == "certificate 1 holds no more: its files got no names, and are deleted\n"
    assert hosts_and_days(tmp_path / "out" / "fin.pem")[1] == 40
    assert stored(home) == {pair_of(tmp_path / "out" / "fin.pem", tmp_path / "out" / "fin-key.pem")} != {left}


def test_a_pair_that_was_moved_away_holds(home: Path, tmp_path: Path) -> None:
    """The command was killed after both files had their names."""
    out = tmp_path / "out"
    words = ["certs", "issue", "fin", "--out", str(out), "--home", str(home)]
    killed_after(words, os, "link", call=2)
    moved = [(out / name).rename(tmp_path / name) for name in ("fin.pem", "fin-key.pem")]
    assert main(words) == 0
    assert stored(home) == {pair_of(*moved), pair_of(out / "fin.pem", out / "fin-key.pem")}
    assert len(list(out.iterdir())) == 2


@pytest.mark.parametrize("file", ["fin.pem", "fin-key.pem"])
def test_a_file_that_came_there_meanwhile_is_left_alone(home: Path, tmp_path: Path, file: str) -> None:
    """It comes after a kill; or after the command has looked, when its certificate is stored already."""
    out = tmp_path / "out"
    words = ["certs", "issue", "fin", "--out", str(out), "--home", str(home)]
    killed_after(words, operators, "issue_key")
    assert len(stored(home)) == 1
    (out / file).write_text("PRECIOUS")
    assert main(words) == 2
    assert [each.read_text() for each in out.iterdir()] == ["PRECIOUS"]
    assert stored(home) == set()
    (out / file).unlink()
    issue_key = operators.issue_key

    def issued_late(*args: Any, **more: Any) -> int:  # noqa: ANN401 -- handed on
        (out / file).write_text("PRECIOUS")
        return issue_key(*args, **more)

    with mock.patch.object(operators, "issue_key", issued_late):
        assert main(words) == 2
    assert [each.read_text() for each in out.iterdir()] == ["PRECIOUS"]
    assert stored(home) == set()


def test_parts_of_another_home_are_left_alone(home: Path, tmp_path: Path) -> None:
    """The first home's pair holds: its parts stay, and its own next command takes them back."""
    out, other = tmp_path / "out", made_home(tmp_path / "other")
    words = ["certs", "issue", "fin", "--out", str(out)]
    killed_after([*words, "--home", str(home)], operators, "issue_key")
    parts = {each: each.read_bytes() for each in out.glob(".fin.*")}
    assert (len(stored(home)), len(parts)) == (1, 2)
    assert main([*words, "--home", str(other)]) == 0
    assert {each: each.read_bytes() for each in out.glob(".fin.*")} == parts
    assert stored(other) == {pair_of(out / "fin.pem", out / "fin-key.pem")}
    assert main([*words, "--home", str(home)]) == 2, "the names are taken"
    assert (stored(home), list(out.glob(".fin.*"))) == (set(), [])


def test_the_second_of_two_at_once_is_refused(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It comes when the first one has written its files and stores its certificate."""
    out = tmp_path / "out"
    words = ["certs", "issue", "fin", "--out", str(out), "--home", str(home)]
    issue_key, second = operators.issue_key, []

    def and_another(*args: Any, **more: Any) -> int:  # noqa: ANN401 -- handed on
        with mock.patch.object(operators, "issue_key", issue_key):
            second.append(main(words))
        return issue_key(*args, **more)

    with mock.patch.object(operators, "issue_key", and_another):
        assert main(words) == 0
    assert second == [1]
    assert f"another command issues a certificate into {out}" in capfd.readouterr().err
    assert stored(home) == {pair_of(out / "fin.pem", out / "fin-key.pem")}


def test_what_is_refused_leaves_no_file(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["certs", "issue", "nobody", "--out", str(out), "--home", str(home)]) == 1
    assert list(out.iterdir()) == []
