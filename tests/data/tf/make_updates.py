"""Gives each fixture of ops/ a second checkpoint, as a training step later, and TensorFlow's answers with it.

usage: python make_updates.py [folder ...]     (needs tensorflow and tf_keras; default: every folder of ops/)

Adds second.ckpt.* and second.npz to the folder, and `updates` to its about.json. The file is written by the Saver that
wrote the first one, so names, shards, slices and format are the same.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_v2_behavior()

HERE = pathlib.Path(__file__).resolve().parent


def move(sess, saver, rng):
    """Moves every floating variable that can be assigned; variances stay positive."""
    graph = sess.graph
    for op in graph.get_operations():
        if op.type not in ("VariableV2", "VarHandleOp"):
            continue
        kind = op.get_attr("dtype")
        if not kind.is_floating:
            continue
        if op.type == "VariableV2":
            value = sess.run(op.outputs[0])
        else:
            value = sess.run(tf.raw_ops.ReadVariableOp(resource=op.outputs[0], dtype=kind))
        moved = value.astype(np.float32) + rng.normal(0, 0.2, value.shape)
        moved = (np.abs(moved) + 0.05 if "variance" in op.name else moved).astype(value.dtype)
        if op.type == "VariableV2":
            sess.run(tf.raw_ops.Assign(ref=op.outputs[0], value=tf.constant(moved, kind)))
        else:
            sess.run(tf.raw_ops.AssignVariableOp(resource=op.outputs[0], value=tf.constant(moved, kind)))


def storable(value):
    return value.astype(np.float32) if value.dtype == tf.bfloat16.as_numpy_dtype else value


def add_update(folder):
    about = json.loads((folder / "about.json").read_text())
    io = np.load(folder / "io.npz")
    prefix = folder / about["checkpoint"]
    with tf.Graph().as_default(), tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 4})) as sess:
        saver = tf1.train.import_meta_graph(f"{prefix}.meta", clear_devices=True)
        if not any(op.type in ("VariableV2", "VarHandleOp") for op in sess.graph.get_operations()):
            return
        sess.run(tf1.global_variables_initializer())
        saver.restore(sess, str(prefix))
        move(sess, saver, np.random.RandomState(7))
        names = list(about["outputs"])
        answers = sess.run(names, {name: io[name] for name in about["inputs"]})
        saver.save(sess, str(folder / "second.ckpt"), write_meta_graph=False, write_state=False)
    np.savez(folder / "second.npz", **{n: storable(np.asarray(a)) for n, a in zip(names, answers)})
    about["updates"] = [{"checkpoint": "second.ckpt", "io": "second.npz"}]
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def main():
    folders = [pathlib.Path(f) for f in sys.argv[1:]] or sorted(p.parent for p in (HERE / "ops").glob("*/about.json"))
    for folder in folders:
        add_update(folder)
        print("ok", folder.name)


if __name__ == "__main__":
    main()
