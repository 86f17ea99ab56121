"""numpy only: three layers. BLAS lets go of the interpreter's lock while it multiplies."""

import numpy


class Policy:
    def __init__(self, weights):
        self.on_weights(weights)

    def on_weights(self, version):
        self.layers = [(version[f"kernel{i}"], version[f"bias{i}"]) for i in range(3)]

    def __call__(self, x):
        for kernel, bias in self.layers[:-1]:
            x = numpy.maximum(x @ kernel + bias, 0)
        kernel, bias = self.layers[-1]
        return x @ kernel + bias
