"""Makes slices/ with TensorFlow: python make_slices.py (TensorFlow 2.21).

The same two matrices, `emb` [7, 6] = 0, 1, ... and `wide` [4, 9] = 100, 101, ..., and one vector of each type in
`types/`, as variables in one piece, partitioned by rows and partitioned by columns. Each graph is saved in both
formats, so that a test can read every checkpoint with every graph.

  rows.meta rows.index rows.data-...   graph `rows` and its checkpoint in format V2; also `whole`, `columns`
  v1_rows                              the same checkpoint, format V1
  v1_sharded-0000?-of-00003            graph `rows` over three devices, format V1, sharded
  checkpoint                           names v1_sharded, as a pattern and by a folder that is gone
"""
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_v2_behavior()

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slices")
LAYOUTS = {
    "whole": None,
    "rows": tf1.variable_axis_size_partitioner(max_shard_bytes=3 * 6 * 4, axis=0),
    "columns": tf1.fixed_size_partitioner(4, axis=1),
}
TYPES = {"half": np.float16, "double": np.float64, "uint8": np.uint8, "int32": np.int32, "int64": np.int64,
         "bool": np.bool_}


def matrix(name, first, shape):
    values = np.arange(first, first + shape[0] * shape[1], dtype=np.float32).reshape(shape)

    def initial(shape, dtype=None, partition_info=None):
        offset = partition_info.var_offset if partition_info else [0, 0]
        return values[offset[0]:offset[0] + int(shape[0]), offset[1]:offset[1] + int(shape[1])]

    return tf.convert_to_tensor(tf1.get_variable(name, shape, initializer=initial))


def build(layout, devices=("",)):
    with tf1.variable_scope("", partitioner=LAYOUTS[layout], use_resource=False):
        with tf1.device(devices[0]):
            emb = matrix("emb", 0, (7, 6))
        with tf1.device(devices[-1]):
            wide = matrix("wide", 100, (4, 9))
    x = tf1.placeholder(tf.float32, [None, 7], name="x")
    tf.matmul(x, emb, name="y")
    tf.matmul(x[:, :4], wide, name="z")
    with tf1.variable_scope("types", use_resource=False):
        for name, dtype in TYPES.items():
            values = np.array([0, 1, 1] if dtype == np.bool_ else [0, 1, 100], dtype)
            tf1.get_variable(name, initializer=values)


def save(layout, name, version, sharded=False):
    with tf.Graph().as_default():
        build(layout, ("/device:CPU:0", "/device:CPU:1") if sharded else ("",))
        saver = tf1.train.Saver(write_version=version, sharded=sharded)
        config = tf1.ConfigProto(device_count={"CPU": 2})
        with tf1.Session(config=config) as session:
            session.run(tf1.global_variables_initializer())
            saver.save(session, os.path.join(HERE, name), write_meta_graph=False, write_state=sharded)
            x = np.linspace(-1, 1, 14, dtype=np.float32).reshape(2, 7)
            np.savez(os.path.join(HERE, "io.npz"), **{"x:0": x, "y:0": session.run("y:0", {"x:0": x}),
                                                      "z:0": session.run("z:0", {"x:0": x})})
        if version == tf1.train.SaverDef.V2:
            saver.export_meta_graph(os.path.join(HERE, layout + ".meta"), strip_default_attrs=True)


for layout in LAYOUTS:
    save(layout, layout, tf1.train.SaverDef.V2)
    save(layout, "v1_" + layout, tf1.train.SaverDef.V1)
save("rows", "v1_sharded", tf1.train.SaverDef.V1, sharded=True)

state = os.path.join(HERE, "checkpoint")
with open(state) as file:
    text = file.read()
with open(state, "w") as file:
    file.write(text.replace(HERE, "/home/trainer/run"))

about = {
    "summary": "Partitioned variables: every format and partition into a graph partitioned by columns.",
    "checkpoint": "columns",
    "inputs": {"x:0": {"dtype": "float32", "shape": [2, 7]}},
    "outputs": {"y:0": {"dtype": "float32", "shape": [2, 6]}, "z:0": {"dtype": "float32", "shape": [2, 9]}},
    "rtol": 1e-4,
    "atol": 1e-5,
    "updates": [{"checkpoint": name, "io": "io.npz"} for name in ("whole", "rows", "v1_columns", "v1_sharded")],
}
with open(os.path.join(HERE, "about.json"), "w") as file:
    json.dump(about, file, indent=1)
