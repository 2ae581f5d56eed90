"""Small files that people write: definitions, mappings, rules, policies. They are read whole, within a bound, and mean one thing.

A key that stands twice in YAML is a mistake: YAML itself takes the last one in silence. A pipe or a device is refused, since reading it may
never end, and so is a file above BYTES_MAX.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar, overload

import msgspec
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BYTES_MAX: Final = 4 << 20

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
    found = msgspec.yaml.decode(content)
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for key, first, again in _keys_twice(yaml.compose(content, Loader=loader)):
        raise msgspec.DecodeError(f"the key {key} stands twice, in lines {first} and {again}")
    return found if kind is Any else msgspec.yaml.decode(content, type=kind)


def _keys_twice(root: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    """Keys that a mapping has twice, with both lines. Nodes that several places name are looked at once."""
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
