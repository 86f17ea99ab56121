"""TensorFlow in its TF1 mode, without the notices that it prints while it is imported."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_error_output = os.dup(2)
with open(os.devnull, "w") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
try:
    import tensorflow

    tf1 = tensorflow.compat.v1
    tf1.disable_v2_behavior()
finally:
    os.dup2(_error_output, 2)
tf1.logging.set_verbosity(tf1.logging.ERROR)
