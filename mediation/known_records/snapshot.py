"""One file that holds an index: a page that describes it, then its arrays as they lie in memory.

Opening maps the file, copy on write, and reads nothing but the first page; what is changed afterwards stays in memory. The file is written
under another name, synced and renamed, so that a name means a whole file. Refuses files that are none, are of another version,
or are cut off; whether the rest is what was written tells `sha256`.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from rating import durable
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import ReadableBuffer as Buffer
    from numpy.typing import NDArray

_MAGIC: Final = b"ratewright once 1\n"
_PAGE_BYTES: Final = 4096
_PIECE_BYTES: Final = 1 << 24


class Array(NamedTuple):
    """An array of the file: numpy's name of its type, and its shape."""

    kind: str
    shape: tuple[int, ...]


class Description(msgspec.Struct, frozen=True):
    """Text of the first page, behind the magic and the length of this text."""

    form: str  # hash or bitmap
    keys: int
    arrays: tuple[Array, ...]
    names_bytes: int = 0  # of the names of streams, which follow the arrays


def write(path: Path, form: str, keys: int, arrays: Sequence[NDArray[Any]], names: bytes = b"") -> bytes:
    """Make `path` the snapshot of an index, on disk when it returns. Gives its SHA-256."""
    assert sys.byteorder == "little", "arrays are written as they lie in memory"
    described = Description(form, keys, tuple(Array(each.dtype.str, each.shape) for each in arrays), len(names))
    text = msgspec.json.encode(described)
    head = _MAGIC + len(text).to_bytes(4, "little") + text
    assert len(head) <= _PAGE_BYTES
    digest = hashlib.sha256()
    with durable.replaced(path, path.with_name(path.name + ".part")) as file:
        bodies: list[Iterable[Buffer]] = [[head.ljust(_PAGE_BYTES, b"\0")], *map(_pieces, arrays), [names]]
        for piece in itertools.chain.from_iterable(bodies):
            digest.update(piece)
            file.write(piece)
    return digest.digest()


def read(path: Path, form: str) -> tuple[Description, list[NDArray[Any]], bytes]:
    """The description, the arrays (mapped, writable, never written back) and the names of streams."""
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        described = _description(path, file.read(_PAGE_BYTES), form)
        sizes = [int(np.prod(each.shape)) * np.dtype(each.kind).itemsize for each in described.arrays]
        if size_bytes != _PAGE_BYTES + sum(sizes) + described.names_bytes:
            raise _unusable(path, "is cut off")
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    arrays, begin = [], _PAGE_BYTES
    for each, size in zip(described.arrays, sizes, strict=True):
        arrays.append(np.frombuffer(whole[begin : begin + size], each.kind).reshape(each.shape))
        begin += size
    return described, arrays, bytes(whole[begin:])


def _description(path: Path, head: bytes, form: str) -> Description:
    if not head.startswith(_MAGIC):
        raise _unusable(path, "is not an index of known records, or is one of another version")
    begin = len(_MAGIC) + 4
    try:
        described = msgspec.json.decode(head[begin : begin + int.from_bytes(head[len(_MAGIC) : begin], "little")], type=Description)
    except msgspec.DecodeError as error:
        raise _unusable(path, "is damaged") from error
    if described.form != form:
        raise _unusable(path, f"is an index of form {described.form}, not {form}")
    return described


def _pieces(array: NDArray[Any]) -> Iterator[memoryview[Any]]:
    whole = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for begin in range(0, whole.size, _PIECE_BYTES):
        yield whole[begin : begin + _PIECE_BYTES].data


def _unusable(path: Path, what: str) -> UserError:
    return UserError(f"{path} {what}", "delete it: the index is built again from the usage that is stored")
