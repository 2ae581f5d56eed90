"""Names of a package, and modules, that are imported when they are first used, so that a command loads only what it runs."""

from __future__ import annotations

import ast
import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def names_on_use(package: str, file: str) -> Callable[[str], Any]:
    """`__getattr__` of a package: gives what its `__init__` (pass `__name__` and `__file__`) imports under `TYPE_CHECKING`.

    A name must differ from the package's modules: an imported module has its own name there.
    """

    @functools.cache
    def homes() -> dict[str, str]:
        return dict(_type_imports(Path(file).read_text(encoding="utf-8")))

    def load(name: str) -> Any:  # noqa: ANN401 - of a name's own type
        if name.startswith("__") or name not in homes():
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        found = getattr(importlib.import_module(homes()[name]), name)
        setattr(importlib.import_module(package), name, found)
        return found

    return load


class ModuleOnUse:
    """A module that is imported when a name of it is first asked for: compiled loops take half a second to load.

    Its names are asked for anew each time, which takes a tenth of a microsecond. It is copied and pickled by its name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None

    def __reduce__(self) -> tuple[type[ModuleOnUse], tuple[str]]:
        return ModuleOnUse, (self._name,)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of a name's own type
        if name in {"_name", "_module"} or (name.startswith("__") and name.endswith("__")):  # Python's own
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        if self._module is None:
            self._module = importlib.import_module(self._name)
        return getattr(self._module, name)


def _type_imports(source: str) -> list[tuple[str, str]]:
    """Names and their modules, from the imports in the block `if TYPE_CHECKING:`."""
    blocks = [each for each in ast.parse(source).body if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"]
    imports = [each for block in blocks for each in block.body if isinstance(each, ast.ImportFrom) and each.module]
    return [(alias.name, str(each.module)) for each in imports for alias in each.names]
