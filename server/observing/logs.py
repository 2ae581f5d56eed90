"""The log of the service on stderr: text for people, or one line of JSON an event.

A line has an event, a level, a time and fields of the program. Of an exception it has the type and the places in the code, in JSON:
its text may hold what a call sent.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from structlog.typing import EventDict

FRAMES_MAX: Final = 12
OURS: Final = "server"  # the loggers whose lines of every day are of interest: other packages tell what they set up


def configure(log_format: str, now_text: Callable[[], str]) -> None:
    """Send the log of every module to stderr. `now_text`: the time of an event, such as `2025-11-13T02:13:20Z`."""
    handler = logging.StreamHandler(sys.stderr)
    root = logging.getLogger()
    if log_format == "json":
        shared: list[Any] = [_fields, structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _time(now_text)]
        last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
        handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[*shared, _places], processors=last))
        logging.getLogger(OURS).setLevel(logging.INFO)
    root.setLevel(logging.WARNING)
    root.handlers[:] = [handler]


def _time(now_text: Callable[[], str]) -> Callable[[object, str, EventDict], EventDict]:
    def add(_: object, __: str, event: EventDict) -> EventDict:
        event["time"] = now_text()
        return event

    return add


def _fields(_: object, __: str, event: EventDict) -> EventDict:
    record: logging.LogRecord | None = event.get("_record")
    given: MutableMapping[str, Any] = getattr(record, "fields", {})
    event.update({key: value for key, value in given.items() if key != "event"})
    return event


def _places(_: object, __: str, event: EventDict) -> EventDict:
    """The type of an exception, and where it was raised, the last place at the end."""
    info = event.pop("exc_info", None)
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        record.exc_info = record.exc_text = None  # or the formatter would add its text
    if isinstance(info, tuple) and info[1] is not None:
        frames = traceback.extract_tb(info[2])[-FRAMES_MAX:]
        event["exception"] = type(info[1]).__name__
        event["places"] = [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in frames]
    return event
