"""Writes the archives of torch.package beside this file, and what their tensors are.

usage: python make.py    (torch 2.7.1; the bytes of an archive are the same each time but for its id)
"""
import json
import pathlib
import sys
import tempfile

import torch
from torch.package import PackageExporter

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = '''import torch


class Block(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = torch.nn.Linear(n, n)
        self.norm = torch.nn.BatchNorm1d(n)

    def forward(self, x):
        return torch.relu(self.norm(self.fc(x)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.Sequential(Block(3), Block(3))
        self.head = torch.nn.Linear(3, 2, bias=False)
        self.head.tied = self.blocks[0].fc.weight
        self.register_buffer("scale", torch.tensor(2.0, dtype=torch.bfloat16))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)

    def forward(self, x):
        return self.head(self.blocks(x)) * self.scale.float()
'''


def numbered(net):
    """Parameter number i holds i, i + 1/4, i + 1/2, ..."""
    with torch.no_grad():
        for i, value in enumerate(net.parameters()):
            value.copy_(torch.arange(value.numel()).reshape(value.shape) / 4 + i)
    return net


def views():
    """Views of storages, and every dtype that the engine has."""
    whole = torch.arange(24, dtype=torch.float32)
    tensors = {
        "transposed": whole.reshape(4, 6).t(),
        "part": whole[5:17].reshape(3, 4),
        "steps": whole[1::3],
        "empty": torch.zeros(0, 5),
        "scalar": torch.tensor(7),
    }
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16,
                  torch.int32, torch.int64, torch.uint8, torch.bool):
        tensors[str(dtype).split(".")[1]] = torch.arange(3).to(dtype)
    return tensors


def save(name, fill):
    with PackageExporter(str(HERE / name)) as exporter:
        exporter.intern("smallnet.**")
        exporter.extern("torch.**")
        fill(exporter)


def described(tensors):
    return {
        name: {"dtype": str(value.dtype).split(".")[1], "shape": list(value.shape),
               "values": value.double().flatten().tolist()}
        for name, value in tensors.items()
    }


def main():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "smallnet.py").write_text(SOURCE)
        sys.path.insert(0, folder)
        import smallnet

        net = numbered(smallnet.Net())
        save("module.pt", lambda e: e.save_pickle("model", "model.pkl", net))

        def both(exporter):
            exporter.save_module("smallnet")
            exporter.save_pickle("weights", "weights.pkl", views())
            exporter.save_pickle("weights", "more.pkl", {"a": torch.ones(2)})
            exporter.save_pickle("config", "sizes.pkl", {"layers": 2})
            exporter.save_text("config", "about.txt", "two blocks\n")

        save("tensors.pt", both)
        repeated = torch.ones(1).expand(5)
        save("repeated.pt", lambda e: e.save_pickle("weights", "weights.pkl", {"r": repeated}))
        save("complex.pt", lambda e: e.save_pickle(
            "weights", "weights.pkl", {"c": torch.ones(2, dtype=torch.complex64)}))
        (HERE / "expected.json").write_text(
            json.dumps({"module": described(net.state_dict()), "tensors": described(views())},
                       indent=1) + "\n")


main()
