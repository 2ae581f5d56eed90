"""No module imports itself through others, whether for work or for types alone."""

from __future__ import annotations

import graphlib

import grimp

PACKAGES = ("rating", "tariffs", "mediation", "billing", "server")


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, the first of them again at the end; empty where there is none."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > len(imports)
    assert circle(imports) == []


def test_a_circle_is_named() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
