"""Makes lookups/: rows looked up in partitioned tables by both strategies, with a later checkpoint.

usage: python make_lookups.py     (needs tensorflow)
"""
import json
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_v2_behavior()

FOLDER = pathlib.Path(__file__).resolve().parent / "lookups"


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    rng = np.random.RandomState(5)
    value = {"ids:0": rng.randint(0, 10, (4, 3)).astype(np.int32)}
    with tf.Graph().as_default(), tf1.Session() as sess:
        ids = tf1.placeholder(tf.int32, [None, 3], name="ids")
        three = tf1.fixed_size_partitioner(3)
        init = tf1.random_normal_initializer(seed=3)
        refs = tf1.get_variable("refs", [10, 4], partitioner=three, initializer=init, use_resource=False)
        resources = tf1.get_variable("resources", [10, 2], partitioner=three, initializer=init, use_resource=True)
        tf.identity(tf1.nn.embedding_lookup(refs, ids, partition_strategy="mod"), name="mod")
        tf.identity(tf1.nn.embedding_lookup(resources, ids, partition_strategy="div"), name="div")
        outputs = ["mod:0", "div:0"]
        sess.run(tf1.global_variables_initializer())
        saver = tf1.train.Saver()
        saver.save(sess, str(FOLDER / "model.ckpt"))
        answers = dict(zip(outputs, sess.run(outputs, value)))
        np.savez(FOLDER / "io.npz", **value, **answers)
        sess.run([v.assign(v * 0.5 + 1.0) for v in list(refs) + list(resources)])
        saver.save(sess, str(FOLDER / "second.ckpt"), write_meta_graph=False, write_state=False)
        np.savez(FOLDER / "second.npz", **dict(zip(outputs, sess.run(outputs, value))))
    describe = lambda arrays: {n: {"dtype": str(a.dtype), "shape": list(a.shape)} for n, a in arrays.items()}
    (FOLDER / "about.json").write_text(json.dumps({
        "summary": "Rows of tables in three parts, looked up by the strategies mod and div.",
        "tensorflow": tf.__version__, "checkpoint": "model.ckpt", "inputs": describe(value),
        "outputs": describe(answers), "rtol": 1e-6, "atol": 0.0,
        "updates": [{"checkpoint": "second.ckpt", "io": "second.npz"}]}, indent=1) + "\n")
    print("ok")


if __name__ == "__main__":
    main()
