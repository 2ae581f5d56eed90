"""Kills at random of the service, of the client and of the connection: what was sent is stored, once.

Each kill happens while a stretch of batches is sent. It is noted whether the client had read a batch that was not acked. RATEWRIGHT_KILLS
says how many kills there are of each kind; a few without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing.intake.taking import Intake
from billing.store.home import Home
from server.client import Connection, Progress, Retries, Switch
from tests.server.client.kills import ROWS, SECOND_US, Cable, Watched

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.client.conftest import Killable

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("RATEWRIGHT_KILLS", "4"))
BATCHES = 12  # of a stretch
PAUSE_MAX_S = 0.03
IN_FLIGHT_SHARE_MIN = 3  # of so many kills one at least comes between the first byte of a batch and its ack
STREAM = "switch-7"


class Stretch:
    """Batches on their way, and a kill: it comes soon after the client has read a batch that is chosen at random."""

    def __init__(self, number: int, random: Random) -> None:
        self.first = number * BATCHES
        self._fatal = self.first + random.randrange(BATCHES)
        self._pause_s = random.random() * PAUSE_MAX_S
        self._is_due = threading.Event()
        self.read = self.acked = self.first

    def note_read(self, offset: int) -> None:
        """The client takes the batch at an offset."""
        self.read = max(self.read, offset + 1)
        if offset >= self._fatal:
            self._is_due.set()

    def note_acked(self, progress: Progress) -> None:
        """All batches before an offset are durable."""
        self.acked = progress.next_offset

    def wait(self) -> bool:
        """Wait until the kill is due; whether a batch is in flight then."""
        assert self._is_due.wait(60)
        time.sleep(self._pause_s)
        return self.read > self.acked

    @property
    def batches(self) -> Watched:
        """The batches that the client sends."""
        return Watched(self.first, BATCHES, self.note_read)


def _require_all(home: Path, switch: Switch, in_flight: int) -> None:
    """All rows are stored, once, with their own durations; none was ever taken for a duplicate; enough kills came in the middle."""
    sent = KILLS * BATCHES
    found = switch.stream(STREAM)
    assert (found.next_offset, found.rows.accepted, found.rows.duplicate) == (sent, sent * ROWS, 0)
    with Home.open(home) as opened, opened.connect() as connection:
        table = Intake(opened).usage(["record_id", "duration_us"], opened.head_seq(connection))
    stored = dict(zip(table["record_id"].to_pylist(), table["duration_us"].to_pylist(), strict=True))
    assert table.num_rows == sent * ROWS
    assert stored == {f"call-{each}": (each // ROWS + 1) * SECOND_US for each in range(sent * ROWS)}
    assert sum(stored.values()) == ROWS * SECOND_US * sent * (sent + 1) // 2
    sys.stdout.write(f"{KILLS} kills, {in_flight} of them between the first byte of a batch and its ack; {sent * ROWS} rows\n")
    assert in_flight * IN_FLIGHT_SHARE_MIN >= KILLS


def test_kills_of_the_service(killable: Killable) -> None:
    killable.start()
    random, in_flight = Random(1), list[bool]()
    with killable.connect() as connection:
        switch = Switch(connection)
        for number in range(KILLS):
            stretch = Stretch(number, random)

            def kill(stretch: Stretch = stretch) -> None:
                in_flight.append(stretch.wait())
                killable.kill()
                assert killable.process is not None
                killable.process.wait()
                killable.start()

            killer = threading.Thread(target=kill)
            killer.start()
            switch.send(stretch.batches, STREAM, first_offset=stretch.first, progress=stretch.note_acked)
            killer.join()
        _require_all(killable.folder / "home", switch, sum(in_flight))
    assert killable.starts == KILLS + 1


def test_kills_of_the_client(killable: Killable) -> None:
    """A sender that is killed is started again; it asks the service where to go on."""
    killable.start()
    random, in_flight = Random(2), list[bool]()
    token = killable.folder / "home" / "keys" / "local-token"
    for number in range(KILLS):
        stretch = Stretch(number, random)
        words = [sys.executable, "-m", "tests.server.client.kills", f"127.0.0.1:{killable.port}", token, STREAM, stretch.first, BATCHES]
        command = list(map(str, words))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
            assert sender.stdout is not None

            def kill(stretch: Stretch = stretch, sender: subprocess.Popen[bytes] = sender) -> None:
                in_flight.append(stretch.wait())
                sender.kill()

            killer = threading.Thread(target=kill)
            killer.start()
            for line in sender.stdout:
                word, offset = msgspec.json.decode(line)
                if word == "read":
                    stretch.note_read(offset)
                else:
                    stretch.acked = offset
            killer.join()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with killable.connect() as connection:
        _require_all(killable.folder / "home", Switch(connection), sum(in_flight))


def test_cuts_of_the_connection(killable: Killable) -> None:
    killable.start()
    random, in_flight, ended = Random(3), list[bool](), 0
    cable = Cable(int(killable.port))
    token = killable.folder / "home" / "keys" / "local-token"
    with Connection(f"127.0.0.1:{cable.port}", token_file=token, retries=Retries(attempts_max=20)) as connection:
        switch = Switch(connection)
        for number in range(KILLS):
            stretch = Stretch(number, random)
            cuts: list[int] = []

            def cut(stretch: Stretch = stretch, cuts: list[int] = cuts) -> None:
                in_flight.append(stretch.wait())
                cuts.append(cable.cut())

            killer = threading.Thread(target=cut)
            killer.start()
            switch.send(stretch.batches, STREAM, first_offset=stretch.first, progress=stretch.note_acked)
            killer.join()
            ended += cuts[0] > 0
        _require_all(killable.folder / "home", switch, sum(in_flight))
    cable.close()
    assert ended == KILLS
