"""PackageFile: reads a .mspkg container back. It executes nothing of it."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

from ._archive import ALIGNMENT
from ._declare import DTYPE_SIZES, TensorDeclaration
from ._errors import PackageError

if TYPE_CHECKING:
    import numpy

_CHUNK = 1 << 24


class PackageFile:
    """An open package. Errors of every method: PackageError naming the file and the entry.

    manifest: the whole manifest; name, entry, python, batching, extern, inputs, outputs: its parts.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as error:
            raise PackageError(f"{self.path} is no package: {error}") from None
        try:
            self.manifest: dict[str, Any] = self._read_manifest()
            self.name: str = self.manifest["name"]
            self.entry: str = self.manifest["entry"]
            self.python: str = self.manifest["python"]
            self.batching: bool = self.manifest["batching"]
            self.extern: list[str] = self.manifest["extern"]
            self.inputs = [_declaration(one) for one in self.manifest["inputs"]]
            self.outputs = [_declaration(one) for one in self.manifest["outputs"]]
            self._tensors = {one["name"]: one for one in self.manifest["tensors"]}
            self._digests: dict[str, str] = {
                one["file"]: one["sha256"]
                for one in [*self.manifest["files"], *self.manifest["tensors"]]
            }
        except (KeyError, TypeError) as error:
            self._zip.close()
            raise self._fault(
                "manifest.json", f"a key is missing or of another kind: {error}"
            ) from None
        except PackageError:
            self._zip.close()
            raise

    @property
    def files(self) -> list[str]:
        """Every entry but the manifest, in the order of the file."""
        return [info.filename for info in self._zip.infolist() if info.filename != "manifest.json"]

    @property
    def modules(self) -> dict[str, str]:
        """The packed modules: name -> entry."""
        found = {}
        for file in self.files:
            if file.startswith("code/") and file.endswith(".py"):
                module = file[len("code/") : -len(".py")].removesuffix("/__init__")
                found[module.replace("/", ".")] = file
        return found

    @property
    def tensors(self) -> list[str]:
        """Names of the tensors, in the manifest's order."""
        return list(self._tensors)

    def read(self, file: str) -> bytes:
        """The bytes of an entry."""
        try:
            return self._zip.read(file)
        except KeyError:
            raise self._fault(file, "there is no such entry") from None
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise self._fault(file, str(error)) from None

    def source(self, module: str) -> str:
        """The source of a packed module."""
        modules = self.modules
        if module not in modules:
            raise PackageError(f"{self.path} has no module '{module}'")
        return self.read(modules[module]).decode()

    def tensor(self, name: str) -> numpy.ndarray:
        """The value of a tensor: read-only, over the mapped file. bfloat16 is given as uint16 bits
        where the module ml_dtypes is not installed."""
        import numpy

        if name not in self._tensors:
            raise PackageError(f"{self.path} has no tensor '{name}'")
        entry = self._tensors[name]
        shape = tuple(entry["shape"])
        offset, size = self._place(entry["file"])
        expected = DTYPE_SIZES.get(entry["dtype"], 0)
        for dim in shape:
            expected *= dim
        if expected != size:
            raise self._fault(entry["file"], f"tensor '{name}' has {size} bytes, not {expected}")
        dtype = numpy.dtype("uint16" if entry["dtype"] == "bfloat16" else entry["dtype"])
        if size == 0:
            array = numpy.empty(shape, dtype)
            array.flags.writeable = False
        else:
            array = numpy.memmap(self.path, dtype, "r", offset, shape)
        if entry["dtype"] == "bfloat16":
            try:
                import ml_dtypes  # type: ignore[import-not-found,unused-ignore]

                array = array.view(ml_dtypes.bfloat16)
            except ImportError:
                pass
        return array

    def verify(self) -> None:
        """Holds the entries to the manifest: each is there once, stored, and has its SHA-256;
        tensors are aligned; nothing else is there. `midstream package verify` is stricter still."""
        names = [info.filename for info in self._zip.infolist()]
        for name in names:
            if names.count(name) > 1:
                raise self._fault(name, "it is there twice")
        if names[-1] != "manifest.json":
            raise self._fault(names[-1], "it comes after the manifest, which must be the last")
        listed = set(self._digests)
        for file in self.files:
            if file not in listed:
                raise self._fault(file, "the manifest does not list it")
        for file, digest in self._digests.items():
            self._check_digest(file, digest)
        for tensor in self._tensors.values():
            if self._place(tensor["file"])[0] % ALIGNMENT != 0:
                raise self._fault(tensor["file"], f"it is not at a multiple of {ALIGNMENT} bytes")

    def close(self) -> None:
        """Arrays that were handed out stay."""
        self._zip.close()

    def __enter__(self) -> PackageFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fault(self, file: str, text: str) -> PackageError:
        return PackageError(f"{self.path}: {file}: {text}")

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self.read("manifest.json"))
        except ValueError as error:
            if isinstance(error, PackageError):
                raise
            raise self._fault("manifest.json", f"it is no JSON: {error}") from None
        if not isinstance(manifest, dict) or manifest.get("format") != "midstream.package":
            raise self._fault("manifest.json", 'its "format" is not "midstream.package"')
        if manifest.get("version") != 1:
            raise self._fault(
                "manifest.json", f"it has the version {manifest.get('version')}, known is 1"
            )
        return manifest

    def _place(self, file: str) -> tuple[int, int]:
        """Offset and size of the entry's bytes in the file."""
        try:
            info = self._zip.getinfo(file)
        except KeyError:
            raise self._fault(file, "the manifest lists it, but it is not there") from None
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise self._fault(file, "it is compressed; entries of packages are stored")
        with open(self.path, "rb") as raw:
            raw.seek(info.header_offset)
            header = raw.read(30)
        if header[:4] != b"PK\3\4":
            raise self._fault(file, "its header is damaged")
        name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        return info.header_offset + 30 + name + extra, info.file_size

    def _check_digest(self, file: str, digest: str) -> None:
        offset, left = self._place(file)
        found = hashlib.sha256()
        with open(self.path, "rb") as raw:
            raw.seek(offset)
            while left > 0:
                piece = raw.read(min(left, _CHUNK))
                if not piece:
                    raise self._fault(file, "the file ends within it")
                found.update(piece)
                left -= len(piece)
        if found.hexdigest() != digest:
            raise self._fault(file, "its SHA-256 is not the one in the manifest")


def _declaration(entry: dict[str, Any]) -> TensorDeclaration:
    return TensorDeclaration(entry["name"], entry["dtype"], tuple(entry["shape"]))
