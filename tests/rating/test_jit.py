"""Compiled kernels are kept by what their code depends on, and compiled by one process at a time."""

from __future__ import annotations

import ast
import fcntl
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

import llvmlite
import numba
import pytest

from rating import jit, private_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

ROOT: Final = Path(jit.__file__).parents[1]
PACKAGES: Final = ("rating", "tariffs", "mediation", "billing")
KERNELS: Final = [
    f"{path.relative_to(ROOT).with_suffix('')}".replace("/", ".")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "= kernel_module(" in path.read_text(encoding="utf-8")
]
MORE_BY: Final = """
from rating.jit import kernel_module

njit = kernel_module(__file__)

@njit("int64(int64)")
def more(number):
    return number + {step}
"""
PROGRAM: Final = """
import sys
from pathlib import Path
from rating import jit, private_folders
private_folders._ABOVE_THIS_FILE |= set(Path(sys.argv[1]).parents)
jit._ROOT = Path(sys.argv[1])
sys.path.insert(0, sys.argv[1])
print("here", flush=True)
sys.stdin.readline()
import tiny
print(sum(tiny.more.stats.cache_misses.values()), tiny.more(1))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test alone."""
    monkeypatch.setattr(private_folders, "_ABOVE_THIS_FILE", frozenset(tmp_path.parents))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(jit, "SOURCES", {})
    return tmp_path / "cache" / "ratewright" / "kernels"


def _checkout(folder: Path, step: int, second: int) -> Path:
    """A kernel module in a checkout of its own, changed last at a second."""
    folder.mkdir()
    file = folder / "tiny.py"
    file.write_text(MORE_BY.format(step=step))
    os.utime(file, (second, second))
    return file


def _loaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as a process loads it whose checkout this is."""
    monkeypatch.setattr(jit, "_ROOT", file.parent)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
    return module


def _compiled(module: ModuleType) -> int:
    """The number of kernels that were compiled, because the cache had none."""
    return sum(module.more.stats.cache_misses.values())


def test_a_second_checkout_finds_what_the_first_one_compiled(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _loaded(_checkout(tmp_path / "first", 1, 1_000), monkeypatch)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    second = _loaded(_checkout(tmp_path / "second", 1, 2_000), monkeypatch)
    assert (_compiled(first), _compiled(second)) == (1, 0)
    assert (first.more(1), second.more(1)) == (2, 2)
    assert len(list(cache.iterdir())) == 1


def test_edited_sources_are_compiled_anew_whatever_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _loaded(_checkout(tmp_path / "before", 1, 1_000), monkeypatch)
    after = _loaded(_checkout(tmp_path / "after", 2, 1_000), monkeypatch)
    assert (_compiled(before), _compiled(after)) == (1, 1)
    assert (before.more(1), after.more(1)) == (2, 3)


def test_what_a_named_module_names_counts_as_well(tmp_path: Path) -> None:
    kernels, helpers, codes = (tmp_path / name for name in ("kernels.py", "helpers.py", "codes.py"))
    for file in (kernels, helpers, codes):
        file.write_text(file.name)
    jit.sources_of(str(helpers), str(codes))
    assert jit.sources_of(str(kernels), str(helpers)) == [kernels, helpers, codes, Path(jit.__file__)]
    before = jit.cache_folder([kernels, helpers, codes])
    codes.write_text("another code")
    assert jit.cache_folder([kernels, helpers, codes]) != before


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (numba, "__version__", "0.0"),
        (llvmlite, "__version__", "0.0"),
        (jit.binding, "get_host_cpu_name", lambda: "another processor"),
        (os.environ, "NUMBA_BOUNDSCHECK", "1"),
        (os.environ, "NUMBA_OPT", "0"),
    ],
)
def test_another_compiler_processor_or_switch_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, value: object
) -> None:
    monkeypatch.delenv(name, raising=False)
    source = _checkout(tmp_path / "checkout", 1, 1_000)
    before = jit.cache_folder([source])
    if owner is os.environ:
        monkeypatch.setenv(name, str(value))
    else:
        monkeypatch.setattr(owner, name, value)
    assert jit.cache_folder([source]) != before


def test_no_other_process_is_in_the_folder_while_a_kernel_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _checkout(tmp_path / "checkout", 1, 1_000)
    lock, places = jit.cache_folder([source, Path(jit.__file__)]) / jit.LOCK_NAME, []

    def compiles(*_: object, **__: object) -> Callable[[object], object]:
        places.append(jit.config.CACHE_DIR)
        with lock.open("ab") as another, pytest.raises(BlockingIOError):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lambda function: function

    before = (jit.config.CACHE_DIR, jit.config.CACHE_LOCATOR_CLASSES)
    monkeypatch.setattr(jit.numba, "njit", compiles)
    jit.kernel_module(str(source))("int64(int64)")(abs)
    assert places == [str(lock.parent)]
    assert before == (jit.config.CACHE_DIR, jit.config.CACHE_LOCATOR_CLASSES), "other users of numba keep their options"
    with lock.open("ab") as another:
        fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_nothing_can_be_locked_kernels_are_compiled_for_the_process_alone(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(jit.fcntl, "flock", refused)
    monkeypatch.setattr(jit.numba, "njit", lambda *_, **__: lambda function: function)
    source = _checkout(tmp_path / "checkout", 1, 1_000)
    assert not jit.cache_folder([source]).is_relative_to(cache)
    assert jit.kernel_module(str(source))("int64(int64)")(abs) is abs


def test_of_two_processes_that_begin_at_once_one_compiles(tmp_path: Path) -> None:
    checkout = _checkout(tmp_path / "checkout", 1, 1_000).parent
    words = [sys.executable, "-c", PROGRAM, str(checkout)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=ROOT, **pipes) as one, subprocess.Popen(words, cwd=ROOT, **pipes) as other:
        assert [each.stdout.readline() for each in (one, other)] == ["here\n"] * 2
        for each in (one, other):
            each.stdin.write("\n")
            each.stdin.flush()
        assert sorted(each.stdout.read() for each in (one, other)) == ["0 2\n", "1 2\n"]


def _used(module: ModuleType) -> set[str]:
    """Names of the module that its kernels use."""
    codes = [value.py_func.__code__ for value in vars(module).values() if isinstance(value, numba.core.dispatcher.Dispatcher)]
    return {name for code in codes for name in _names(code)}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def _imported(module: ModuleType) -> dict[str, str]:
    """By name what the module imports from our own ones."""
    found = {}
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] in PACKAGES:
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                found[each.asname or each.name] = inner if inner in sys.modules else node.module
    return found


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_module_names_all_that_its_kernels_have_compiled_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    module = importlib.import_module(name)
    imported = _imported(module)
    needed = {Path(str(sys.modules[imported[each]].__file__)) for each in _used(module) & set(imported)}
    assert needed <= set(jit.SOURCES[Path(str(module.__file__))])
