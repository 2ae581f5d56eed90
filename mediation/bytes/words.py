"""Many bytes at once, for kernels: what numba has no words for, as single instructions of the processor.

Use them in kernels alone, and name this file in `kernel_module(__file__, words.__file__)`. The caller makes sure that the bytes lie in
the array: it is checked where NUMBA_BOUNDSCHECK is set, as other reads and writes of kernels are, and nowhere else.
"""

from __future__ import annotations

from typing import Any, Final

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]  # it comes with numba, and has no stubs
from numba.core import config, types

WORD_BYTES: Final = 8
PIECE_BYTES: Final = 64


@numba.extending.intrinsic
def _word_at(_typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - numba compiles this signature
    """The eight bytes from data[at] on as one number, the first byte lowest."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, signature, arguments, ir.IntType(64)), align=1)

    return types.uint64(data, types.intp), build


@numba.extending.intrinsic
def _put_word(_typing: Any, out: Any, at: Any, word: Any) -> Any:  # noqa: ARG001 - as above
    """Write eight bytes from out[at] on, the lowest first."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature, arguments, ir.IntType(64)), align=1)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.uint64), build


@numba.extending.intrinsic
def _bits_where(_typing: Any, data: Any, at: Any, byte: Any) -> Any:  # noqa: ARG001 - as above
    """A bit for each of the 64 bytes from data[at] on, the first lowest: 1 where it is `byte`."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        piece, number = ir.VectorType(ir.IntType(8), PIECE_BYTES), ir.IntType(32)
        text = builder.load(_pointer(context, builder, signature, arguments, piece), align=1)
        none = ir.Constant(piece, ir.Undefined)
        one = builder.insert_element(none, arguments[2], number(0))
        same = builder.shuffle_vector(one, none, ir.Constant(ir.VectorType(number, PIECE_BYTES), [number(0)] * PIECE_BYTES))
        return builder.bitcast(builder.icmp_unsigned("==", text, same), ir.IntType(64))

    return types.uint64(data, types.intp, types.uint8), build


@numba.extending.intrinsic
def lowest_bit(_typing: Any, bits: Any) -> Any:  # noqa: ARG001 - as above
    """The place of the lowest bit that is 1; one must be."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), build


@numba.extending.intrinsic
def count_bits(_typing: Any, bits: Any) -> Any:  # noqa: ARG001 - as above
    """Return the number of bits that are 1."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    """To what begins at the array's byte that the first two arguments name."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), kind.as_pointer())


@numba.extending.register_jitable
def _check(data: Any, at: Any, size: Any) -> None:
    if at < 0 or at + size > data.size:
        raise IndexError("bytes outside of the array")


@numba.extending.register_jitable
def _checked_word_at(data: Any, at: Any) -> Any:
    _check(data, at, WORD_BYTES)
    return _word_at(data, at)  # type: ignore[call-arg]  # numba gives the context


@numba.extending.register_jitable
def _checked_put_word(out: Any, at: Any, word: Any) -> None:
    _check(out, at, WORD_BYTES)
    _put_word(out, at, word)  # type: ignore[call-arg]  # as above


@numba.extending.register_jitable
def _checked_bits_where(data: Any, at: Any, byte: Any) -> Any:
    _check(data, at, PIECE_BYTES)
    return _bits_where(data, at, byte)  # type: ignore[call-arg]  # as above


_IS_CHECKED: Final = bool(getattr(config, "BOUNDSCHECK", 0))
word_at: Any = _checked_word_at if _IS_CHECKED else _word_at
put_word: Any = _checked_put_word if _IS_CHECKED else _put_word
bits_where: Any = _checked_bits_where if _IS_CHECKED else _bits_where
