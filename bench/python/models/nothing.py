"""What a call costs beside its work."""


def act(x):
    return x
