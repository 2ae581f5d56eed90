"""Small files that people write: definitions, mappings, rules, policies. They are read whole, within a bound, and mean one thing.

A key that is twice in YAML is a mistake: YAML itself takes the last one in silence. A pipe or a device is refused, since reading it may
never end, and so is a file above BYTES_MAX.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import yaml

BYTES_MAX: Final = 4 << 20
TOO_DEEP: Final = "has lists or objects that are nested too deeply"

_Kind = TypeVar("_Kind")


def read(path: Path, bytes_max: int = BYTES_MAX) -> bytes:
    """The content of an ordinary file. Raises OSError with the reason in `strerror`, also for what is no file or above `bytes_max`."""
    with opened(path) as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise OSError(errno.EFBIG, f"it is larger than {bytes_max:,} bytes", str(path))
    return content


def opened(path: Path) -> BinaryIO:
    """An ordinary file, opened for reading. Raises OSError for anything else: reading a pipe may never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer would not open otherwise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(mode) else "it is not an ordinary file", str(path))
    return open(descriptor, "rb")  # noqa: PTH123 -- a descriptor, for the caller to close


@overload
def decode(content: bytes) -> Any: ...  # noqa: ANN401 -- whatever YAML holds


@overload
def decode(content: bytes, kind: type[_Kind]) -> _Kind: ...


def decode(content: bytes, kind: Any = Any) -> Any:
    """The value that YAML holds, as msgspec decodes it. Raises msgspec.DecodeError, also where a mapping has a key twice."""
    for key, first, again in _keys_twice(_composed(content)):
        raise msgspec.DecodeError(f"the key {key} is there twice, in lines {first} and {again}")
    try:
        return msgspec.yaml.decode(content, type=kind)
    except (ValueError, KeyError, AttributeError) as error:  # PyYAML takes what looks like a date, or has a tag, for what it is not
        if isinstance(error, msgspec.DecodeError):
            raise
        raise msgspec.DecodeError("a value without quotes looks like a date and is none: put texts into quotes") from error


def from_json(content: bytes | str, kind: Any = Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """The value that JSON holds, as msgspec decodes it. Raises msgspec.DecodeError, also where lists and objects are nested too deeply."""
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError as error:
        raise msgspec.DecodeError(TOO_DEEP) from error


def yaml_remedy(error: yaml.MarkedYAMLError, line: str) -> str:
    """A hint at what is wrong in `line`, where YAML could not be read."""
    if "alias" in f"{error.context} {error.problem}":
        return 'write "*" in quotes where it is meant'
    if "\t" in line:
        return "indent with spaces instead of tabs"
    return "look at indentation, colons and quotes around that line"


def no_json(error: Exception, content: bytes) -> str:
    """The place at which content stops being JSON, for people."""
    if str(error) == TOO_DEEP:
        return TOO_DEEP
    found = re.search(r"\(byte (\d+)\)", str(error))
    return f"is not JSON from line {content.count(10, 0, int(found[1])) + 1} on" if found else "is not JSON: it is cut off, or not UTF-8"


def _composed(content: bytes) -> yaml.Node | None:
    """The nodes of YAML. Raises msgspec.DecodeError with the line, and what to look at."""
    import yaml  # noqa: PLC0415 -- most commands read no file of a person's

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root: yaml.Node | None = yaml.compose(content, Loader=loader)
    except yaml.MarkedYAMLError as error:
        number = 0 if error.problem_mark is None else error.problem_mark.line
        line = b"".join(content.splitlines()[number : number + 1]).decode(errors="replace")
        raise msgspec.DecodeError(f"line {number + 1}: {error.problem}: {yaml_remedy(error, line)}") from error
    except yaml.YAMLError as error:
        raise msgspec.DecodeError("a character that YAML does not allow, or no UTF-8") from error
    return root


def _keys_twice(root: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    """Keys that a mapping has twice, with both lines. Nodes that several places name are checked once."""
    import yaml  # noqa: PLC0415 -- as above

    waiting, seen = [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                waiting.append(value)
                if isinstance(key, yaml.ScalarNode):
                    line = key.start_mark.line + 1
                    if (key.tag, key.value) in lines:
                        yield key.value[:100], lines[key.tag, key.value], line
                    lines[key.tag, key.value] = line
