"""Makes the SavedModels of saved_model/, with later weights of each and TensorFlow's answers.

usage: python make_saved_models.py     (needs tensorflow with Keras 3)

Inputs and outputs in about.json are the names of the signature. Later weights are another SavedModel of the same
model, and for `module` also an object checkpoint, whose keys start at another object.
"""
import json
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).resolve().parent / "saved_model"


class Module(tf.Module):
    """Functions in functions, a dropout in a conditional, and a conditional that inputs decide."""

    def __init__(self):
        rng = np.random.RandomState(3)
        self.layers = [tf.Variable(rng.normal(0, 0.5, s).astype(np.float32), name="w") for s in ((5, 8), (8, 3))]
        self.bias = tf.Variable(rng.normal(0, 0.5, 8).astype(np.float32), name="bias")

    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32, "x"), tf.TensorSpec([], tf.bool, "training"),
                                  tf.TensorSpec([], tf.bool, "wide")])
    def call(self, x, training, wide):
        hidden = tf.nn.relu(x @ self.layers[0] + self.bias)
        hidden = tf.cond(training, lambda: tf.nn.dropout(hidden, 0.3), lambda: hidden)
        hidden = tf.cond(wide, lambda: hidden * 2.0, lambda: tf.tanh(hidden))
        return {"hidden": hidden, "logits": hidden @ self.layers[1]}

    @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, "h")])
    def head(self, h):
        return {"scores": tf.nn.softmax(h @ self.layers[1])}


def move(variables):
    rng = np.random.RandomState(7)
    for v in variables:
        value = v.numpy() + rng.normal(0, 0.2, v.shape).astype(np.float32)
        v.assign(np.abs(value) + 0.05 if "variance" in v.name else value)


def shape_of(value):
    return {"dtype": str(value.dtype), "shape": list(value.shape)}


def save_npz(path, arrays):
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})


def write_about(folder, summary, inputs, outputs, updates):
    (folder / "about.json").write_text(json.dumps({
        "summary": summary, "tensorflow": tf.__version__, "saved_model": "model",
        "inputs": {n: shape_of(v) for n, v in inputs.items()},
        "outputs": {n: shape_of(np.asarray(v)) for n, v in outputs.items()},
        "rtol": 1e-4, "atol": 1e-5, "updates": updates}, indent=1) + "\n")


def fresh(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def trim(folder):
    """What no reader of weights needs."""
    for path in list(folder.rglob("fingerprint.pb")) + list(folder.rglob("keras_metadata.pb")):
        path.unlink()
    for path in list(folder.rglob("assets")):
        path.rmdir()
    for path in folder.glob("second/saved_model.pb"):
        path.write_bytes(b"")  # only its weights are read


def make_module():
    folder, module = fresh("module"), Module()
    signatures = {"serving_default": module.call, "head": module.head}
    rng = np.random.RandomState(5)
    inputs = {"x": rng.normal(size=(4, 5)).astype(np.float32), "training": np.array(False), "wide": np.array(True)}
    outputs = module.call(**inputs)
    tf.saved_model.save(module, str(folder / "model"), signatures=signatures)
    save_npz(folder / "io.npz", {**inputs, **outputs})
    move(module.layers + [module.bias])
    save_npz(folder / "second.npz", module.call(**inputs))
    tf.saved_model.save(module, str(folder / "second"), signatures=signatures)
    tf.train.Checkpoint(agent=module).write(str(folder / "object.ckpt"))
    write_about(folder, "A tf.Module with functions, conditionals and two signatures.", inputs, outputs,
                [{"checkpoint": "second", "io": "second.npz"}, {"checkpoint": "object.ckpt", "io": "second.npz"}])
    trim(folder)


def make_keras():
    import keras
    folder = fresh("keras")
    keras.utils.set_random_seed(11)
    model = keras.Sequential([keras.Input((6, 6, 2), name="image"), keras.layers.Conv2D(4, 3),
                              keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dropout(0.5),
                              keras.layers.Flatten(), keras.layers.Dense(3)])
    move(model.variables)
    model.export(str(folder / "model"), verbose=False)
    served = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    inputs = {name: np.random.RandomState(5).normal(size=(2, 6, 6, 2)).astype(np.float32)}
    outputs = {key: value.numpy() for key, value in served(**inputs).items()}
    save_npz(folder / "io.npz", {**inputs, **outputs})
    move(model.variables)
    model.export(str(folder / "second"), verbose=False)
    again = tf.saved_model.load(str(folder / "second")).signatures["serving_default"]
    save_npz(folder / "second.npz", {key: value.numpy() for key, value in again(**inputs).items()})
    write_about(folder, "A Keras 3 network with batch normalisation, exported.", inputs, outputs,
                [{"checkpoint": "second", "io": "second.npz"}])
    trim(folder)


def make_builder():
    folder, tf1 = fresh("named_variables"), tf.compat.v1
    rng = np.random.RandomState(5)
    inputs = {"image": rng.normal(size=(3, 6)).astype(np.float32)}
    with tf.Graph().as_default(), tf1.Session() as sess:
        x = tf1.placeholder(tf.float32, [None, 6], name="x")
        w = tf1.get_variable("w", initializer=rng.normal(size=(6, 4)).astype(np.float32), use_resource=False)
        b = tf1.get_variable("b", initializer=rng.normal(size=4).astype(np.float32), use_resource=True)
        y = tf1.nn.softmax(x @ w + b, name="y")
        sess.run(tf1.global_variables_initializer())

        def save(name):
            builder = tf1.saved_model.Builder(str(folder / name))
            builder.add_meta_graph_and_variables(sess, ["serve"], {
                "serving_default": tf1.saved_model.predict_signature_def({"image": x}, {"scores": y})})
            builder.save()

        outputs = {"scores": sess.run(y, {x: inputs["image"]})}
        save("model")
        save_npz(folder / "io.npz", {**inputs, **outputs})
        sess.run([w.assign(w * 0.5), b.assign(b + 1.0)])
        save_npz(folder / "second.npz", {"scores": sess.run(y, {x: inputs["image"]})})
        save("second")
    write_about(folder, "A TF1 SavedModel with named variables, one ref and one resource.", inputs, outputs,
                [{"checkpoint": "second", "io": "second.npz"}])
    trim(folder)


if __name__ == "__main__":
    make_module()
    make_keras()
    make_builder()
    print("ok")
