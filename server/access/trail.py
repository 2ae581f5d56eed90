"""The trail of reads and refusals: one file a day in the home's folder `audit`, each entry chained to the one before.

Writes are in the chain of commits, in their transaction. Reads and refusals are written here before the answer leaves, and are on disk
within a second. An entry is a line of JSON; its `hash` is over the hash before it and its content. The first entry of a new day is behind
the end of the day before: the number of its entries and its last hash, signed by the key of the home. An end that was exported shows
whether the tail of a day was cut later.

An entry names subjects by key, never by a number or a name of a customer: erasing a customer leaves the chain whole.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from billing.store import lock
from rating.dates import utc_date
from rating.durable import sync_names
from rating.errors import UserError
from server.access import key_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER: Final = "audit"
SYNC_S: Final = 0.5
DIGEST_BYTES: Final = 16
START: Final = "0" * (2 * DIGEST_BYTES)
END: Final = "day_end"
WRITERS_MAX: Final = 100
_DAY: Final = len("2026-01-01")
_TAIL_BYTES: Final = 65_536  # longer than any line
_KEY_FILE: Final = "audit-key.pem"
_ENDING: Final = ".jsonl"
_OWNER_ONLY: Final = 0o600
_REFUSALS_KEPT_MAX: Final = 10_000  # peers of a minute whose refusals are summed apart


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One read or refusal. `outcome`: OK, or the reason of the refusal. `count`: of refusals that were summed."""

    at_us: int
    call: str
    outcome: str
    operator: str = ""
    number: int = 0
    via: str = ""
    roles: str = ""
    subject: str = ""
    reason: str = ""
    peer: str = ""
    request_id: str = ""
    count: int = 1


class Problem(NamedTuple):
    """An entry that is not as it was written."""

    file: str
    line: int
    what: str


class DayEnd(NamedTuple):
    """The signed end of a day."""

    day: str
    entries: int
    hash: str
    signature: str


class Trail:
    """Appends to the trail of a home. One process writes at a time: a second service of the same home has a file of its own."""

    def __init__(self, home: Path, now_us: int) -> None:
        self._folder = home / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._key = _key(home)
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str, str], list[int]] = {}
        self._held = contextlib.ExitStack()
        self._writer = _own_place(self._folder, now_us, self._held)
        self._day, self._count, self._hash = "", 0, START
        self._unsynced = False
        self._closed = threading.Event()
        self._open_day(now_us)
        self._thread = threading.Thread(target=self._sync_often, name="audit-sync", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Write an entry; it survives this process when this returns, and a power cut within a second."""
        with self._lock:
            self._append(entry)

    def add_refusal_of_nobody(self, entry: Entry) -> None:
        """Sum refusals of callers without an identity by peer and minute: they are written when the minute is over."""
        minute = entry.at_us // 60_000_000
        with self._lock:
            self._write_minutes_before(minute)
            name = (entry.peer, entry.call, entry.outcome)
            if name not in self._refused and len(self._refused) >= _REFUSALS_KEPT_MAX:
                name = ("others", "", entry.outcome)
            self._refused.setdefault(name, [entry.at_us, 0])[1] += 1

    def close(self) -> None:
        """Write what was summed, sync, and let another process write. May be called twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        with self._lock:
            self._write_minutes_before(None)
            os.fsync(self._file)
            os.close(self._file)
            self._held.close()

    def _write_minutes_before(self, minute: int | None) -> None:
        old = [name for name, (at_us, _) in self._refused.items() if minute is None or at_us // 60_000_000 < minute]
        for name in old:
            at_us, count = self._refused.pop(name)
            peer, call, outcome = name
            self._append(Entry(at_us, call, outcome, peer=peer, count=count))

    def _append(self, entry: Entry) -> None:
        day = str(utc_date(entry.at_us))
        if day > self._day:
            self._end_day()
            self._open_day(entry.at_us)
        self._write(msgspec.to_builtins(entry))

    def _write(self, content: dict[str, Any]) -> None:
        digest = _digest(self._hash, content)
        os.write(self._file, msgspec.json.encode({**content, "hash": digest}) + b"\n")
        self._hash, self._count, self._unsynced = digest, self._count + 1, True

    def _open_day(self, now_us: int) -> None:
        """Go on in the file of a day; one that a power cut has cut within its last line loses that half."""
        day = str(utc_date(now_us))
        path = self._folder / f"{day}{self._writer}{_ENDING}"
        last = _last_file(self._folder, self._writer)
        if last is not None and last.stem > path.stem:
            day, path = last.name[:_DAY], last  # the clock was set back: the trail goes on where it is
        if last is not None:
            _mend(last)
        previous = START if last is None else _head_of(last)
        self._count = _mend(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _OWNER_ONLY)
        sync_names(self._folder)
        if last is not None and last != path and not _is_ended(last):  # its process was killed before the day was over
            previous = _end_other(last, previous, self._key)
        self._day, self._hash = day, _head_of(path) if self._count else previous

    def _end_day(self) -> None:
        self._write(_end_of(self._day, self._count, self._hash, self._key))
        os.fsync(self._file)
        os.close(self._file)

    def _sync_often(self) -> None:
        while not self._closed.wait(SYNC_S):
            with self._lock:
                file = os.dup(self._file) if self._unsynced else None
                self._unsynced = False
            if file is not None:
                os.fsync(file)
                os.close(file)


def files(home: Path) -> list[Path]:
    """Files of the trail in the order in which they were begun."""
    return sorted((home / FOLDER).glob(f"*{_ENDING}"))


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Entries of a file, ends of days as well, without checks."""
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def day_ends(home: Path) -> list[DayEnd]:
    """The signed ends of days, to be kept elsewhere."""
    found = [each for path in files(home) for each in entries(path) if each.get("call") == END]
    return [DayEnd(each["day"], each["entries"], each["last"], each["signature"]) for each in found]


def verify(home: Path, exported: list[DayEnd] | None = None) -> list[Problem]:
    """Entries that were changed, left out, put in or moved; ends whose signature is wrong; tails that were cut behind an exported end."""
    problems, ends = list[Problem](), set[DayEnd]()
    public = _key(home).public_key()
    for chain in _chains(home).values():
        before = START
        for path in chain:
            before = _verify_file(path, before, public, problems, ends)
    cut = "an exported end of this day is not in the trail: its tail was cut, or it was changed"
    return problems + [Problem(f"{each.day}{_ENDING}", each.entries, cut) for each in exported or [] if each not in ends]


def _verify_file(path: Path, before: str, public: ec.EllipticCurvePublicKey, problems: list[Problem], ends: set[DayEnd]) -> str:
    count = 0
    for number, line in enumerate(_lines(path), 1):
        try:
            content = msgspec.json.decode(line, type=dict[str, Any])
            stored = content.pop("hash")
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
            problems.append(Problem(path.name, number, "the line is not an entry"))
            continue
        if stored != _digest(before, content):
            problems.append(Problem(path.name, number, "the entry, or one in front of it, was changed, left out, put in or moved"))
        if content.get("call") == END:
            if content["entries"] != count or content["last"] != before or not _is_signed(content, public):
                problems.append(Problem(path.name, number, "the end of the day is not that of its entries, or not signed by this home"))
            ends.add(DayEnd(content["day"], content["entries"], content["last"], content["signature"]))
        before, count = stored, count + 1
    return before


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _chains(home: Path) -> dict[str, list[Path]]:
    """Files of each writer, in their order."""
    chains: dict[str, list[Path]] = {}
    for path in files(home):
        chains.setdefault(path.name[_DAY : -len(_ENDING)], []).append(path)
    return chains


def _end_of(day: str, count: int, head: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    signature = key.sign(_signed_text(day, count, head), ec.ECDSA(hashes.SHA256()))
    return {"call": END, "day": day, "entries": count, "last": head, "signature": base64.b64encode(signature).decode()}


def _end_other(path: Path, head: str, key: ec.EllipticCurvePrivateKey) -> str:
    """End the day of a file whose process was killed; returns the hash of that end."""
    count = _mend(path)
    content = _end_of(path.name[:_DAY], count, head, key)
    digest = _digest(head, content)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(file, msgspec.json.encode({**content, "hash": digest}) + b"\n")
    os.fsync(file)
    os.close(file)
    return digest


def _is_signed(content: dict[str, Any], public: ec.EllipticCurvePublicKey) -> bool:
    try:
        data = _signed_text(content["day"], content["entries"], content["last"])
        public.verify(base64.b64decode(content["signature"]), data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed_text(day: str, count: int, head: str) -> bytes:
    return f"ratewright audit\0{day}\0{count}\0{head}".encode()


def _digest(before: str, content: dict[str, Any]) -> str:
    return hashlib.blake2b(before.encode() + msgspec.json.encode(content, order="sorted"), digest_size=DIGEST_BYTES).hexdigest()


def _key(home: Path) -> ec.EllipticCurvePrivateKey:
    path = key_files.folder(home) / _KEY_FILE
    return key_files.read(path) if path.is_file() else key_files.make(path)


def _own_place(folder: Path, now_us: int, held: contextlib.ExitStack) -> str:
    """The ending of this process's files: empty for the first service of a home, `.2` for a second one beside it."""
    for number in range(1, WRITERS_MAX + 1):
        try:
            held.enter_context(lock.held(folder / f"writer-{number}.lock", "the audit trail of a service", now_us))
        except lock.HeldError:
            continue
        return "" if number == 1 else f".{number}"
    raise UserError(f"{WRITERS_MAX} services of this home are running", "stop those that are not needed")


def _last_file(folder: Path, writer: str) -> Path | None:
    own = [each for each in folder.glob(f"*{_ENDING}") if each.name[_DAY : -len(_ENDING)] == writer]
    return max(own, default=None)


def _head_of(path: Path) -> str:
    """The hash of the last entry of a file."""
    last = _last_line(path)
    return START if not last else str(msgspec.json.decode(last)["hash"])


def _is_ended(path: Path) -> bool:
    last = _last_line(path)
    return bool(last) and msgspec.json.decode(last).get("call") == END


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        lines = file.read().splitlines()
    return lines[-1] if lines else b""


def _mend(path: Path) -> int:
    """Cut half a line that a power cut has left at the end; returns the number of entries."""
    if not path.is_file():
        return 0
    lines, whole = 0, 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines, whole = lines + 1, whole + len(line)
    if whole != path.stat().st_size:
        os.truncate(path, whole)
    return lines
