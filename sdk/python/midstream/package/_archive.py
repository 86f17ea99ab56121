"""Writes the zip file: entries stored, those of tensors at multiples of 64 bytes, equal input equal
bytes. The file appears under its name when it is complete, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator

from ._errors import PackagingError

ALIGNMENT = 64
_LOCAL_HEADER = 30
_ZIP64_EXTRA = 20
_CHUNK = 1 << 24
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)
_VERSION_MADE_BY = 45  # as the engine's own writer; what is needed to read is told beside it
_PADDING_ID = b"FB"  # of the extra field, as in archives of torch.package


def check_entry_name(file: str) -> None:
    """Errors: PackagingError for a name that could lead out of the container or be read as two."""
    bad = (
        any(part in ("", ".", "..") for part in file.split("/"))
        or "\\" in file
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in file)
        or len(file.encode()) > 1024
    )
    if bad:
        raise PackagingError(f"'{file}' cannot be the name of a file in a package")


class ArchiveWriter:
    """A context manager: leaving it without an exception puts the file under its name."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._given = os.fspath(path)
        self._path = os.path.abspath(path)

    def __enter__(self) -> ArchiveWriter:
        folder, name = os.path.split(self._path)
        with self._naming_the_file():
            descriptor, self._temporary = tempfile.mkstemp(
                prefix=f".{name}.", suffix=".tmp", dir=folder
            )
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)
        return self

    def add(self, file: str, data: bytes | memoryview, aligned: bool = False) -> str:
        """Writes an entry and returns its SHA-256 in hexadecimal."""
        entry = zipfile.ZipInfo(file, _OLDEST_DATE)
        entry.create_system = 3  # Unix, wherever it is made
        entry.create_version = _VERSION_MADE_BY
        entry.external_attr = 0o100644 << 16
        entry.file_size = len(data)
        large = entry.file_size * 1.05 > zipfile.ZIP64_LIMIT  # zipfile's own condition
        if aligned:
            begin = self._file.tell() + _LOCAL_HEADER + len(file.encode())
            entry.extra = _padding(begin + (_ZIP64_EXTRA if large else 0))
        digest = hashlib.sha256()
        with self._zip.open(entry, "w") as out:
            if aligned and self._file.tell() % ALIGNMENT != 0:
                raise PackagingError(f"'{file}' would begin at byte {self._file.tell()}")
            for begin in range(0, len(data), _CHUNK):
                piece = data[begin : begin + _CHUNK]
                digest.update(piece)
                out.write(piece)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        """Errors of the system tell of the file that was asked for, not of the temporary one."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._given) from None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._zip.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                os.fchmod(self._file.fileno(), 0o666 & ~_umask())
                with self._naming_the_file():
                    os.replace(self._temporary, self._path)
        finally:
            with contextlib.suppress(OSError):
                self._zip.close()
            self._file.close()
            if os.path.exists(self._temporary):
                os.unlink(self._temporary)


def _padding(begin: int) -> bytes:
    """An extra field that moves the data from `begin` to a multiple of ALIGNMENT."""
    if begin % ALIGNMENT == 0:
        return b""
    size = -(begin + 4) % ALIGNMENT
    return _PADDING_ID + size.to_bytes(2, "little") + bytes(size)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
