"""What the demo has done so far: DIR/progress.jsonl, a line when a stage starts and one when it ends, each synced to disk.

A stage that has started and not ended was interrupted; doing it again is safe, because every command of Ratewright it uses is.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class StageResult(NamedTuple):
    """What a stage did: `records` went through it, `lines` tell it, `detail` is for summary.json."""

    records: int
    lines: list[str]
    detail: dict[str, Any]


class Ended(NamedTuple):
    """A stage that was done."""

    seconds: float
    result: StageResult


class ProgressLog:
    """The stages of one demo folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ended: dict[str, Ended] = {}
        self.interrupted: set[str] = set()
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            self._take(line)

    def start(self, stage: str) -> None:
        """Note that a stage begins."""
        self._write({"stage": stage, "event": "start"})

    def end(self, stage: str, seconds: float, result: StageResult) -> None:
        """Note that a stage is done, and with what."""
        self._write({"stage": stage, "event": "end", "seconds": round(seconds, 3), **result._asdict()})
        self.ended[stage] = Ended(seconds, result)

    def _take(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return  # cut off by a kill: as if it had not been written
        if entry["event"] == "start":
            self.interrupted.add(entry["stage"])
        else:
            self.interrupted.discard(entry["stage"])
            self.ended[entry["stage"]] = Ended(entry["seconds"], StageResult(entry["records"], entry["lines"], entry["detail"]))

    def _write(self, entry: dict[str, Any]) -> None:
        entry |= {"pid": os.getpid(), "time": round(time.time(), 3)}
        with self._path.open("a+b") as file:
            if file.tell() and not _ends_with_newline(self._path):
                file.write(b"\n")
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
