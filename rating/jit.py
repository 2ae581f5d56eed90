"""Compilation and caching of kernels: explicit signatures, no GIL, and a cache that cannot serve another source's code.

numba's disk cache is keyed by the path of a file, and by the content of that file alone. An edited helper in another file brings back
wrong code, and each checkout compiles anew. So each kernel module caches in a folder named by what its code depends on: the content of its
sources, the versions of the compiler, the processor, and numba's switches. The same sources at another path or with another time find
the same folder. Kernels of one concern stay in one module.

numba's index is not locked: two processes that save at once can bring back wrong code. So one process at a time compiles into a folder or
reads it. The second waits, and finds what the first one compiled.

numba unpickles what lies in the folder, so a user who can write there runs code as this user. `private_folders` holds every folder to be
this user's own and closed to others. The folder lies in the user's cache folder, or in the temporary one where that cannot be written or
locked. Where none is, kernels are compiled into a fresh folder that lasts as long as the process.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import llvmlite  # type: ignore[import-untyped]  # it comes with numba, and has no stubs
import numba
import numba.extending
import numpy as np
from llvmlite import binding
from numba.core import caching, config

from rating import private_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LOCK_NAME: Final = "lock"
_ROOT: Final = Path(__file__).parents[1]
_SWITCHES: Final = "NUMBA_"  # begins the name of each variable that numba reads
SOURCES: Final[dict[Path, list[Path]]] = {}  # of each kernel module so far
_one_decorates: Final = threading.RLock()  # numba's options are of the whole process


class ContentLocator(caching.UserProvidedCacheLocator):
    """The folder that `njit` asks for, as it is: its name says which sources it is for."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:  # noqa: ARG003 - numba calls it so
        """No folder a path."""
        return ""

    def get_source_stamp(self) -> str:
        """The folder's name, a hash of all sources."""
        return Path(self._cache_path).name


def kernel_module(file: str, *constants: str) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """The decorator for the kernels of the module `file` (pass `__file__`): `@njit("int64(int64)")` or with a list of types.

    `constants`: files of the modules whose constants and kernels these kernels have compiled in. What those have compiled in counts too.
    """
    folder = cache_folder(sources_of(file, *constants))

    def njit(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: ANN401 - numba's own types
        def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
            with _one_decorates, _locked(folder), _cached_in(folder):
                decorate = numba.njit(signature, cache=True, nogil=True, error_model="numpy")
                compiled: Callable[..., Any] = decorate(function)
            return compiled

        return decorated

    return njit


def sources_of(file: str, *constants: str) -> list[Path]:
    """All files whose content decides what the kernels of a module are compiled to: its own one first."""
    named = [Path(each) for each in (file, *constants, __file__)]
    SOURCES[named[0]] = list(dict.fromkeys(each for name in named for each in (name, *SOURCES.get(name, ()))))
    return SOURCES[named[0]]


def cache_folder(sources: Sequence[Path]) -> Path:
    """The folder of what is compiled from these sources; made if it is missing. The first source has the kernels."""
    name = f"{sources[0].stem}-{_digest(sources)[:32]}"
    for root in (_user_cache(), Path(tempfile.gettempdir()) / f"ratewright-{os.geteuid()}"):
        folder = root / "kernels" / name
        if private_folders.made(folder, below=root.parent) and os.access(folder, os.W_OK) and _can_be_locked(folder):
            return folder
    fresh = Path(tempfile.mkdtemp(prefix="ratewright-kernels-"))
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    return fresh


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


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Name the folder and its locator to numba, which reads these options when it decorates."""
    ours = {"CACHE_DIR": str(folder), "CACHE_LOCATOR_CLASSES": f"{__name__}.{ContentLocator.__name__}"}
    before = {name: getattr(config, name) for name in ours}
    _set(ours)
    try:
        yield
    finally:
        _set(before)


def _set(options: dict[str, Any]) -> None:
    for name, value in options.items():
        setattr(config, name, value)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from the folder. The lock goes with the process that holds it."""
    with (folder / LOCK_NAME).open("ab") as file:
        with contextlib.suppress(OSError):  # a folder of this process alone may lie where nothing can be locked
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # as above
                fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a child that was forked meanwhile has the file open too


def _digest(sources: Sequence[Path]) -> str:
    """A hash of all that compiled code depends on. Names are there because numba keeps the names of modules with the code."""
    versions = [numba.__version__, llvmlite.__version__, np.__version__, sys.version]
    switches = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(_SWITCHES))
    digest = hashlib.sha256("\0".join([*versions, binding.get_host_cpu_name(), *switches]).encode())
    for source in sources:
        name = str(source.relative_to(_ROOT)) if source.is_relative_to(_ROOT) else str(source)
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def _can_be_locked(folder: Path) -> bool:
    """False on file systems without locks, where compiled code is not safe from a second process."""
    try:
        with (folder / LOCK_NAME).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _user_cache() -> Path:
    if "XDG_CACHE_HOME" in os.environ:
        return Path(os.environ["XDG_CACHE_HOME"]) / "ratewright"
    return Path.home() / ".cache" / "ratewright"
