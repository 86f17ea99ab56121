"""The dtypes of the engine: their names, and how struct, numpy and torch call them."""

from typing import NamedTuple


class Dtype(NamedTuple):
    """One dtype. `format` is that of module struct; bfloat16 has none and is seen as its bits,
    "H"."""

    name: str
    size: int
    format: str


DTYPES = {
    d.name: d
    for d in (
        Dtype("bool", 1, "?"),
        Dtype("int8", 1, "b"),
        Dtype("int16", 2, "h"),
        Dtype("int32", 4, "i"),
        Dtype("int64", 8, "q"),
        Dtype("uint8", 1, "B"),
        Dtype("uint16", 2, "H"),
        Dtype("uint32", 4, "I"),
        Dtype("uint64", 8, "Q"),
        Dtype("float16", 2, "e"),
        Dtype("float32", 4, "f"),
        Dtype("float64", 8, "d"),
        Dtype("bfloat16", 2, "H"),
    )
}

_CLASSES = {
    **dict.fromkeys("bhilqn", "int"),
    **dict.fromkeys("BHILQN", "uint"),
    **dict.fromkeys("efd", "float"),
}


def name_of_format(format_text: str, itemsize: int) -> str:
    """What a buffer of this format holds, in our words; the format itself if it is nothing that we
    know."""
    native = format_text.lstrip("@=<")
    if native == "?":
        return "bool"
    if native in _CLASSES:
        return f"{_CLASSES[native]}{8 * itemsize}"
    return f"format {format_text!r}"
