"""Points the parameters and buffers of a torch.nn.Module at the memory of a version, without a
copy.

Names are those of state_dict. The tensor objects stay the same, so tied parameters stay tied and
whoever refers to them sees the new values; only their storage is another.
"""

from typing import Any, List

from .arrays import TorchTensors
from .faults import Fault
from .weights import Version


def _tensors(module: Any, torch: Any) -> dict:
    """The parameters and persistent buffers themselves, by all their names."""
    state = module.state_dict(keep_vars=True)
    return {name: tensor for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}


def point_at(module: Any, version: Version, extra_allowed: bool) -> None:
    """Raises Fault, and changes nothing, unless the version has every parameter and buffer with its
    dtype and shape, and, unless `extra_allowed`, nothing else. Of tied tensors one name is
    enough."""
    import torch

    tensors = _tensors(module, torch)
    have = {id(tensors[name]) for name in version if name in tensors}
    missing: List[str] = [name for name, tensor in tensors.items() if id(tensor) not in have]
    extra = [name for name in version if name not in tensors]
    if missing:
        raise Fault(
            f"the package has no weight '{missing[0]}', which state_dict() of"
            f" {type(module).__name__} names"
        )
    if extra and not extra_allowed:
        raise Fault(
            f"state_dict() of {type(module).__name__} has no '{extra[0]}', which is a weight of"
            " the package"
        )
    kind = TorchTensors(torch)
    new = {}
    for name, tensor in tensors.items():
        if name not in version:
            continue
        needed = str(tensor.dtype).replace("torch.", "")
        dtype, memory = version.value(name)
        shape = memoryview(memory).shape
        if shape != tuple(tensor.shape):
            raise Fault(
                f"weight '{name}' has shape {list(shape)}, the module needs {list(tensor.shape)}"
            )
        if dtype != needed:
            raise Fault(f"weight '{name}' is {dtype}, the module needs {needed}")
        new[name] = kind.weight(shape, dtype, memory)
    for name, value in new.items():
        tensors[name].data = value
