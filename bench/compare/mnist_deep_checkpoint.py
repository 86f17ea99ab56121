"""Writes the TensorFlow tutorial's mnist_deep at full size as a checkpoint with seeded weights.

    mnist_deep_checkpoint.py PREFIX

Names and scopes are the tutorial's. Dropout is left out: in TensorFlow it would draw random numbers
on every inference, which Midstream removes, and the comparison is to be about the same work.
"""
import sys

from tensorflow_quiet import tf1

FILTERS = (32, 64)
HIDDEN = 1024


def weight(shape):
    return tf1.Variable(tf1.truncated_normal(shape, stddev=0.1))


def bias(shape):
    return tf1.Variable(tf1.constant(0.1, shape=shape))


def conv_block(x, index, shape):
    with tf1.name_scope(f"conv{index}"):
        x = tf1.nn.conv2d(x, weight(shape), strides=[1, 1, 1, 1], padding="SAME")
        x = tf1.nn.relu(x + bias(shape[3:]))
    with tf1.name_scope(f"pool{index}"):
        return tf1.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def dense(x, shape):
    return tf1.matmul(x, weight(shape)) + bias(shape[1:])


def build():
    """Placeholder -> fc2/add."""
    x = tf1.placeholder(tf1.float32, [None, 784])
    with tf1.name_scope("reshape"):
        h = tf1.reshape(x, [-1, 28, 28, 1])
    h = conv_block(h, 1, [5, 5, 1, FILTERS[0]])
    h = conv_block(h, 2, [5, 5, FILTERS[0], FILTERS[1]])
    with tf1.name_scope("fc1"):
        h = tf1.reshape(h, [-1, 7 * 7 * FILTERS[1]])
        h = tf1.nn.relu(dense(h, [7 * 7 * FILTERS[1], HIDDEN]))
    with tf1.name_scope("fc2"):
        return dense(h, [HIDDEN, 10])


def main():
    with tf1.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(1)
        build()
        saver = tf1.train.Saver(save_relative_paths=True)
        session.run(tf1.global_variables_initializer())
        saver.save(session, sys.argv[1])


if __name__ == "__main__":
    main()
