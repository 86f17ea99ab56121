"""Makes text/ from slices/ with TensorFlow's protobuf: python make_text.py.

  rows.meta    slices/rows.meta as Saver.export_meta_graph(as_text=True) would have written it
  rows.pbtxt   its GraphDef alone, as tf.train.write_graph writes it
"""
import os

from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2

HERE = os.path.dirname(os.path.abspath(__file__))

meta = meta_graph_pb2.MetaGraphDef()
with open(os.path.join(HERE, "slices", "rows.meta"), "rb") as file:
    meta.ParseFromString(file.read())
for name, message in (("rows.meta", meta), ("rows.pbtxt", meta.graph_def)):
    with open(os.path.join(HERE, "text", name), "w") as file:
        file.write(text_format.MessageToString(message))
