"""A fault of tests/faults/planted, put into the functions of this process: the code objects that its text changes are replaced.

A function is changed in its place, so that it is wrong for all who imported it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from typing import TYPE_CHECKING, Any

from tests.faults import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

FAULTS = {fault.id: fault for fault in records.load()}


def plant(monkeypatch: pytest.MonkeyPatch, fault_id: str) -> None:
    """Put a fault in until the end of the test. One that stands in the file already, as in a campaign, is left in it."""
    fault = FAULTS[fault_id]
    text = (records.ROOT / fault.file).read_text()
    if fault.old not in text and fault.new in text:
        return
    module = importlib.import_module(fault.file.removesuffix(".py").replace("/", "."))
    before, after = (dict(_codes(compile(each, fault.file, "exec"))) for each in (text, records.planted(text, fault)))
    changed = {name: code for name, code in after.items() if not _alike(before[name], code)}
    assert changed, f"{fault_id} changes no function"
    for name, code in changed.items():
        function = inspect.unwrap(functools.reduce(getattr, name.split("."), module))  # type: ignore[arg-type]  # a method is a function
        function = getattr(function, "__func__", function)
        monkeypatch.setattr(function, "__code__", code)


def _codes(code: types.CodeType) -> Iterator[tuple[str, types.CodeType]]:
    """The functions of a module and of its classes, by their names."""
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            is_class = "__module__" in each.co_names and not each.co_flags & inspect.CO_OPTIMIZED
            yield from _codes(each) if is_class else [(each.co_qualname, each)]


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401 -- constants of code
    if not isinstance(one, types.CodeType) or not isinstance(other, types.CodeType):
        return bool(one == other)
    same = (one.co_code, one.co_names, len(one.co_consts)) == (other.co_code, other.co_names, len(other.co_consts))
    return same and all(_alike(*pair) for pair in zip(one.co_consts, other.co_consts, strict=True))
