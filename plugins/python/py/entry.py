"""The entry of a package, "module:name", and how it answers requests.

    a function              function(**inputs), with weights= if it has a parameter of that name
    a class                 instance(**inputs), of an instance made by Class(weights) or Class()
      with on_weights       one instance; on_weights(version) before the first request of every
                            other version
      a torch.nn.Module     one instance; its parameters and buffers are pointed at the version's
                            memory
      else, with weights    an instance for each version
    any other callable      as a function; an object with on_weights, or a torch.nn.Module, as an
                            instance

An Entry belongs to one model in one interpreter. `use(version)` makes what comes next answer for
that version.
"""

import inspect
import sys
from typing import Any, Callable, Optional, Sequence, Tuple

from .faults import Fault
from .weights import Version

Use = Tuple[Callable[..., Any], Optional[Version]]


class Function:
    """Called as it is; weights are passed if it asks for them."""

    def __init__(self, function: Callable[..., Any], wants_weights: bool) -> None:
        self._function = function
        self._wants_weights = wants_weights

    def use(self, version: Version) -> Use:
        return self._function, version if self._wants_weights else None


class PerVersion:
    """A class whose instances are made for one version each; the shim decides how many versions are
    kept."""

    def __init__(self, make: Callable[[Version], Any]) -> None:
        self._make = make

    def use(self, version: Version) -> Use:
        if version.instance is None:
            version.instance = self._make(version)
        return version.instance, None


class Single:
    """One instance for all versions, told of each by `change`."""

    def __init__(
        self, make: Callable[[Version], Any], change: Any, made_with_weights: bool
    ) -> None:
        self._make = make
        self._change = change  # called with (instance, version), or None
        self._made_with_weights = made_with_weights
        self._instance: Any = None
        self._id: Optional[int] = None

    def use(self, version: Version) -> Use:
        if self._instance is None:
            instance = self._make(version)
            if self._made_with_weights:
                self._id = version.id
            self._instance = instance
        if self._change is not None and self._id != version.id:
            self._id = None  # if it fails half way it is asked again
            self._change(self._instance, version)
            self._id = version.id
        return self._instance, None


class Module(Single):
    """A torch.nn.Module: called under inference_mode."""

    def use(self, version: Version) -> Use:
        import torch

        instance, weights = super().use(version)

        def call(**inputs: Any) -> Any:
            with torch.inference_mode():
                return instance(**inputs)

        return call, weights


# ---- Which of them it is ----


def _is_torch_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return (
        issubclass(value, torch.nn.Module)
        if isinstance(value, type)
        else isinstance(value, torch.nn.Module)
    )


def _signature(function: Any) -> Optional[inspect.Signature]:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # written in C
        return None


def _check_inputs(
    entry: str, function: Any, inputs: Sequence[str], has_self: bool, weights: bool
) -> None:
    """Raises unless `function` can be called with the inputs by name, behind `self` if it has_self,
    and with `weights` if they come and it asks for them."""
    signature = _signature(function)
    if signature is None:
        return
    parameters = list(signature.parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if has_self and parameters and parameters[0].kind in positional:
        parameters = parameters[1:]
    names = dict.fromkeys(inputs)
    if weights and "weights" in signature.parameters:
        names.setdefault("weights")
    try:
        signature.replace(parameters=parameters).bind(**names)
    except TypeError as error:
        raise Fault(
            f"entry '{entry}' cannot be called with the inputs ({', '.join(inputs)}) by name:"
            f" {error}"
        ) from None


def _check_class(entry: str, cls: type, inputs: Sequence[str]) -> None:
    """Raises unless instances can be called with the inputs by name."""
    name = "forward" if _is_torch_module(cls) else "__call__"
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if found is None:
        raise Fault(
            f"entry '{entry}': the class {cls.__name__} has no __call__, so its instances cannot"
            " answer"
        )
    has_self = not isinstance(found, (staticmethod, classmethod))
    _check_inputs(entry, getattr(cls, name), inputs, has_self, weights=False)


def _takes_weights(entry: str, cls: type) -> bool:
    signature = _signature(cls)
    if signature is None:
        return False
    if "weights" in signature.parameters:
        return True
    required = [
        p
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if len(required) > 1 or any(p.kind is p.KEYWORD_ONLY for p in required):
        names = ", ".join(p.name for p in required)
        raise Fault(
            f"entry '{entry}': its constructor needs ({names}), but is given the weights only"
        )
    return bool(required)


def _maker(cls: type, takes_weights: bool) -> Callable[[Version], Any]:
    if not takes_weights:
        return lambda version: cls()
    parameters = _signature(cls).parameters
    if (
        "weights" in parameters
        and parameters["weights"].kind is not inspect.Parameter.POSITIONAL_ONLY
    ):
        return lambda version: cls(weights=version)
    return lambda version: cls(version)


def _module_entry(make: Callable[[Version], Any], on_weights: Any, takes_weights: bool) -> Module:
    def make_module(version: Version) -> Any:
        return make(version).eval()

    if on_weights is not None:
        return Module(make_module, on_weights, takes_weights)
    from .swapping import point_at

    def change(module: Any, version: Version) -> None:
        point_at(module, version, extra_allowed=takes_weights)

    return Module(make_module, change, made_with_weights=False)


def is_torch_module(value: Any) -> bool:
    """Whether the entry is a torch.nn.Module, or a class of them."""
    return _is_torch_module(value)


def find(module: Any, entry: str) -> Any:
    """The object that "module:name" names within the module."""
    name = entry.partition(":")[2]
    value = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise Fault(
                f"entry '{entry}': module '{entry.partition(':')[0]}' has no '{name}'"
            ) from None
    if not callable(value):
        raise Fault(f"entry '{entry}' is {_article(value)}, neither a function nor a class")
    return value


def _article(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def make(value: Any, entry: str, inputs: Sequence[str]) -> Any:
    """The Function, PerVersion, Single or Module for the entry's object."""
    if isinstance(value, type):
        _check_class(entry, value, inputs)
        takes_weights = _takes_weights(entry, value)
        on_weights = getattr(value, "on_weights", None)
        maker = _maker(value, takes_weights)
        if _is_torch_module(value):
            return _module_entry(maker, on_weights, takes_weights)
        if on_weights is not None or not takes_weights:
            return Single(maker, on_weights, takes_weights)
        return PerVersion(maker)
    call = value.forward if _is_torch_module(value) else value
    _check_inputs(entry, call, inputs, has_self=False, weights=True)
    on_weights = getattr(type(value), "on_weights", None)
    if _is_torch_module(value):
        return _module_entry(lambda version: value, on_weights, False)
    if on_weights is not None:
        return Single(lambda version: value, on_weights, False)
    signature = _signature(value)
    return Function(
        value,
        signature is not None and "weights" in signature.parameters and "weights" not in inputs,
    )
