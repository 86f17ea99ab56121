"""Which names are the standard library's, and which of them a file on the path cannot take.

Plain Python takes a module from the first folder of the path that has it, so a file goes before a
module of the standard library of its name, unless the interpreter has that one built in, frozen, or
imported before any code of the user runs.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import sysconfig

OWN_MODULE = "midstream_model"
NAMES = sys.stdlib_module_names | {OWN_MODULE}

# Those that no file can take in CPython 3.10 and every later one, however it is built. The same are
# in core/cli/package_folder.cc.
CORE = frozenset(
    """
    _abc _ast _codecs _collections _collections_abc _frozen_importlib _frozen_importlib_external
    _functools _imp _io _locale _operator _signal _sitebuiltins _sre _stat _string _symtable _thread
    _tracemalloc _warnings _weakref abc atexit builtins codecs encodings errno faulthandler gc
    genericpath io itertools marshal os posix posixpath pwd site stat sys time zipimport
    """.split()
) | {OWN_MODULE}


def has_built_in(name: str) -> bool:
    """Whether this interpreter has the module without a file."""
    machinery = importlib.machinery
    return any(
        finder.find_spec(name) is not None
        for finder in (machinery.BuiltinImporter, machinery.FrozenImporter)
    )


_FOLDERS = {
    os.path.realpath(folder)
    for folder in (
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        os.path.dirname(os.__file__),
    )
}
_ZIP = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"


def is_standard_folder(entry: str) -> bool:
    """Whether an entry of sys.path is of the standard library."""
    return os.path.realpath(entry) in _FOLDERS or os.path.basename(entry) in ("lib-dynload", _ZIP)
