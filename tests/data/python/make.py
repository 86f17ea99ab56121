#!/usr/bin/env python3
"""Writes a policy of this folder as a package, its inputs, and what plain Python answers.

    make.py POLICY FOLDER
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "sdk" / "python")]

from midstream.package import Packager  # noqa: E402  (found by the line above)

BATCH = 3


def arrays():
    """Weights and inputs of the two small policies."""
    rng = np.random.default_rng(5)
    weights = {
        "hidden/kernel": rng.standard_normal((6, 16), np.float32),
        "hidden/bias": rng.standard_normal(16, np.float32),
        "action/kernel": rng.standard_normal((16, 4), np.float32),
    }
    return weights, {"state": rng.standard_normal((BATCH, 6), np.float32), "gain": np.float32(0.5)}


def numpy_policy(package):
    from numpy_policy import Policy

    weights, inputs = arrays()
    package.extern("numpy")
    package.add_tensors(weights)
    return inputs, Policy(weights)(**inputs)


def pure_policy(package):
    from pure_policy import act

    weights, inputs = arrays()
    weights = {"action/kernel": weights["action/kernel"][:6]}
    package.add_tensors(weights)
    action, value = act(**inputs, weights=weights)
    return inputs, {"action": np.array(action, np.float32), "value": np.array(value, np.float32)}


def torch_policy(package):
    import torch
    from torch_policy import Policy

    torch.manual_seed(3)
    model = Policy()
    for name, value in model.named_buffers():  # as after training
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    image = torch.rand(BATCH, 3, 32, 32)
    package.extern("torch")
    package.add_tensors(model)
    with torch.inference_mode():
        return {"image": image.numpy()}, {"action": model(image).numpy()}


def text(name, array):
    """A declaration; the first dimension of whatever has one is the batch."""
    shape = ["batch", *array.shape[1:]] if array.ndim else []
    return f"{name}: {array.dtype}" + (f"[{', '.join(map(str, shape))}]" if shape else "")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    policy, folder = sys.argv[1], Path(sys.argv[2])
    entry = {"pure_policy": "act"}.get(policy, "Policy")
    with Packager(folder / f"{policy}.mspkg", entry=f"{policy}:{entry}", source=HERE) as package:
        package.intern("shaping")
        inputs, answers = globals()[policy](package)
        for name, array in inputs.items():
            package.add_input(text(name, array))
            np.save(folder / f"{name}.npy", array)
        for name, array in answers.items():
            package.add_output(text(name, np.asarray(array)))
    np.savez(folder / "want.npz", **answers)


if __name__ == "__main__":
    main()
