"""Makes keras/: small tf.keras models in TF1 graphs, where batch normalisation and dropout hang on the learning phase.

usage: python make_keras.py     (needs tensorflow and tf_keras; then run make_updates.py keras/*)
"""
import json
import os
import pathlib

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_v2_behavior()
layers = tf.keras.layers
OUT = pathlib.Path(__file__).resolve().parent / "keras"


def conv_net():
    """Separable and strided convolutions, each with batch normalisation behind the learning phase, and dropout."""
    x = h = layers.Input((12, 12, 3), name="image")
    for width, stride in ((6, 1), (8, 2), (8, 1)):
        h = layers.SeparableConv2D(width, 3, stride, padding="same", use_bias=False)(h)
        h = layers.ReLU(6.0)(layers.BatchNormalization()(h))
    h = layers.add([h, layers.BatchNormalization(scale=False)(layers.Conv2D(8, 1, use_bias=False)(h))])
    h = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(h))
    return x, layers.Dense(4, activation="softmax")(h), np.random.RandomState(3).uniform(-1, 1, (2, 12, 12, 3))


def recurrent():
    """Embedding, LSTM and GRU unrolled over four steps, layer normalisation, attention over the steps."""
    x = layers.Input((4,), dtype="int32", name="tokens")
    h = layers.Embedding(9, 6)(x)
    h = layers.LSTM(5, unroll=True, return_sequences=True)(h)
    h = layers.GRU(5, unroll=True, return_sequences=True)(layers.LayerNormalization()(h))
    h = layers.Attention()([h, h])
    return x, layers.Dense(3, activation="elu")(layers.Flatten()(h)), np.random.RandomState(3).randint(0, 9, (3, 4))


def save(build):
    folder = OUT / build.__name__
    folder.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default(), tf1.Session() as sess:
        tf1.keras.backend.set_session(sess)
        tf1.set_random_seed(1)
        x, y, value = build()
        sess.run(tf1.global_variables_initializer())
        rng = np.random.RandomState(5)
        for v in tf1.global_variables():
            moved = sess.run(v) + rng.normal(0, 0.2, v.shape)
            v.load(np.abs(moved) + 0.05 if "variance" in v.name else moved, sess)
        value = value.astype(x.dtype.as_numpy_dtype)
        answer = sess.run(y, {x: value})
        tf1.train.Saver(save_relative_paths=True).save(sess, str(folder / "model.ckpt"))
    np.savez(folder / "io.npz", **{x.name: value, y.name: answer})
    kinds = lambda t, v: {t.name: {"dtype": str(v.dtype), "shape": list(v.shape)}}
    about = {"summary": build.__doc__, "tensorflow": tf.__version__, "checkpoint": "model.ckpt",
             "inputs": kinds(x, value), "outputs": kinds(y, answer), "rtol": 1e-4, "atol": 1e-5}
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    for build in (conv_net, recurrent):
        save(build)
