"""Makes graph.meta of this folder: the random operators of TensorFlow, from placeholders of the
shapes. `python make.py`, with TensorFlow 2.21."""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

v1 = tf.compat.v1
raw = tf.raw_ops
graph = tf.Graph()
with graph.as_default():
    rows = v1.placeholder(tf.int32, [], name="rows")
    shape = tf.stack([rows, 3])
    raw.RandomUniform(shape=shape, dtype=tf.float32, name="uniform")
    raw.RandomUniform(shape=shape, dtype=tf.float32, name="other_uniform")
    raw.RandomUniform(shape=shape, dtype=tf.float64, name="wide")
    raw.RandomStandardNormal(shape=shape, dtype=tf.float32, name="normal")
    raw.TruncatedNormal(shape=shape, dtype=tf.float32, name="truncated")
    raw.RandomUniformInt(shape=shape, minval=-2, maxval=5, name="dice")
    logits = v1.placeholder(tf.float32, [None, 4], name="logits")
    raw.Multinomial(logits=logits, num_samples=rows, name="multinomial")
    tf.argmax(logits - tf.math.log(-tf.math.log(tf.random.uniform(tf.shape(logits)))), -1, name="gumbel")
    mean = v1.placeholder(tf.float32, [None, 2], name="mean")
    tf.add(mean, tf.exp(tf.constant([0.0, -1.0])) * tf.random.normal(tf.shape(mean)), name="action")
    meta = v1.train.export_meta_graph(graph=graph, strip_default_attrs=True)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "graph.meta"), "wb") as file:
    file.write(meta.SerializeToString(deterministic=True))
