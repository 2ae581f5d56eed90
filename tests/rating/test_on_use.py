"""Packages whose names are imported on first use give each name they list, and no other."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

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
