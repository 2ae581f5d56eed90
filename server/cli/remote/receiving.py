"""Answers of a service as they come in: their texts are made harmless for a terminal.

A service may hold texts that other persons wrote, and may be another one than the operator believes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from google.protobuf.descriptor import FieldDescriptor

from server.cli import answers

if TYPE_CHECKING:
    from google.protobuf.message import Message

# Control characters but tab and line break: texts of several lines are printed and stored as they are, with either ending.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")


def take(answer: Message) -> None:
    """Take an answer: control characters of its texts are shown by their codes from here on."""
    answers.note_answer()
    _clean(answer)


def json_value(text: str, type_: Any = Any) -> Any:  # noqa: ANN401 -- what JSON holds
    """The value of JSON in an answer. JSON writes control characters as escapes, so they are in its texts only now."""
    return msgspec.convert(_harmless(msgspec.json.decode(text)), type_)


def shown(text: str) -> str:
    """A text with its control characters shown by their codes."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _clean(message: Message) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _clean_map(field.message_type.fields_by_name["value"], value)
        elif field.message_type is not None:
            for each in value if field.is_repeated else (value,):
                _clean(each)
        elif field.type != FieldDescriptor.TYPE_STRING:
            continue
        elif field.is_repeated:
            for place, text in enumerate(value):
                if _CONTROL.search(text):
                    value[place] = shown(text)
        elif _CONTROL.search(value):
            setattr(message, field.name, shown(value))


def _clean_map(kind: FieldDescriptor, entries: Any) -> None:  # noqa: ANN401 -- a map of protobuf has no type
    for key in [key for key in entries if isinstance(key, str) and _CONTROL.search(key)]:
        if kind.message_type is not None:
            entries[shown(key)].CopyFrom(entries[key])
        else:
            entries[shown(key)] = entries[key]
        del entries[key]
    for key in entries:
        if kind.message_type is not None:
            _clean(entries[key])
        elif kind.type == FieldDescriptor.TYPE_STRING:
            entries[key] = shown(entries[key])


def _harmless(value: Any) -> Any:  # noqa: ANN401 -- what JSON holds
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {shown(key): _harmless(each) for key, each in value.items()}
    return list(map(_harmless, value)) if isinstance(value, list) else value
