"""Writes the seed inputs of every target into corpus/, from tests/data and from a few lines here.

usage: python make_seeds.py [target ...]

How to add what the fuzzer found on the way: README.md.
Needs only Python. The formats of the inputs are in targets.h.
"""
import hashlib
import io
import json
import pathlib
import re
import struct
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
OPS = HERE.parent / "data" / "tf" / "ops"
SLICES = HERE.parent / "data" / "tf" / "slices"
TEXT = HERE.parent / "data" / "tf" / "text"
SAVED_MODELS = HERE.parent / "data" / "tf" / "saved_model"
DIGITS = HERE.parent / "data" / "digits" / "mnist_deep_model.ckpt-4000"
ORBAX = HERE.parent / "data" / "orbax" / "small.ckpt" / "params"
PACKAGES = HERE.parent / "data" / "package"
DATA = ".data-00000-of-00001"
SEEDS = []


def target(function):
    SEEDS.append(function)
    return function


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def block(table, at):
    """The rows of the uncompressed block that the handle at `at` begins."""
    offset, at = varint(table, at)
    size, at = varint(table, at)
    data = table[offset:offset + size]
    end = len(data) - 4 - 4 * struct.unpack("<I", data[-4:])[0]
    at, key = 0, b""
    while at < end:
        shared, at = varint(data, at)
        fresh, at = varint(data, at)
        size, at = varint(data, at)
        key = key[:shared] + data[at:at + fresh]
        yield key, data[at + fresh:at + fresh + size]
        at += fresh + size


def rows(table):
    """All rows of an uncompressed table."""
    footer = len(table) - 48
    _, at = varint(table, footer)
    _, at = varint(table, at)
    for _, handle in block(table, at):
        # A handle lies in the row's value, so it is decoded from there.
        yield from block(table + handle, len(table))


def packed(table, compress=0):
    """The table's rows as TableOfRows takes them."""
    out = bytes([compress])
    for key, value in rows(table):
        out += bytes([len(key)]) + struct.pack("<H", len(value)) + key + value
    return out + b"\xff"


def checkpoints():
    for index in sorted([*OPS.glob("*/model.ckpt.index"), *SLICES.glob("*.index")]):
        yield index.parent.name if index.stem == "model.ckpt" else index.stem, index.with_suffix("")
    yield "digits", DIGITS


def read(prefix, suffix):
    return pathlib.Path(str(prefix) + suffix).read_bytes()


@target
def bundle_index():
    for name, prefix in checkpoints():
        yield name, read(prefix, ".index")


@target
def bundle_data():
    for i, (name, prefix) in enumerate(checkpoints()):
        shard = pathlib.Path(str(prefix) + DATA)
        if shard.exists() and shard.stat().st_size < 8000:  # one data file, and a small one
            yield name, packed(read(prefix, ".index"), i % 2) + shard.read_bytes()


@target
def v1_table():
    for path in sorted(SLICES.glob("v1_*")):
        yield path.name, path.read_bytes()


@target
def v1_rows():
    for path in sorted(SLICES.glob("v1_*")):
        yield path.name, packed(path.read_bytes())


@target
def meta_graph():
    for name, prefix in checkpoints():
        meta = read(prefix, ".meta")
        if len(meta) < 21000:
            yield name, meta


@target
def saved_model():
    for path in sorted(SAVED_MODELS.glob("*/model/saved_model.pb")):
        if path.stat().st_size < 30000:
            yield path.parents[1].name, path.read_bytes()


@target
def text_graph():
    for kind in ("meta", "pbtxt"):  # the first nodes of a real file, which is large
        text = (TEXT / f"rows.{kind}").read_bytes()
        end = {"meta": b"\n  }\n", "pbtxt": b"\n}\n"}[kind]
        start = text.find(b"graph_def {") if kind == "meta" else 0
        cut = text.rfind(end, start, start + 6000) + len(end)
        yield kind, text[start:cut] + (b"}\n" if kind == "meta" else b"")
    yield "spellings", b"""# every way to write a value
graph_def: < node { name: 'x' op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: -1 } dim { size: 0x3 } } } } }
 node { name: "c" op: "Const" attr { key: "dtype" value { type: 1 } } attr { key: "value" value { tensor {
   dtype: DT_FLOAT tensor_shape { dim { size: 3 } } float_val: [1.5, -inf, nan] float_val: 1e3f } } } };
 node { name: "y", op: "Add" "V2" input: "x" input: ["c"] attr { key: "T" value { type: DT_FLOAT } }
   attr { key: "b" value { b: true } } attr { key: "l" value { list { i: [1, 2] s: "\\001\\x41\\u00e9" } } } } >
"""


@target
def checkpoint_state():
    yield "plain", b'model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt-1"\n'
    yield "escapes", b'# a comment\nmodel_checkpoint_path: "/gone/\\345\\x5fmodel.ckpt"\nlast_preserved_timestamp: 1.5\n'
    yield "windows", b"model_checkpoint_path: 'C:\\\\runs\\\\model.ckpt'\r\n"


@target
def config():
    for path in sorted((HERE.parents[1] / "configs").glob("*.toml")):
        yield path.stem, path.read_bytes()
    yield "overrides", b'backend = "reference"\n\0precision.mode=force_fp16\nexecution.threads = 3\nplugins.list=["a"]\n'


@target
def npu_options():
    yield "sample", (HERE.parents[1] / "configs" / "npu_sample.json").read_bytes()
    names = re.findall(r"^\| `(\w+)`", (HERE.parents[1] / "docs" / "npu_options.md").read_text(), re.M)
    yield "every_option", json.dumps({name: "1" for name in names}).encode()
    yield "mixlist", b'{"precision_mode": "allow_mix_precision", "modify_mixlist": "side"}\0' + \
        b'{"black-list": {"to-add": ["MatMul"]}, "white-list": {"to-add": ["Relu"], "to-remove": ["Softmax"]}}'
    yield "op_precision", b'{"op_precision_mode": "side"}\0[ByOpType]\nSoftmax=high_precision\n[ByNodeName]\nfc/a=keep_fp16\n'
    yield "dtypes", b'{"customize_dtypes": "side"}\0a/b::InputDtype:float16,OutputDtype:float32\nOpType::Relu:InputDtype:float16\n'
    yield "fusion", b'{"fusion_switch_file": "side"}\0{"Switch": {"GraphFusion": {"ALL": "off"}, "UBFusion": {"ALL": "on"}}}'
    yield "shapes", b'{"input_shape": "x:-1,3;y:2,-1", "dynamic_dims": "1,2;3,4", "dynamic_node_type": 1, "a": [1, {"b": null}]}'


@target
def npy():
    def array(header, data, version=b"\x01\x00"):
        size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
        return b"\x93NUMPY" + version + size + header.encode() + data

    kinds = {"f2": 2, "f4": 4, "f8": 8, "i1": 1, "u1": 1, "b1": 1, "i2": 2, "u2": 2, "i4": 4, "u4": 4, "i8": 8, "u8": 8}
    for kind, size in kinds.items():
        order = "|" if size == 1 else "<"
        yield kind, array(f"{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': (2, 3), }}\n", bytes(6 * size))
    yield "fortran", array("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 1), }\n", bytes(range(24)))
    yield "scalar", array("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", bytes(8), b"\x02\x00")
    yield "empty", array("{'descr': '<i4', 'fortran_order': False, 'shape': (0, 7), }\n", b"", b"\x03\x00")


@target
def npz():
    arrays = dict(npy())
    for name, kind in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", kind) as archive:
            for key in ("f4", "fortran", "empty"):
                archive.writestr(zipfile.ZipInfo(key + ".npy"), arrays[key], kind)
            archive.writestr(zipfile.ZipInfo("notes.txt"), b"no array", kind)
        yield name, file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open(zipfile.ZipInfo("x.npy"), "w", force_zip64=True) as member:
            member.write(arrays["i8"])
    yield "zip64", file.getvalue()


def folder(files, keep_checksums=0):
    """Files as FuzzOrbax takes them."""
    return bytes([keep_checksums]) + b"".join(
        bytes([len(name)]) + name.encode() + struct.pack("<H", len(data)) + data for name, data in files.items())


def leb(*numbers):
    out = b""
    for number in numbers:
        while number >= 128:
            out += bytes([number & 127 | 128])
            number >>= 7
        out += bytes([number])
    return out


def record(magic, body):
    return struct.pack(">I", magic) + struct.pack("<Q", len(body) + 18) + b"\0\0" + body + bytes(4)


def tree(*names):
    return json.dumps({"tree_metadata": {str(name): {} for name in names}, "use_zarr3": False}).encode()


def layout(shape, chunks, dtype="<f4", order="C", compressor=None):
    return json.dumps({"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": dtype, "order": order,
                       "compressor": compressor, "fill_value": None, "filters": None}).encode()


@target
def orbax():
    files = {str(path.relative_to(ORBAX)): path.read_bytes() for path in sorted(ORBAX.rglob("*")) if path.is_file()}
    yield "tensorstore", folder(files)
    yield "plain", folder({
        "_METADATA": tree(("a",), ("b", "w")), "a/.zarray": layout([3], [2]), "a/0": bytes(8), "a/1": bytes(8),
        "b.w/.zarray": layout([3, 2], [2, 2], ">i2", "F"), "b.w/0.0": bytes(range(8)), "b.w/1.0": bytes(8)})
    # A database without compression, whose bytes can be changed one by one: a root over two leaves.
    files = leb(1, 6, 0) + b"d/data"
    zarray = layout([2], [2])
    leaves = [
        record(0x0cdb20de, b"\0" + files + leb(2, 0, 9, 3) + b"a/.zarray" + b"a/0" + leb(len(zarray), 8, 0, 0) +
               zarray + bytes(8)),
        record(0x0cdb20de, b"\0" + files + leb(2, 2, 9, 1) + b"b/.zarray" + b"0" + leb(len(zarray), 8, 0, 1, 0, 0) +
               zarray)]
    data = bytes(range(8)) + leaves[0] + leaves[1]
    places = leb(0, 0, 8, 8 + len(leaves[0]), len(leaves[0]), len(leaves[1]), 2, 2, 9, 9, 9, 9)
    root = record(0x0cdb20de, b"\1" + files + leb(2, 0, 1, 1, 0, 0) + b"ab" + places)
    manifest = record(0x0cdb3a2a, bytes(16) + leb(0, 1024, 100000, 4, 0) + files +
                      leb(1, 1, 1, 0, len(data), len(root), 4, 9, 9) + bytes(8) + leb(0))
    yield "tree", folder({"_METADATA": tree(("a",), ("b",)), "manifest.ocdbt": manifest, "d/data": data + root})


@target
def safetensors():
    yield "every_dtype", (HERE.parent / "data" / "safetensors" / "every_dtype.safetensors").read_bytes()
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}'
    yield "small", struct.pack("<Q", len(header)) + header + bytes(8)
    yield "none", struct.pack("<Q", 2) + b"{}"


@target
def norm_stats():
    entry = {"mean": [0.5, -1e-3], "std": [1, "2.5"], "q01": [-1, 0], "q99": [float("nan"), float("inf")]}
    yield "full", json.dumps({"norm_stats": {"state": entry, "actions": entry}}, indent=2).encode()
    yield "least", b'{"norm_stats": {"a": {"mean": [], "std": [], "q01": null}}}'


@target
def fast_tokenizer():
    config = {"scale": 10, "min_token": -3, "vocab_size": 9, "action_dim": None, "time_horizon": 2}
    vocab = {"a": 0, "\u0120": 1, "\u0143b": 2, "\u0001": 3, "\u793c": 4, "\u00c3\u00a9": 5}
    tokenizer = {"model": {"type": "BPE", "vocab": vocab, "merges": []}, "decoder": {"type": "ByteLevel"}}
    yield "small", json.dumps(tokenizer, ensure_ascii=False).encode() + b"\0" + json.dumps(config).encode()


@target
def push_message():
    def message(body):
        return b"MSP1" + struct.pack("<I", len(body)) + body

    yield "push", message(json.dumps({
        "verb": "push", "name": "runs/7/policy.npz", "format": "npz", "check": "superset", "base": 7, "finite": True,
        "accept_float64": False, "rename": [["actor/*", "*"], ["a", "b"]], "digest": "0123456789abcdef" * 4}).encode())
    yield "least", message(b'{"verb":"push","name":"a","format":"safetensors"}')
    yield "status", message(b'{"verb":"status"}')
    yield "rollback", message(b'{"verb":"rollback","version":18446744073709551615}')
    yield "reply", message(b'{"version":3,"tensors":8,"read_ms":0.25,"update_ms":1e-3}')
    yield "refusal", message(b'{"code":"DATA_LOSS","message":"a\\n  \\"b\\": why"}')


CODE, TENSOR = b"def run(x): return x\n", b"\1" * 32


def manifest(**changed):
    def entry(name, data):
        return {"file": name, "sha256": hashlib.sha256(data).hexdigest()}

    fields = {
        "format": "midstream.package", "version": 1, "name": "policy", "entry": "policy:run", "python": "3.10",
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 4]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": ["batch", 2]}],
        "batching": True, "extern": ["numpy"],
        "tensors": [{"name": "w", "dtype": "float32", "shape": [4, 2]} | entry("data/0.bin", TENSOR)],
        "files": [entry("code/policy.py", CODE)]}
    return json.dumps(fields | changed).encode()


@target
def package():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (("code/policy.py", CODE), ("data/0.bin", TENSOR), ("manifest.json", manifest())):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            if name.endswith(".bin"):
                size = -(out.tell() + 30 + len(name) + 4) % 64
                info.extra = b"FB" + struct.pack("<H", size) + bytes(size)
            archive.writestr(info, data)
    yield "policy", out.getvalue()


@target
def package_manifest():
    yield "policy", manifest()
    yield "scalars", manifest(batching=False, inputs=[{"name": "x", "dtype": "bool", "shape": []}],
                              outputs=[{"name": "y", "dtype": "bfloat16", "shape": []}])


@target
def torch_package():
    for name in ("module", "repeated", "tensors"):
        yield name, (PACKAGES / f"{name}.pt").read_bytes()


@target
def pickle():
    for name, member in (("module", "model/model.pkl"), ("tensors", "weights/weights.pkl")):
        with zipfile.ZipFile(PACKAGES / f"{name}.pt") as archive:
            yield name, archive.read(f"{name}/{member}")


def main():
    for function in SEEDS:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        folder = HERE / "corpus" / function.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in function():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
