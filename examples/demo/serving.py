"""`ratewright serve` for the time of a stage, with the operators that call it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

import commands
import identities

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


class Server:
    """`ratewright serve` on a free loopback port over TLS, for the time of a `with`."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._port_file, self._log = home, folder / "serve.port", folder / "serve.log"
        self._pid_file, self._keys = folder / "serve.pid", folder / "keys"
        self._address = ""

    def __enter__(self) -> Self:
        self._end_left_over()
        self._port_file.unlink(missing_ok=True)
        identities.make(self._home, self._keys)
        tls = ("--tls-cert", self._keys / "server.pem", "--tls-key", self._keys / "server-key.pem")
        address = ("--address", f"{identities.HOST}:0", "--port-file", self._port_file)
        words = [commands.BIN / "ratewright", "serve", "--home", self._home, *address, *tls]
        with self._log.open("w", encoding="utf-8") as log:
            command = [str(word) for word in words]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=commands.environment())  # noqa: S603 - our own words
        self._pid_file.write_text(str(self._process.pid), encoding="utf-8")
        waited_until = time.monotonic() + START_TIMEOUT_S
        while not self._port_file.exists():
            if self._process.poll() is not None or time.monotonic() > waited_until:
                self._process.kill()
                raise commands.DemoError(
                    f"ratewright serve did not start:\n{self._log.read_text(encoding='utf-8')}", "mend it and give the same command again"
                )
            time.sleep(0.02)
        self._address = f"{identities.HOST}:{int(self._port_file.read_text(encoding='utf-8'))}"
        return self

    def words(self, operator: str) -> tuple[str | Path, ...]:
        """With which a client finds and knows the service, and shows who it is."""
        shown = ("--token-file", identities.token(self._keys, operator))
        return ("--address", self._address, "--ca", identities.authority(self._home), *shown)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._pid_file.unlink(missing_ok=True)

    def _end_left_over(self) -> None:
        """End the server of a demo that was killed without it. /proc tells that the process is still ours; elsewhere it is left alone."""
        with contextlib.suppress(OSError, ValueError):
            process = int(self._pid_file.read_text(encoding="utf-8"))
            if str(self._port_file) in Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8"):
                os.kill(process, signal.SIGTERM)
