"""A little of both: Python takes a text apart, numpy computes with two small matrices."""

import re

import numpy

WORD = re.compile(rb"[a-z]+|[0-9]|[^a-z0-9 ]")


class Policy:
    def __init__(self, weights):
        self.on_weights(weights)

    def on_weights(self, version):
        self.table = version["table"]
        self.kernel = version["kernel"]

    def __call__(self, x):
        """x: uint8[1024], lower-case text; the answer is float32[8]."""
        rows = len(self.table)
        ids = []
        for word in WORD.findall(x.tobytes()):
            number = 2166136261
            for letter in word:
                number = ((number ^ letter) * 16777619) & 0xFFFFFFFF
            ids.append(number % rows)
        return numpy.tanh(self.table[ids].mean(axis=0) @ self.kernel)
