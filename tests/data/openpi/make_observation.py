"""Writes observation.npz: what a LIBERO robot sends, its prompt in it, as numpy.savez would write it.

Only the standard library is needed: python3 make_observation.py
"""
import struct
import zipfile


def npy(descr, shape, data):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (descr, shape)
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def image(height, width, seed):
    pixels = bytes((seed * 7 + y * 5 + x * 3 + c * 11) % 256
                   for y in range(height) for x in range(width) for c in range(3))
    return npy("|u1", (height, width, 3), pixels)


prompt = "pick up the Würfel"
state = [0.1 * i - 0.3 for i in range(8)]
members = {
    "observation/state": npy("<f8", (8,), struct.pack("<8d", *state)),
    "observation/image": image(16, 20, 1),
    "observation/wrist_image": image(12, 16, 2),
    "prompt": npy("<U%d" % len(prompt), (), prompt.encode("utf-32-le")),
}
with zipfile.ZipFile("observation.npz", "w") as archive:
    for name, data in members.items():
        archive.writestr(zipfile.ZipInfo(name + ".npy"), data)
