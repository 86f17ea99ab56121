"""Where the weights of this interpreter lie, and which process and thread it is."""

import os
import threading

import numpy


class Policy:
    def __init__(self, weights):
        self.kernel = weights["kernel"]
        self.touched = float(self.kernel.sum())  # every page is in memory now

    def __call__(self, x):
        address = self.kernel.ctypes.data
        return numpy.array([address, os.getpid(), threading.get_native_id()], numpy.int64)
