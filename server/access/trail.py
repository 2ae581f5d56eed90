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
import errno
import hashlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from billing.store import lock
from rating.dates import DAY_US, utc_date
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
_MINUTE_S: Final = 60.0
_KEY_FILE: Final = "audit-key.pem"
_ENDING: Final = ".jsonl"
_OWNER_ONLY: Final = 0o600
BLOCK_BYTES: Final = 64 * 1024  # of a file that is read from its end
_WHAT: Final = "the audit trail of a service"
_REFUSALS_KEPT_MAX: Final = 10_000  # peers of a minute whose refusals are summed apart
_log = logging.getLogger(__name__)


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
    """Appends to the trail of a home. One process writes at a time: a second service of the same home has a file of its own.

    The first thing that it does is to end the files of services that are gone, of days with and without a later one.
    """

    def __init__(self, home: Path, now_us: int) -> None:
        self._folder = home / FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._key = _key(home)
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str, str, str], tuple[Entry, int]] = {}
        self._refused_since_s = 0.0  # on the monotonic clock: the first refusal that is summed and not written
        self._held = contextlib.ExitStack()
        self._writer = _own_place(self._folder, now_us, self._held)
        self._unsynced = False
        self._closed = threading.Event()
        self._end_of_the_dead(now_us)
        self._day_us, self._day = now_us // DAY_US * DAY_US, str(utc_date(now_us))  # of the last entry
        self._place = self._opened(self._day)
        self._thread = threading.Thread(target=self._sync_often, name="audit-sync", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Write an entry; it survives this process when this returns, and a power cut within a second. Raises OSError for a full disk."""
        with self._lock:
            self._append(entry)

    def add_summed(self, entry: Entry) -> None:
        """Sum refusals that a caller can have without end by operator, peer and minute: they are written when the minute is over."""
        with self._lock:
            if not self._refused:
                self._refused_since_s = time.monotonic()
            name = (entry.peer, entry.call, entry.outcome, entry.operator)
            if name not in self._refused and len(self._refused) >= _REFUSALS_KEPT_MAX:
                entry = Entry(entry.at_us, "", entry.outcome, peer="others")
                name = (entry.peer, "", entry.outcome, "")
            first, count = self._refused.get(name, (entry, 0))
            self._refused[name] = (first, count + 1)

    def close(self) -> None:
        """Write what was summed, sync, and let another process write. May be called twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        with self._lock:
            try:
                self._write_refused()
                os.fsync(self._place.file)
            except OSError as error:
                _log.error("the audit trail could not be written to its end: %s", error)
            os.close(self._place.file)
            self._held.close()

    def _write_refused(self) -> None:
        for name, (first, count) in list(self._refused.items()):
            self._append(msgspec.structs.replace(first, count=count))
            del self._refused[name]

    def _append(self, entry: Entry) -> None:
        if not self._day_us <= entry.at_us < self._day_us + DAY_US:
            self._day_us, self._day = entry.at_us // DAY_US * DAY_US, str(utc_date(entry.at_us))
        if self._day > self._place.day:
            self._turn(self._day)
        self._place = _written(self._place, entry)
        self._unsynced = True

    def _turn(self, day: str) -> None:
        """End a day and open the next. Where either fails, the day of before goes on."""
        if not self._place.is_ended:
            self._place = _written(self._place, _end_of(self._place, self._key))
            os.fsync(self._place.file)
        before, self._place = self._place, self._opened(day)
        os.close(before.file)

    def _opened(self, day: str) -> _Place:
        """The file of a day, and the hash that its next entry follows on. An earlier day whose process was killed is ended."""
        path = self._folder / f"{day}{self._writer}{_ENDING}"
        own = [each for each in _of_writer(self._folder, self._writer) if each.stat().st_size]
        last = max(own, default=None)
        if last is not None and last.stem >= path.stem:  # the same day; or the clock was set back, and the trail goes on where it is
            return _opened(last)
        if last is None:
            return _opened(path)
        ahead = _opened(last)
        if not ahead.is_ended:
            ahead = _written(ahead, _end_of(ahead, self._key))
            os.fsync(ahead.file)
        os.close(ahead.file)
        found = _opened(path)
        return found._replace(hash=ahead.hash)

    def _end_of_the_dead(self, now_us: int) -> None:
        """End the last file of each other service that does not run any more: it would stay open until as many run again."""
        for writer in {path.name[_DAY : -len(_ENDING)] for path in self._folder.glob(f"*{_ENDING}")} - {self._writer}:
            with contextlib.suppress(lock.HeldError), lock.held(_lock_of(self._folder, writer), _WHAT, now_us):
                last = max((each for each in _of_writer(self._folder, writer) if each.stat().st_size), default=None)
                if last is not None:
                    self._end(last)

    def _end(self, path: Path) -> None:
        place = _opened(path)
        try:
            if not place.is_ended:
                _written(place, _end_of(place, self._key))
                os.fsync(place.file)
        finally:
            os.close(place.file)

    def _sync_often(self) -> None:
        while not self._closed.wait(SYNC_S):
            try:
                self._sync()
            except OSError as error:  # tried again: an entry is never forgotten, and its call has been answered
                _log.error("the audit trail could not be synced: %s", error)

    def _sync(self) -> None:
        with self._lock:
            if self._refused and time.monotonic() - self._refused_since_s >= _MINUTE_S:
                self._write_refused()
            file = os.dup(self._place.file) if self._unsynced else None
            self._unsynced = False
        if file is None:
            return
        try:
            os.fsync(file)
        except OSError:
            self._unsynced = True
            raise
        finally:
            os.close(file)


class _Place(NamedTuple):
    """An open file of a day: the number of its entries, the last hash, whether the last entry is the end of the day, and its bytes."""

    file: int
    day: str
    lines: int
    hash: str
    is_ended: bool
    size: int


def _opened(path: Path) -> _Place:
    """Open a file of the trail, made where it is not there. Half a line that a power cut has left at its end is cut off."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        sync_names(path.parent)
        count, size, last = _mended(file, path)
        head = START if not last else str(msgspec.json.decode(last)["hash"])
        return _Place(file, path.name[:_DAY], count, head, bool(last) and msgspec.json.decode(last).get("call") == END, size)
    except BaseException:
        os.close(file)
        raise


def _written(place: _Place, content: Entry | dict[str, Any]) -> _Place:
    """Write an entry whole, or leave the file as it was and raise OSError."""
    digest = _digest(place.hash, content)
    line = msgspec.json.encode(content)[:-1] + f',"hash":"{digest}"}}\n'.encode()
    try:
        written = os.write(place.file, line)
    except OSError:
        _cut(place.file, place.size)
        raise
    if written != len(line):
        _cut(place.file, place.size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    is_end = isinstance(content, dict)  # of the other kind are all that calls write
    return _Place(place.file, place.day, place.lines + 1, digest, is_end, place.size + written)


def _cut(file: int, size: int) -> None:
    if os.fstat(file).st_size != size:
        os.ftruncate(file, size)


def files(home: Path) -> list[Path]:
    """Files of the trail in the order in which they were begun."""
    return sorted((home / FOLDER).glob(f"*{_ENDING}"))


def chains(home: Path) -> dict[str, list[Path]]:
    """Files of each service by its ending, in their order."""
    return _chains(home)


def before(path: Path, end: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Entries of a file in front of a byte, the last one first, each with its own first byte; ends of days as well, without checks."""
    with path.open("rb") as file:
        rest = b""
        while end > 0:
            start = max(end - BLOCK_BYTES, 0)
            file.seek(start)
            block = file.read(end - start) + rest
            first = 0 if start == 0 else block.find(b"\n") + 1
            if first == 0 and start > 0:  # a line that is longer than a block
                rest, end = block, start
                continue
            place = len(block)
            for line in reversed(block[first:].splitlines(keepends=True)):
                place -= len(line)
                with contextlib.suppress(msgspec.DecodeError):  # a line that is not one; `verify` names it
                    found = msgspec.json.decode(line)
                    if isinstance(found, dict) and "call" in found:
                        yield start + place, found
            rest, end = block[:first], start


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Entries of a file, ends of days as well, without checks."""
    for line in _lines(path):
        with contextlib.suppress(msgspec.DecodeError):  # a line that is not one; `verify` names it
            found = msgspec.json.decode(line)
            if isinstance(found, dict) and "call" in found:
                yield found


def day_ends(home: Path) -> list[DayEnd]:
    """The signed ends of days, to be kept elsewhere."""
    found = [each for path in files(home) for each in entries(path) if each.get("call") == END]
    return [DayEnd(each["day"], each["entries"], each["last"], each["signature"]) for each in found]


def verify(home: Path, exported: list[DayEnd] | None = None) -> list[Problem]:
    """Entries that were changed, left out, put in or moved; days without their end, or with a wrong one; tails behind exported ends."""
    problems, ends = list[Problem](), set[DayEnd]()
    public = _key(home).public_key()
    for chain in _chains(home).values():
        before = START
        for path in chain:
            before, is_ended = _verify_file(path, before, public, problems, ends)
            if not is_ended and path != chain[-1]:
                problems.append(Problem(path.name, _count(path), "the day has no end, though a later day follows"))
    cut = "an exported end of this day is not in the trail: its tail was cut, or it was changed"
    return problems + [Problem(f"{each.day}{_ENDING}", each.entries, cut) for each in exported or [] if each not in ends]


def _verify_file(
    path: Path, before: str, public: ec.EllipticCurvePublicKey, problems: list[Problem], ends: set[DayEnd]
) -> tuple[str, bool]:
    """The hash of the last entry of a file, and whether that is the end of its day."""
    count, is_ended = 0, False
    for number, line in enumerate(_lines(path), 1):
        try:
            content = msgspec.json.decode(line, type=dict[str, Any])
            stored = content.pop("hash")
            is_ended = content.get("call") == END
            end = DayEnd(content["day"], content["entries"], content["last"], content["signature"]) if is_ended else None
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
            problems.append(Problem(path.name, number, "the line is not an entry"))
            continue
        if stored != _digest(before, content):
            problems.append(Problem(path.name, number, "the entry, or one in front of it, was changed, left out, put in or moved"))
        if end is not None:
            if end.entries != count or end.hash != before or not _is_signed(content, public):
                problems.append(Problem(path.name, number, "the end of the day is not that of its entries, or not signed by this home"))
            ends.add(DayEnd(*map(_plain, end)))
        before, count = str(stored), count + 1
    return before, is_ended


def _plain(value: Any) -> Any:  # noqa: ANN401 -- of a line that anybody may have written
    return value if isinstance(value, str | int) else repr(value)


def _count(path: Path) -> int:
    return sum(1 for _ in _lines(path))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _chains(home: Path) -> dict[str, list[Path]]:
    """Files of each writer, in their order."""
    chains: dict[str, list[Path]] = {}
    for path in files(home):
        chains.setdefault(path.name[_DAY : -len(_ENDING)], []).append(path)
    return chains


def _end_of(place: _Place, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    signature = key.sign(_signed_text(place.day, place.lines, place.hash), ec.ECDSA(hashes.SHA256()))
    text = base64.b64encode(signature).decode()
    return {"call": END, "day": place.day, "entries": place.lines, "last": place.hash, "signature": text}


def _is_signed(content: dict[str, Any], public: ec.EllipticCurvePublicKey) -> bool:
    try:
        data = _signed_text(content["day"], content["entries"], content["last"])
        public.verify(base64.b64decode(content["signature"]), data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _signed_text(day: str, count: int, head: str) -> bytes:
    return f"ratewright audit\0{day}\0{count}\0{head}".encode()


def _digest(before: str, content: Entry | dict[str, Any]) -> str:
    return hashlib.blake2b(before.encode() + msgspec.json.encode(content, order="sorted"), digest_size=DIGEST_BYTES).hexdigest()


def _key(home: Path) -> ec.EllipticCurvePrivateKey:
    path = key_files.folder(home) / _KEY_FILE
    return key_files.read(path) if path.is_file() else key_files.make(path)


def _own_place(folder: Path, now_us: int, held: contextlib.ExitStack) -> str:
    """The ending of this process's files: empty for the first service of a home, `.2` for a second one beside it."""
    for number in range(1, WRITERS_MAX + 1):
        try:
            writer = "" if number == 1 else f".{number}"
            held.enter_context(lock.held(_lock_of(folder, writer), _WHAT, now_us))
        except lock.HeldError:
            continue
        return writer
    raise UserError(f"{WRITERS_MAX} services of this home are running", "stop those that are not needed")


def _lock_of(folder: Path, writer: str) -> Path:
    return folder / f"writer-{writer.removeprefix('.') or 1}.lock"


def _of_writer(folder: Path, writer: str) -> list[Path]:
    return [each for each in folder.glob(f"*{_ENDING}") if each.name[_DAY : -len(_ENDING)] == writer]


def _mended(file: int, path: Path) -> tuple[int, int, bytes]:
    """The number of whole lines of a file, their bytes, and the last of them; what follows it is cut off."""
    count, whole, last = 0, 0, b""
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                count, whole, last = count + 1, whole + len(line), line
    _cut(file, whole)
    return count, whole, last
