"""Packages whose names are imported on first use give each name they list, and no other."""

from __future__ import annotations

import ast
import copy
import importlib
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.intake import by_shard, sealing
from billing.what_if import adding_kernel, sums
from rating import engine, order
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PACKAGES = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for top in ("rating", "tariffs", "mediation", "billing", "server")
    for path in sorted((ROOT / top).rglob("__init__.py"))
    if "names_on_use(" in path.read_text(encoding="utf-8")
]


def test_there_are_some() -> None:
    assert "billing.invoicing" in PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_each_name_is_there_and_hidden_by_no_module(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert importlib.util.find_spec(f"{package}.{name}") is None, f"{package}.{name} is a module too"


@pytest.mark.parametrize("package", PACKAGES)
def test_what_it_imports_for_type_checkers_it_lists(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    own = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and str(each.module).startswith(package)]
    assert sorted(alias.name for each in own for alias in each.names) == sorted(module.__all__)


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'billing.invoicing' has no attribute 'nonsense'"):
        importlib.import_module("billing.invoicing").nonsense  # noqa: B018 -- to look it up is the test


_ON_USE = """
import sys
from rating.on_use import ModuleOnUse
order = ModuleOnUse("rating.order")
assert "numba" not in sys.modules
assert order.SHARDS == 256
assert "numba" in sys.modules
assert not hasattr(order, "NOTHING")
"""


@pytest.mark.slow
def test_a_module_is_imported_when_a_name_of_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", _ON_USE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("made", [copy.copy, copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])  # noqa: S301 -- our own
def test_a_module_on_use_is_copied_and_pickled(made: Callable[[ModuleOnUse], ModuleOnUse]) -> None:
    """Neither a copy nor a look-up of a special name imports the module."""
    module = ModuleOnUse("rating.no_such_module")
    copied = made(module)
    assert not hasattr(module, "__iter__")
    with pytest.raises(ModuleNotFoundError, match=r"rating\.no_such_module"):
        copied.SHARDS  # noqa: B018 -- to look it up is the test
    assert made(ModuleOnUse("rating.order")).SHARDS == order.SHARDS


def test_a_module_on_use_without_its_name_has_no_names() -> None:
    """As while it is unpickled by a protocol that does not call `__init__`."""
    bare = ModuleOnUse.__new__(ModuleOnUse)
    for name in ("_name", "_module", "__len__"):
        assert not hasattr(bare, name)


def test_figures_that_stand_beside_a_kernel_are_those_of_it() -> None:
    """They are written out where a kernel is imported on use."""
    assert engine.VIRTUAL_SHARDS == order.SHARDS
    assert by_shard.SHARDS == sealing.SHARDS
    assert sums.HIGH_LIMIT == 1 << (62 - adding_kernel.LOW_BITS)
