"""The source of a mocked module: it can be imported, and raises when something of it is used."""

from __future__ import annotations

_STUB = '''"""Stands in for '{module}', which was mocked when this package was made."""


class _Mocked:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _Mocked(f"{{self._name}}.{{name}}")

    def _raise(self, *unused, **also_unused):
        raise NotImplementedError(
            f"{{self._name}} is used, but the module '{module}' was mocked "
            "when the package was made"
        )

    def __repr__(self):
        return f"<mocked {{self._name}}>"

    __call__ = __instancecheck__ = __subclasscheck__ = __mro_entries__ = _raise
    __getitem__ = __setitem__ = __delitem__ = __contains__ = __iter__ = __len__ = _raise
    __enter__ = __exit__ = __bool__ = __int__ = __float__ = __index__ = __await__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _raise
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = __lt__ = __le__ = __gt__ = __ge__ = _raise


def __getattr__(name):
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)
    return _Mocked("{module}." + name)
'''


def stub(module: str) -> bytes:
    return _STUB.format(module=module).encode()
