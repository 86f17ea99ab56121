/* From what a model returned to the outputs of a job.
 *
 * The quick way is here: arrays and whatever else exports its memory with exactly the dtype and shape that are declared. All
 * else (torch tensors, nested lists, numbers, wrong answers) goes through py/answers.py, which gives back such an object or
 * raises what is wrong.
 */
#include <string.h>

#include "plugins/python/shim/shim.h"
#include "sdk/include/midstream/backend.h"

/* The dtype class of a buffer's format, -1 when it is not one native scalar. */
static int ClassOf(const char* format) {
  if (format == NULL) return MS_DTYPE_UINT;
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (format[0] == '\0' || format[1] != '\0') return -1;
  if (strchr("bhilqn", *format) != NULL) return MS_DTYPE_INT;
  if (strchr("BHILQN", *format) != NULL) return MS_DTYPE_UINT;
  if (strchr("efd", *format) != NULL) return MS_DTYPE_FLOAT;
  return *format == '?' ? MS_DTYPE_BOOL : -1;
}

static int Matches(const Py_buffer* buffer, const mp_tensor* tensor) {
  /* Nothing else has the bits of bfloat16. */
  const int wanted = tensor->dtype_code == MS_DTYPE_BFLOAT ? MS_DTYPE_UINT : tensor->dtype_code;
  if (ClassOf(buffer->format) != wanted || buffer->itemsize * 8 != tensor->dtype_bits) return 0;
  if (buffer->ndim != (int)tensor->rank || (uint64_t)buffer->len != tensor->bytes) return 0;
  for (int d = 0; d < buffer->ndim; ++d) {
    if (buffer->shape[d] != tensor->shape[d]) return 0;
  }
  return 1;
}

/* 1 when the memory of value is what the tensor needs, and out->buffers has it. */
static int TakeBuffer(PyObject* value, const mp_tensor* tensor, shim_answer* out) {
  Py_buffer* buffer = &out->buffers[out->n];
  if (!PyObject_CheckBuffer(value)) return 0;
  if (PyObject_GetBuffer(value, buffer, PyBUF_FULL_RO) != 0) {
    PyErr_Clear();
    return 0;
  }
  if (!Matches(buffer, tensor)) {
    PyBuffer_Release(buffer);
    return 0;
  }
  Py_INCREF(value);
  out->owners[out->n++] = value;
  return 1;
}

static PyObject* ShapeOf(const mp_tensor* tensor) {
  PyObject* shape = PyTuple_New(tensor->rank);
  for (uint32_t d = 0; shape != NULL && d < tensor->rank; ++d) {
    PyObject* size = PyLong_FromLongLong(tensor->shape[d]);
    if (size == NULL || PyTuple_SetItem(shape, d, size) != 0) Py_CLEAR(shape);
  }
  return shape;
}

static int TakeConverted(shim_model* model, uint32_t index, PyObject* value,
                         const mp_tensor* tensor, shim_answer* out) {
  PyObject* shape = ShapeOf(tensor);
  if (shape == NULL) return -1;
  PyObject* converted = PyObject_CallMethod(model->object, "convert", "IOO", index, value, shape);
  Py_DECREF(shape);
  if (converted == NULL) return -1;
  Py_buffer* buffer = &out->buffers[out->n];
  if (PyObject_GetBuffer(converted, buffer, PyBUF_FULL_RO) != 0) {
    Py_DECREF(converted);
    return -1;
  }
  out->owners[out->n++] = converted;
  if ((uint64_t)buffer->len == tensor->bytes) return 0;
  PyErr_SetString(PyExc_SystemError, "an answer was converted to another size than declared");
  return -1;
}

static int Take(shim_model* model, uint32_t index, PyObject* value, const mp_tensor* tensor,
                shim_answer* out) {
  return TakeBuffer(value, tensor, out) ? 0 : TakeConverted(model, index, value, tensor, out);
}

int ShimReadAnswer(shim_model* model, PyObject* result, const mp_job* job, shim_answer* out) {
  out->n = 0;
  if (job->n_outputs != model->n_outputs) {
    PyErr_SetString(PyExc_SystemError, "the job has not as many outputs as the model");
    return -1;
  }
  if (model->n_outputs == 1 && TakeBuffer(result, &job->outputs[0], out)) return 0;
  if (PyTuple_CheckExact(result) && PyTuple_Size(result) == (Py_ssize_t)model->n_outputs &&
      model->n_outputs > 1) {
    for (uint32_t i = 0; i < model->n_outputs; ++i) {
      if (Take(model, i, PyTuple_GetItem(result, i), &job->outputs[i], out) != 0) return -1;
    }
    return 0;
  }
  PyObject* values =
      PyObject_CallMethod(model->object, "split", "(O)", result); /* a tuple, one for each output */
  int code = values == NULL ? -1 : 0;
  for (uint32_t i = 0; code == 0 && i < model->n_outputs; ++i) {
    code = Take(model, i, PyTuple_GetItem(values, i), &job->outputs[i], out);
  }
  Py_XDECREF(values);
  return code;
}

int ShimWriteAnswer(const shim_answer* answer, mp_job* job) {
  for (uint32_t i = 0; i < answer->n; ++i) {
    const Py_buffer* buffer = &answer->buffers[i];
    void* to = ShimData(&job->outputs[i]);
    if (buffer->len == 0) continue;
    if (PyBuffer_IsContiguous(buffer, 'C')) {
      memcpy(to, buffer->buf, (size_t)buffer->len);
    } else if (PyBuffer_ToContiguous(to, (Py_buffer*)buffer, buffer->len, 'C') != 0) {
      return -1;
    }
    if (job->outputs[i].dtype_code != MS_DTYPE_BOOL) continue;
    uint8_t* bytes = to; /* numpy lets a view have others than 0 and 1 */
    for (Py_ssize_t b = 0; b < buffer->len; ++b) bytes[b] = bytes[b] != 0;
  }
  return 0;
}

void ShimReleaseAnswer(shim_answer* answer) {
  for (uint32_t i = 0; i < answer->n; ++i) {
    PyBuffer_Release(&answer->buffers[i]);
    Py_DECREF(answer->owners[i]);
  }
  answer->n = 0;
}
