"""What both policies share, so that a package holds more than one module."""


def clipped(value, low=-1.0, high=1.0):
    """`value` within [low, high]."""
    return min(max(value, low), high)
