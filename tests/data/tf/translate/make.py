"""Makes the fixtures of this folder, one for each family of operators, with TensorFlow 2.21.

`python make.py [FAMILY...]`. Each output of a graph is one case: a node, or a few, in one form of
its attributes. A folder holds graph.meta, io.npz (inputs and TensorFlow's answers) and about.json.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
raw = tf.raw_ops
HERE = os.path.dirname(os.path.abspath(__file__))
FAMILIES = {}
f32, f64, f16, bf16 = tf.float32, tf.float64, tf.float16, tf.bfloat16
i8, i16, i32, i64, u8, boolean = tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.bool


def family(function):
    FAMILIES[function.__name__] = function
    return function


class Builder:
    """The graph being made; `b(name, tensor)` adds a case."""

    def __init__(self, name):
        self.rng = np.random.RandomState(sum(map(ord, name)))
        self.feeds = {}
        self.cases = {}
        self.loose = {}

    def feed(self, name, value, shape=None):
        """A placeholder of the value's dtype; `shape` may leave sizes open."""
        value = np.asarray(value)
        p = v1.placeholder(value.dtype, value.shape if shape is None else shape, name=name)
        self.feeds[p] = value
        return p

    def reals(self, name, *shape, low=-2.0, high=2.0, dtype=np.float32):
        return self.feed(name, self.rng.uniform(low, high, shape).astype(dtype))

    def ints(self, name, *shape, low=-9, high=10, dtype=np.int32):
        return self.feed(name, self.rng.randint(low, high, shape).astype(dtype))

    def const(self, *shape, low=-1.0, high=1.0):
        return tf.constant(self.rng.uniform(low, high, shape).astype(np.float32))

    def __call__(self, name, tensor, rtol=None, atol=1e-5):
        case = tf.identity(tensor, name=name)
        self.cases[case.name] = case
        if rtol is not None:
            self.loose[case.name] = {"rtol": rtol, "atol": atol}


def stored(value):  # numpy has no bfloat16
    return value.astype(np.float32) if value.dtype == bf16.as_numpy_dtype else value


def make(name):
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        b = Builder(name)
        FAMILIES[name](b)
        values = session.run(b.cases, b.feeds)
        meta = v1.train.export_meta_graph(graph=graph, strip_default_attrs=True)
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "graph.meta"), "wb") as file:
        file.write(meta.SerializeToString(deterministic=True))
    arrays = {p.name: v for p, v in b.feeds.items()}
    arrays.update({k: stored(v) for k, v in values.items()})
    np.savez_compressed(os.path.join(folder, "io.npz"), **arrays)
    about = {"tensorflow": tf.__version__, "checkpoint": "graph.meta",
             "fallback": "allow",
             "inputs": {p.name: {} for p in b.feeds}, "outputs": {k: {} for k in b.cases},
             "rtol": 1e-5, "atol": 1e-5, "loose": b.loose}
    with open(os.path.join(folder, "about.json"), "w") as file:
        json.dump(about, file, indent=1)
        file.write("\n")


EXTREMES = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -0.5, -1.5, 20, -20, 80, -80, 1e30, -1e30,
                     np.inf, -np.inf, np.nan, 1e-20, -1e-20], np.float32)


@family
def unary(b):
    x = b.reals("x", 3, 7, low=-4, high=4)
    e = b.feed("extremes", EXTREMES)
    for op in ["Abs", "Neg", "Sign", "Exp", "Ceil", "Floor", "Rint", "Round", "Tanh", "Sigmoid",
               "Square", "Sinh", "Cosh", "Asinh", "Atan", "Erf"]:
        f = getattr(raw, op)
        b(op, f(x=x))
        if op not in ("Sinh", "Cosh", "Square"):
            b(op + "_extremes", f(x=e))
    for op in ["Sin", "Cos", "Tan", "Expm1"]:
        b(op, getattr(raw, op)(x=x))
    for op in ["Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign"]:
        b(op, getattr(raw, op)(features=x))
        b(op + "_extremes", getattr(raw, op)(features=e[:15]))
    b("LeakyRelu", raw.LeakyRelu(features=x))
    b("LeakyRelu_alpha", raw.LeakyRelu(features=x, alpha=-0.3))
    p = b.reals("positive", 3, 7, low=0.05, high=9)
    for op in ["Log", "Log1p", "Sqrt", "Rsqrt", "Reciprocal", "Inv"]:
        b(op, getattr(raw, op)(x=p))
    small = b.feed("small", np.array([0, 1e-9, -1e-9, 1e-4, -1e-4, -0.9, 0.3], np.float32))
    b("Log1p_small", raw.Log1p(x=small))
    b("Expm1_small", raw.Expm1(x=small))
    u = b.reals("unit", 3, 7, low=-0.95, high=0.95)
    for op in ["Asin", "Acos", "Atanh"]:
        b(op, getattr(raw, op)(x=u))
    b("Acosh", raw.Acosh(x=p + 1.0))
    b("IsNan", raw.IsNan(x=e))
    b("IsInf", raw.IsInf(x=e))
    b("IsFinite", raw.IsFinite(x=e))
    b("L2Loss", raw.L2Loss(t=x))
    b("swish", x * tf.sigmoid(x))
    b("gelu", tf.nn.gelu(x))
    b("gelu_tanh", tf.nn.gelu(x, approximate=True))
    b("StopGradient", tf.stop_gradient(raw.CheckNumerics(tensor=x, message="m")))
    b("LogSigmoid", tf.math.log_sigmoid(x))
    n = b.ints("n", 3, 7)
    m = b.ints("m", 5, dtype=np.int64)
    for op in ["Abs", "Neg", "Sign", "Square"]:
        b(op + "_int32", getattr(raw, op)(x=n))
        b(op + "_int64", getattr(raw, op)(x=m))
    b("Relu_int32", raw.Relu(features=n))
    d = b.reals("d", 4, 3, low=0.1, high=3, dtype=np.float64)
    for op in ["Exp", "Log", "Sqrt", "Rsqrt", "Tanh", "Sigmoid", "Erf", "Sin", "Log1p", "Floor", "Square"]:
        b(op + "_float64", getattr(raw, op)(x=d))
    for dtype, tag in ((f16, "half"), (bf16, "bfloat16")):
        h = tf.cast(p, dtype)
        for op in ["Exp", "Log", "Sqrt", "Rsqrt", "Tanh", "Sigmoid", "Floor", "Square", "Neg"]:
            b(op + "_" + tag, getattr(raw, op)(x=h), 0.02 if dtype == bf16 else 3e-3, 1e-2)


@family
def binary(b):
    x, y = b.reals("x", 2, 1, 5), b.reals("y", 3, 1, low=0.3, high=3)
    n, m = b.ints("n", 2, 1, 5), b.feed("m", np.array([[3], [-4], [7]], np.int32))
    k, l = b.ints("k", 6, dtype=np.int64), b.feed("l", np.array([1, 2, -3, 4, -5, 6], np.int64))
    for op in ["Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "Maximum", "Minimum", "SquaredDifference",
               "FloorDiv", "FloorMod", "Mod", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal",
               "NotEqual", "DivNoNan", "MulNoNan", "Xdivy", "Xlogy", "Xlog1py", "Atan2", "TruncateMod"]:
        b(op, getattr(raw, op)(x=x, y=y))
    for op in ["Add", "AddV2", "Sub", "Mul", "Div", "Maximum", "Minimum", "SquaredDifference",
               "FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Greater", "LessEqual", "Equal", "NotEqual"]:
        b(op + "_int32", getattr(raw, op)(x=n, y=m))
        b(op + "_int64", getattr(raw, op)(x=k, y=l))
    b("FloorDiv_negative", raw.FloorDiv(x=x, y=-y))
    b("FloorMod_negative", raw.FloorMod(x=x, y=-y))
    b("Mod_negative", raw.Mod(x=x, y=-y))
    b("RealDiv_int_quotient", tf.truediv(n, m))
    b("Pow", raw.Pow(x=y, y=x))
    b("Pow_int32", raw.Pow(x=n, y=tf.abs(m)))
    b("Pow_square", x ** 2)
    z = b.feed("z", np.array([[0, 1, 0, np.nan, np.inf], [0, 0, -2, 0, np.nan]], np.float32))
    w = b.feed("w", np.array([[0, 0, 3, 1, 1], [np.nan, np.inf, 0, 0, 2]], np.float32))
    for op in ["DivNoNan", "MulNoNan", "Maximum", "Minimum", "Equal", "NotEqual", "Less", "GreaterEqual"]:
        b(op + "_odd", getattr(raw, op)(x=z, y=w))
    xz = b.feed("xz", np.array([0, 0, 2, 0, -1], np.float32))
    yz = b.feed("yz", np.array([0, 3, 0.5, np.inf, 0.1], np.float32))
    for op in ["Xdivy", "Xlogy", "Xlog1py"]:
        b(op + "_odd", getattr(raw, op)(x=xz, y=yz))
    s = b.feed("s", np.array([1, 1, -1, -1, 0, 0, 2, -2, 0], np.float32))
    t = b.feed("t", np.array([1, -1, 1, -1, 1, -1, 0, 0, 0], np.float32))
    b("Atan2_quadrants", raw.Atan2(y=s, x=t))
    b("AddN", raw.AddN(inputs=[y, y * 2, y * 3]))
    b("AddN_one", raw.AddN(inputs=[y]))
    b("AccumulateNV2", raw.AccumulateNV2(inputs=[y, y * 2], shape=[3, 1]))
    b("ClipByValue", raw.ClipByValue(t=x, clip_value_min=tf.constant(-0.5), clip_value_max=tf.constant(0.7)))
    b("clip_by_value", tf.clip_by_value(x, -1.0, 1.0))
    p, q = b.feed("p", b.rng.rand(2, 1, 3) > 0.5), b.feed("q", b.rng.rand(4, 1) > 0.5)
    b("LogicalAnd", raw.LogicalAnd(x=p, y=q))
    b("LogicalOr", raw.LogicalOr(x=p, y=q))
    b("LogicalNot", raw.LogicalNot(x=p))
    b("LogicalXor", tf.math.logical_xor(p, q))
    b("Equal_bool", raw.Equal(x=p, y=q))
    b("NotEqual_bool", raw.NotEqual(x=p, y=q))
    for dtype, tag in ((f64, "float64"), (f16, "half"), (bf16, "bfloat16")):
        a, c = tf.cast(x, dtype), tf.cast(y, dtype)
        loose = {f64: None, f16: 3e-3, bf16: 0.03}[dtype]
        for op in ["AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "SquaredDifference", "Greater"]:
            b(op + "_" + tag, getattr(raw, op)(x=a, y=c), loose, 3e-2)
    b("BitwiseAnd", raw.BitwiseAnd(x=n, y=m))
    b("BitwiseOr", raw.BitwiseOr(x=k, y=l))
    b("BitwiseXor", raw.BitwiseXor(x=n, y=m))
    b("Invert", raw.Invert(x=n))


@family
def select(b):
    x, y = b.reals("x", 4, 3), b.reals("y", 4, 3)
    c = b.feed("c", np.array([True, False, False, True]))
    f = b.feed("f", b.rng.rand(4, 3) > 0.5)
    s = b.feed("s", np.array(True))
    b("Select_full", raw.Select(condition=f, x=x, y=y))
    b("Select_rows", raw.Select(condition=c, x=x, y=y))
    b("Select_scalar", raw.Select(condition=s, x=x, y=y))
    b("Select_vector", raw.Select(condition=c, x=x[:, 0], y=y[:, 0]))
    b("SelectV2_broadcast", raw.SelectV2(condition=c[:, None], t=x, e=tf.constant(0.0)))
    b("SelectV2_columns", raw.SelectV2(condition=f[0], t=x, e=y))
    n = b.ints("n", 4, 3)
    b("Select_int32", raw.Select(condition=f, x=n, y=-n))
    b("Select_bool", raw.Select(condition=f, x=n > 0, y=n < -3))
    b("Select_half", raw.Select(condition=f, x=tf.cast(x, f16), y=tf.cast(y, f16)), 1e-3)
    b("All", raw.All(input=f, axis=[0]))
    b("Any", raw.Any(input=f, axis=[1], keep_dims=True))
    b("All_everything", tf.reduce_all(f))
    b("Any_everything", tf.reduce_any(f))
    b("Any_nothing", tf.reduce_any(f[:0], axis=0))
    b("All_nothing", tf.reduce_all(f[:0], axis=0))


@family
def cast(b):
    sources = {"float": b.reals("float", 9, low=-90, high=90),
               "double": b.reals("double", 9, low=-90, high=90, dtype=np.float64),
               "half": b.reals("half", 9, low=-90, high=90, dtype=np.float16),
               "int": b.ints("int", 9, low=-99, high=99), "long": b.ints("long", 9, low=-99, high=99, dtype=np.int64),
               "byte": b.ints("byte", 9, low=0, high=99, dtype=np.uint8),
               "char": b.ints("char", 9, low=-99, high=99, dtype=np.int8),
               "short": b.ints("short", 9, low=-99, high=99, dtype=np.int16),
               "bool": b.feed("bool", b.rng.rand(9) > 0.5)}
    for name, x in sources.items():
        for to in (f32, f64, f16, bf16, i8, i16, i32, i64, u8, boolean):
            if to == u8 and name not in ("byte", "bool"):
                x_ = tf.abs(x)
            else:
                x_ = x
            b(name + "_to_" + to.name, tf.cast(x_, to))
    b("bfloat16_to_int32", tf.cast(tf.cast(sources["float"], bf16), i32))


@family
def slices(b):
    x = b.reals("x", 4, 5, 6)
    begin, end = b.feed("begin", np.array([1, -3], np.int32)), b.feed("end", np.array([4, -1], np.int32))
    b("basic", x[1:3, ::2, -1])
    b("reverse", x[::-1, ::-2, 5:0:-1])
    b("ellipsis", x[..., 1])
    b("ellipsis_middle", x[1, ..., 2:4])
    b("new_axis", x[:, tf.newaxis, 2, tf.newaxis])
    b("everything", x[tf.newaxis, 0, ..., tf.newaxis, -1])
    b("beyond", x[-9:9, 3:99])
    b("negative_step_all", x[-1::-1])
    b("empty", x[3:1])
    b("shrink_last", x[-1, -2])
    n = b.feed("n", np.array(2, np.int32))
    b("Slice", tf.slice(x, [1, 0, 2], [2, -1, 3]))
    b("Slice_int64", raw.Slice(input=x, begin=tf.constant([0, 1, 0], i64), size=tf.constant([-1, 2, -1], i64)))
    b("shape_slice", x[:tf.shape(x)[0] - 1, 1:tf.shape(x)[1]])
    b("StridedSlice_computed", raw.StridedSlice(input=x, begin=[tf.shape(x)[0] - 3, 1], end=[4, tf.shape(x)[1] - 1], strides=[1, 2]))
    b("StridedSlice_shrink_computed", x[tf.shape(x)[0] - 2])
    parts = tf.split(x, 3, axis=-1)
    b("Split0", parts[0])
    b("Split2", parts[2])
    b("Split_first", tf.split(x, 2, axis=0)[1])
    sized = tf.split(x, [1, -1, 2], axis=1)
    b("SplitV1", sized[1])
    b("SplitV2", sized[2])
    b("Unstack", tf.unstack(x, axis=1)[3])
    b("Unstack_last", tf.unstack(x, axis=-1)[0])
    idx = b.feed("idx", np.array([[3, 0], [1, 1]], np.int32))
    long = b.feed("long", np.array([2, 0], np.int64))
    b("Gather", raw.Gather(params=x, indices=idx))
    b("GatherV2", raw.GatherV2(params=x, indices=idx, axis=1))
    b("GatherV2_last", raw.GatherV2(params=x, indices=long, axis=-1))
    b("GatherV2_scalar", raw.GatherV2(params=x, indices=n, axis=2))
    batch = b.feed("batch", b.rng.randint(0, 5, (4, 2)).astype(np.int32))
    b("GatherV2_batch", raw.GatherV2(params=x, indices=batch, axis=1, batch_dims=1))
    b("GatherV2_batch_last", raw.GatherV2(params=x, indices=batch, axis=2, batch_dims=1))
    b("GatherV2_ints", raw.GatherV2(params=tf.cast(x * 9, i32), indices=idx, axis=0))
    nd = b.feed("nd", np.array([[3, 0], [1, 4], [0, 2]], np.int32))
    b("GatherNd", raw.GatherNd(params=x, indices=nd))
    b("GatherNd_full", raw.GatherNd(params=x, indices=tf.concat([nd, nd[:, :1]], 1)))
    b("ReverseV2", raw.ReverseV2(tensor=x, axis=[0, -1]))
    b("ReverseV2_none", raw.ReverseV2(tensor=x, axis=tf.constant([], i32)))
    lengths = b.feed("lengths", np.array([1, 5, 0, 3], np.int32))
    b("ReverseSequence", raw.ReverseSequence(input=x, seq_lengths=lengths, seq_dim=1, batch_dim=0))
    b("ReverseSequence_time", tf.reverse_sequence(tf.transpose(x, [1, 0, 2]), lengths, seq_axis=0, batch_axis=1))
    b("embedding", tf.nn.embedding_lookup(x[0], idx))
    b("ScatterNd", raw.ScatterNd(indices=tf.constant([[1], [3], [1]]), updates=x[:3, 0], shape=[5, 6]))
    b("TensorScatterUpdate", tf.tensor_scatter_nd_update(x[0], nd[1:], tf.constant([7.0, 8.0])))
    b("TensorScatterAdd", tf.tensor_scatter_nd_add(x[0], tf.constant([[0, 0], [0, 0], [4, 5]]), tf.constant([7.0, 8.0, 9.0])))
    top = raw.TopKV2(input=x, k=3)
    b("TopK_values", top.values)
    b("TopK_indices", top.indices)
    b("TopK_one", tf.nn.top_k(x, 1, sorted=True)[0])


@family
def shapes(b):
    x = b.feed("x", b.rng.rand(2, 3, 4).astype(np.float32), [None, 3, 4])
    y = b.feed("y", b.rng.rand(2, 1, 4, 1).astype(np.float32))
    b("Reshape", tf.reshape(x, [-1, 12]))
    b("Reshape_computed", tf.reshape(x, [tf.shape(x)[0], 12]))
    b("flatten", tf.reshape(x, tf.stack([tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])])))
    b("Transpose", tf.transpose(x, [2, 0, 1]))
    b("Transpose_reverse", tf.transpose(x))
    perm = tf.concat([[tf.rank(x) - 1], tf.range(0, tf.rank(x) - 1)], 0)
    b("Transpose_computed", raw.Transpose(x=x, perm=perm))
    b("Transpose_old", raw.Transpose(x=x, perm=(raw.Rank(input=x) - 1) - raw.Range(start=0, limit=raw.Rank(input=x), delta=1)))
    b("Squeeze", raw.Squeeze(input=y))
    b("Squeeze_one", raw.Squeeze(input=y, axis=[1]))
    b("Squeeze_negative", raw.Squeeze(input=y, axis=[-1, 1]))
    b("ExpandDims", tf.expand_dims(x, -2))
    b("Shape", tf.shape(x))
    b("Shape_int64", tf.shape(x, out_type=i64))
    b("ShapeN", tf.shape_n([x, y])[1])
    b("Size", raw.Size(input=x))
    b("Rank", raw.Rank(input=x) + 0)
    b("Fill", tf.fill([tf.shape(x)[0], 2], 1.5))
    b("Fill_int", tf.fill([3], tf.constant(7, i64)))
    b("zeros", tf.zeros([tf.shape(x)[0], 3]))
    b("ZerosLike", raw.ZerosLike(x=x))
    b("OnesLike", raw.OnesLike(x=x))
    b("ZerosLike_nan", raw.ZerosLike(x=x * np.nan))
    b("BroadcastTo", raw.BroadcastTo(input=y, shape=[2, 3, 4, 2]))
    b("Range", tf.range(3, 18, 4))
    b("Range_down", tf.range(5, 0, -2))
    b("Range_float", tf.range(0.0, 1.0, 0.3))
    b("Range_computed", tf.range(tf.shape(x)[0] * 3))
    b("LinSpace", raw.LinSpace(start=-1.0, stop=2.0, num=7))
    b("LinSpace_one", raw.LinSpace(start=-1.0, stop=2.0, num=1))
    b("Tile", tf.tile(x, [2, 1, 3]))
    b("Tile_computed", tf.tile(tf.constant([[1.0, 2.0]]), [tf.shape(x)[0], 1]))
    b("Pack", tf.stack([x, x * 2], axis=-1))
    b("Pack_scalars", tf.stack([tf.shape(x)[0], 5, 7]))
    b("Concat", raw.Concat(concat_dim=1, values=[x, x[:, :1]]))
    b("ConcatV2", tf.concat([x, x * 2, x[..., :1]], -1))
    b("Pad", tf.pad(x, [[0, 0], [1, 2], [3, 0]]))
    b("PadV2", tf.pad(x, [[1, 0], [0, 0], [0, 1]], constant_values=-7.5))
    b("Pad_int", tf.pad(tf.cast(x * 9, i32), [[1, 1], [0, 0], [0, 0]]))
    b("MirrorPad_reflect", tf.pad(x, [[0, 0], [2, 1], [0, 3]], "REFLECT"))
    b("MirrorPad_symmetric", tf.pad(x, [[1, 0], [3, 2], [0, 4]], "SYMMETRIC"))
    n = b.feed("n", np.array([[0, 2], [-1, 5]], np.int32))
    b("OneHot", tf.one_hot(n, 4))
    b("OneHot_axis", tf.one_hot(n, 3, axis=0, on_value=5, off_value=-1, dtype=i64))
    b("OneHot_middle", tf.one_hot(n, 3, axis=1, on_value=True, off_value=False))
    b("OneHot_uint8", tf.one_hot(tf.cast(tf.abs(n), u8), 3))
    v = b.reals("v", 4)
    m = b.reals("m", 2, 4, 3)
    b("Diag", raw.Diag(diagonal=v))
    b("DiagPart", raw.DiagPart(input=m[0, :3]))
    b("MatrixDiag", raw.MatrixDiag(diagonal=m))
    b("MatrixDiagPart", raw.MatrixDiagPart(input=m))
    b("diag_v3", tf.linalg.diag(v))
    b("diag_part_v3", tf.linalg.diag_part(m))
    b("MatrixBandPart_lower", tf.linalg.band_part(m, -1, 0))
    b("MatrixBandPart_upper", tf.linalg.band_part(m, 0, -1))
    b("MatrixBandPart_band", tf.linalg.band_part(m, 1, 1))
    b("MatrixSetDiag", raw.MatrixSetDiag(input=m, diagonal=m[:, :3, 0]))
    b("SpaceToBatchND", tf.space_to_batch_nd(tf.reshape(tf.range(48.0), [2, 4, 6, 1]), [2, 3], [[0, 0], [0, 0]]))
    b("SpaceToBatchND_pad", tf.space_to_batch_nd(x, [2], [[1, 2]]))
    b("BatchToSpaceND", tf.batch_to_space(tf.reshape(tf.range(48.0), [12, 2, 2, 1]), [2, 3], [[0, 1], [1, 1]]))
    image = b.reals("image", 2, 4, 6, 8)
    b("SpaceToDepth", raw.SpaceToDepth(input=image, block_size=2))
    b("DepthToSpace", raw.DepthToSpace(input=image, block_size=2))
    b("sequence_mask", tf.sequence_mask(tf.constant([1, 3, 0]), 4, dtype=f32))
    b("meshgrid", tf.meshgrid(v, v[:2])[1])
    b("EnsureShape", tf.ensure_shape(x, [None, 3, 4]) * 2)
    b("Identity_list", tf.identity_n([x, y])[1])
    
    b("Cumsum", tf.cumsum(x, axis=1))
    b("Cumsum_exclusive", tf.cumsum(x, axis=-1, exclusive=True))
    b("Cumsum_reverse", tf.cumsum(x, axis=0, reverse=True))
    b("Cumsum_both", tf.cumsum(x, axis=2, exclusive=True, reverse=True))
    b("Cumsum_int", tf.cumsum(n, axis=1))
    b("Cumprod", tf.math.cumprod(x, axis=1))
    b("InvertPermutation", tf.math.invert_permutation(tf.constant([2, 0, 3, 1])))


@family
def reduce(b):
    x = b.reals("x", 3, 4, 5)
    n = b.ints("n", 3, 4)
    for op in ["Mean", "Sum", "Max", "Min", "Prod"]:
        f = getattr(raw, op)
        b(op, f(input=x, axis=[1]))
        b(op + "_keep", f(input=x, axis=[0, -1], keep_dims=True))
        b(op + "_all", f(input=x, axis=[0, 1, 2]))
        b(op + "_none", f(input=x, axis=tf.constant([], i32)))
        b(op + "_scalar_axis", f(input=x, axis=-2))
        b(op + "_int32", f(input=n, axis=[1]))
        b(op + "_int64", f(input=tf.cast(n, i64), axis=[0]))
    o = b.feed("open", b.rng.rand(3, 4).astype(np.float32), None)
    b("Sum_rank", tf.reduce_sum(tf.ensure_shape(x, [3, 4, 5]), axis=tf.range(0, tf.rank(x) - 1)))
    b("reduce_mean", tf.reduce_mean(x))
    b("reduce_mean_half", tf.reduce_mean(tf.cast(x, f16), axis=1), 3e-3, 2e-3)
    b("reduce_sum_double", tf.reduce_sum(tf.cast(x, f64), axis=1))
    b("reduce_sum_open", tf.reduce_sum(tf.reshape(o, [3, 4]), axis=0))
    b("moments", tf.stack(tf.nn.moments(x, [0, 1])))
    b("reduce_std", tf.math.reduce_std(x, 1))
    b("logsumexp", tf.reduce_logsumexp(x, axis=-1))
    b("norm", tf.norm(x, axis=1))
    b("l2_normalize", tf.nn.l2_normalize(x, axis=-1))
    for op in ["ArgMax", "ArgMin"]:
        f = getattr(raw, op)
        b(op, f(input=x, dimension=1))
        b(op + "_last", f(input=x, dimension=-1, output_type=i32))
        b(op + "_int32", f(input=n, dimension=0))
    for rank in range(1, 5):
        t = tf.reshape(x, [[60], [12, 5], [3, 4, 5], [3, 2, 2, 5]][rank - 1])
        b("Softmax_%d" % rank, tf.nn.softmax(t) if rank > 2 else raw.Softmax(logits=t))
        b("LogSoftmax_%d" % rank, raw.LogSoftmax(logits=t))
    b("softmax_axis", tf.nn.softmax(x, axis=1))
    b("cross_entropy", tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(x), logits=-x))


@family
def products(b):
    x, y = b.reals("x", 3, 4), b.reals("y", 4, 5)
    for a in (False, True):
        for c in (False, True):
            b("MatMul_%d%d" % (a, c), raw.MatMul(a=tf.transpose(x) if a else x, b=tf.transpose(y) if c else y,
                                               transpose_a=a, transpose_b=c))
    p, q = b.reals("p", 2, 3, 3, 4), b.reals("q", 2, 1, 4, 5)
    b("BatchMatMul", raw.BatchMatMul(x=p[:, 0], y=q[:, 0]))
    b("BatchMatMul_adj", raw.BatchMatMul(x=p[:, 0], y=p[:, 1], adj_y=True))
    b("BatchMatMul_both", raw.BatchMatMul(x=p[0], y=tf.transpose(p, [0, 1, 3, 2])[1], adj_x=True, adj_y=True))
    b("BatchMatMulV2", raw.BatchMatMulV2(x=p, y=q))
    b("BatchMatMulV2_adj", raw.BatchMatMulV2(x=p, y=p, adj_x=True))
    b("BatchMatMulV3", raw.BatchMatMulV3(x=p, y=q, Tout=f32))
    b("MatMul_half", tf.matmul(tf.cast(x, f16), tf.cast(y, f16)), 3e-3, 5e-3)
    b("MatMul_double", tf.matmul(tf.cast(x, f64), tf.cast(y, f64)))
    n = b.ints("n", 3, 4)
    b("MatMul_int32", tf.matmul(n, tf.transpose(n)))
    b("BiasAdd", raw.BiasAdd(value=x, bias=tf.constant([1.0, 2, 3, 4])))
    b("BiasAddV1", raw.BiasAddV1(value=x, bias=tf.constant([1.0, 2, 3, 4])))
    b("BiasAdd_rank3", raw.BiasAdd(value=p[0], bias=tf.constant([1.0, 2, 3, 4])))
    b("tensordot", tf.tensordot(p, y, axes=[[3], [0]]))
    w = b.reals("w", 4, 2, 5)
    h = b.reals("h", 3, 6, 4)
    for name, eq, args in [("dense", "bsd,dnh->bsnh", (h, w)), ("plain", "ij,jk->ik", (x, y)),
                           ("scores", "bfnh,btnh->bnft", (p, p[:, :2])), ("transposed", "ij,kj->ki", (x, x)),
                           ("context", "bnft,btnh->bfnh", (tf.reshape(p, [2, 3, 4, 3]), p)),
                           ("outer", "i,j->ij", (x[0], y[0])), ("dot", "i,i->", (x[0], x[1])),
                           ("sum", "ijk->ki", (w,)), ("output", "bsnh,nhd->bsd", (p, tf.reshape(p[0], [3, 4, 3])))]:
        b("Einsum_" + name, raw.Einsum(inputs=args, equation=eq), 1e-5, 1e-5)
    b("Einsum_ellipsis", raw.Einsum(inputs=[p, y], equation="...ij,jk->...ik"))
    b("cholesky_free_inverse_diag", tf.linalg.diag(1.0 / tf.linalg.diag_part(tf.matmul(x, x, transpose_b=True))))


@family
def windows(b):
    x = b.feed("x", b.rng.randn(2, 9, 8, 4).astype(np.float32), [None, 9, 8, 4])
    k, dw = b.const(3, 3, 4, 6), b.const(3, 2, 4, 2)
    for padding in ("SAME", "VALID"):
        for s in (1, 2):
            tag = "_%s_%d" % (padding.lower(), s)
            b("Conv2D" + tag, raw.Conv2D(input=x, filter=k, strides=[1, s, s, 1], padding=padding))
            b("Depthwise" + tag, raw.DepthwiseConv2dNative(input=x, filter=dw, strides=[1, s, s, 1], padding=padding))
            b("MaxPool" + tag, raw.MaxPool(input=x, ksize=[1, 3, 2, 1], strides=[1, s, s, 1], padding=padding))
            b("AvgPool" + tag, raw.AvgPool(value=x, ksize=[1, 3, 2, 1], strides=[1, s, s, 1], padding=padding))
    b("Conv2D_strides", raw.Conv2D(input=x, filter=k, strides=[1, 2, 3, 1], padding="SAME"))
    b("Conv2D_explicit", raw.Conv2D(input=x, filter=k, strides=[1, 2, 1, 1], padding="EXPLICIT",
                                    explicit_paddings=[0, 0, 2, 1, 0, 3, 0, 0]))
    b("Conv2D_dilated", raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="SAME", dilations=[1, 2, 3, 1]))
    b("Conv2D_groups", raw.Conv2D(input=x, filter=k[:, :, :2], strides=[1, 1, 1, 1], padding="SAME"))
    b("Depthwise_dilated", raw.DepthwiseConv2dNative(input=x, filter=dw, strides=[1, 1, 1, 1], padding="VALID", dilations=[1, 2, 2, 1]))
    b("atrous", tf.nn.atrous_conv2d(tf.ensure_shape(x, [2, 9, 8, 4]), k, 2, "SAME"))
    b("conv1d", tf.nn.conv1d(x[:, 0], k[0], 2, "SAME"))
    for padding in ("SAME", "VALID"):
        for s in (1, 2, 4):
            grow = {"SAME": lambda n: n * s, "VALID": lambda n: (n - 1) * s + max(3, s)}[padding]
            if padding == "VALID" and s == 4:
                grow = lambda n: n * s  # noqa: E731
            b("transpose_%s_%d" % (padding.lower(), s), tf.nn.conv2d_transpose(
                x, b.const(3, 3, 5, 4), [tf.shape(x)[0], grow(9), grow(8), 5], [1, s, s, 1], padding))
    b("transpose_odd", tf.nn.conv2d_transpose(x, b.const(3, 3, 5, 4), [2, 17, 15, 5], [1, 2, 2, 1], "SAME"))
    half = tf.cast(x, f16)
    b("Conv2D_half", raw.Conv2D(input=half, filter=tf.cast(k, f16), strides=[1, 1, 1, 1], padding="SAME"), 1e-2, 2e-2)
    b("MaxPool_half", raw.MaxPool(input=half, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"))
    b("LRN", raw.LRN(input=x, depth_radius=1, bias=0.7, alpha=0.4, beta=0.6))
    b("LRN_default", raw.LRN(input=x))
    gamma, beta = tf.constant([1.0, 0.5, 2.0, -1.0]), tf.constant([0.1, 0.2, 0.3, 0.4])
    mean, var = tf.constant([0.3, -0.2, 0.0, 1.0]), tf.constant([1.5, 0.5, 2.0, 0.1])
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        kw = {} if op == "FusedBatchNorm" else {}
        b(op, getattr(raw, op)(x=x, scale=gamma, offset=beta, mean=mean, variance=var, epsilon=0.01, is_training=False, **kw).y)
        training = getattr(raw, op)(x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=0.01, is_training=True)
        b(op + "_training", training.y, 1e-4)
        b(op + "_batch_mean", training.batch_mean)
        b(op + "_batch_variance", training.batch_variance, 1e-4)
    b("batch_normalization", tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-3))
    b("bilinear", raw.ResizeBilinear(images=x, size=[13, 5]))
    b("bilinear_align", raw.ResizeBilinear(images=x, size=[13, 5], align_corners=True))
    b("bilinear_half_pixel", raw.ResizeBilinear(images=x, size=[4, 17], half_pixel_centers=True))
    b("nearest", raw.ResizeNearestNeighbor(images=x, size=[13, 5]))
    b("nearest_align", raw.ResizeNearestNeighbor(images=x, size=[13, 5], align_corners=True))
    b("nearest_half_pixel", raw.ResizeNearestNeighbor(images=x, size=[4, 17], half_pixel_centers=True))
    b("upsample", raw.ResizeNearestNeighbor(images=x, size=tf.shape(x)[1:3] * 2))
    v = b.reals("v", 1, 5, 6, 4, 3)
    b("Conv3D", raw.Conv3D(input=v, filter=b.const(2, 3, 2, 3, 4), strides=[1, 1, 2, 1, 1], padding="SAME"), 1e-4)
    b("Conv3D_valid", raw.Conv3D(input=v, filter=b.const(2, 3, 2, 3, 4), strides=[1, 1, 1, 1, 1], padding="VALID"), 1e-4)
    b("MaxPool3D", raw.MaxPool3D(input=v, ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="SAME"))
    b("AvgPool3D", raw.AvgPool3D(input=v, ksize=[1, 2, 3, 2, 1], strides=[1, 1, 2, 1, 1], padding="SAME"))


@family
def recurrent(b):
    batch, width, cell = 3, 4, 5
    x = b.reals("x", batch, width)
    c, h = b.reals("c", batch, cell), b.reals("h", batch, cell)
    w, bias = b.const(width + cell, 4 * cell), b.const(4 * cell)
    peep = [b.const(cell) for _ in range(3)]
    for name, kw in {"plain": {}, "peephole": {"use_peephole": True}, "clipped": {"cell_clip": 0.4, "forget_bias": 0.3}}.items():
        out = raw.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, w=w, wci=peep[0], wcf=peep[1], wco=peep[2], b=bias, **kw)
        for field in out._fields:
            b("LSTMBlockCell_%s_%s" % (name, field), getattr(out, field))
    g = raw.GRUBlockCell(x=x, h_prev=h, w_ru=b.const(width + cell, 2 * cell), w_c=b.const(width + cell, cell),
                         b_ru=b.const(2 * cell), b_c=b.const(cell))
    for field in g._fields:
        b("GRUBlockCell_" + field, getattr(g, field))
    seq = b.reals("sequence", 4, batch, width)
    for op, args in {"BlockLSTM": {}, "BlockLSTMV2": {}}.items():
        for name, kw in {"plain": {}, "peephole": {"use_peephole": True, "cell_clip": 0.5}}.items():
            if op == "BlockLSTM" and name == "plain":
                kw = {"forget_bias": 0.0}
            out = getattr(raw, op)(seq_len_max=tf.constant(4, i64), x=seq, cs_prev=c, h_prev=h, w=w, wci=peep[0],
                                   wcf=peep[1], wco=peep[2], b=bias, **kw)
            b("%s_%s_h" % (op, name), out.h)
            b("%s_%s_cs" % (op, name), out.cs)
            b("%s_%s_o" % (op, name), out.o)


@family
def stateless_random(b):
    seed = b.feed("seed", np.array([3, -5], np.int64))
    short = b.feed("short", np.array([-7, 2], np.int32))
    n = b.feed("n", np.array([0, 0], np.int64))
    for name, op in (("uniform", raw.StatelessRandomUniform), ("normal", raw.StatelessRandomNormal),
                     ("truncated", raw.StatelessTruncatedNormal)):
        b(name, op(shape=[5, 7], seed=seed))
        b(name + "_int32_seed", op(shape=tf.constant([9], i64), seed=short))
        b(name + "_zero", op(shape=[], seed=n))
        b(name + "_empty", op(shape=[0, 3], seed=n))
        for dtype in (f64, f16, bf16):
            b(name + "_" + dtype.name, op(shape=[3, 5], seed=seed, dtype=dtype), {f64: 1e-12, f16: 1e-3, bf16: 1e-2}[dtype], 1e-12)
    for dtype in (i32, i64):
        b("int_" + dtype.name, raw.StatelessRandomUniformInt(
            shape=[33], seed=seed, minval=tf.constant(-11, dtype), maxval=tf.constant(100, dtype)))
        b("wide_" + dtype.name, raw.StatelessRandomUniformInt(
            shape=[5], seed=seed, minval=tf.constant(dtype.min, dtype), maxval=tf.constant(dtype.max, dtype)))


if __name__ == "__main__":
    for name in sys.argv[1:] or FAMILIES:
        make(name)
