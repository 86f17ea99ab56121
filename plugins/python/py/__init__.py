"""What runs inside an interpreter that hosts models: imports, entries, arrays, versions, errors.

The shim (plugins/python/shim) embeds these modules, imports them in the order that its
CMakeLists.txt names, and calls `runtime`. They use nothing but the standard library, import numpy
and torch only for models that declare them, and can be imported as ordinary modules too, which is
how their tests run.

Threads: the interpreter's own thread calls in; code of a model may call back (imports, resources)
from any of its own.
"""
