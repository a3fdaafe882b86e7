"""TensorFlow and Keras without their messages at start-up, on the course's number of threads.

    from course_utils.models.quiet_tensorflow import keras, tf

The switches work only before TensorFlow is imported, so import it from here before anything else does.
"""
import os
import sys

from course_utils.settings import threads

if "tensorflow" not in sys.modules:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"   # neither of the two is enough alone
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

try:
    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())
except RuntimeError:
    pass  # TensorFlow has computed already and keeps the threads that it has

__all__ = ["keras", "tf"]
