"""Compilation and caching of kernels: explicit signatures, no GIL, and a cache that cannot serve another source's code.

numba's disk cache is keyed by file name and time, not by content, and its index is not locked. An edited helper in another file or two
processes that save at once can bring back wrong code. So each kernel module caches in a folder of its own, named by a hash of its
source and of the environment. Kernels of one concern stay in one module. The folder lies in the user's cache folder, or in the
temporary one where that cannot be written.

numba unpickles what lies in the folder, so a user who can write there runs code as this user. `private_folders` holds every folder to be
this user's own and closed to others. Where none is, kernels are compiled into a fresh folder that lasts as long as the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numba.extending
from numba.core import config

from rating import private_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def kernel_module(file: str, *constants: str) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """The decorator for the kernels of the module `file` (pass `__file__`): `@njit("int64(int64)")` or with a list of types.

    `constants`: files of the modules whose constants the kernels have compiled in.
    """
    cache_folder = _cache_folder([Path(file), *map(Path, constants)])

    def njit(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: ANN401 - numba's own types
        setattr(config, "CACHE_DIR", str(cache_folder))  # noqa: B010 - numba sets its options by name, and reads this one when it decorates
        compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(signature, cache=True, nogil=True, error_model="numpy")
        return compiled

    return njit


@numba.extending.intrinsic
def _without_owner(_typing: Any, group: Any) -> Any:  # noqa: ANN401 - numba's own types
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        built = arguments[0]
        for place, kind in enumerate(signature.args[0].types):
            array = context.make_array(kind)(context, builder, builder.extract_value(built, place))
            array.meminfo = array.meminfo.type(None)
            built = builder.insert_value(built, array._getvalue(), place)  # noqa: SLF001 - there is no other way to the value
        return built

    return group(group), build


def borrowed(group: Any) -> Any:  # noqa: ANN401 - any named tuple of arrays
    """In a kernel: the same arrays, kept alive by the caller alone.

    No call inside counts references to them, which would take 2 us for 60 arrays.
    """
    return group


@numba.extending.overload(borrowed)
def _borrowed(group):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001 - numba compares this signature with the inner one
    return lambda group: _without_owner(group)  # type: ignore[call-arg]  # noqa: PLW0108 - numba compiles this function


def _cache_folder(sources: Sequence[Path]) -> Path:
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    switches = [name + os.environ.get(name, "") for name in ("NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT")]
    digest.update("\0".join([numba.__version__, sys.version, worker, *switches]).encode())
    name = f"{sources[0].stem}-{digest.hexdigest()[:16]}"
    for root in (_user_cache(), Path(tempfile.gettempdir()) / f"ratewright-{os.geteuid()}"):
        folder = root / "kernels" / name
        if private_folders.made(folder, below=root.parent) and os.access(folder, os.W_OK):
            return folder
    fresh = Path(tempfile.mkdtemp(prefix="ratewright-kernels-"))
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    return fresh


def _user_cache() -> Path:
    if "XDG_CACHE_HOME" in os.environ:
        return Path(os.environ["XDG_CACHE_HOME"]) / "ratewright"
    return Path.home() / ".cache" / "ratewright"
