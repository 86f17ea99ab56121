/* What the files of the shim share. The shim is one interpreter's side of protocol.h: plain C on Python's limited API, so that
 * one build serves every libpython from 3.10 on. It exists once per linker namespace, or once per worker process, hence the
 * globals: there is exactly one interpreter.
 *
 * Threads: everything runs on the interpreter's own thread with the GIL held, unless a comment says otherwise. Objects of this
 * interpreter may be freed by any of its threads, always with the GIL.
 */
#ifndef MIDSTREAM_PLUGINS_PYTHON_SHIM_SHIM_H_
#define MIDSTREAM_PLUGINS_PYTHON_SHIM_SHIM_H_

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#include <signal.h>

#include "plugins/python/protocol.h"

#define SHIM_EXPORT __attribute__((visibility("default")))

/* The interpreter and its place in the region. */
typedef struct shim_state {
  mp_region* region;
  uint32_t worker;
  int process; /* a worker process, else a namespace of the host's process */
  sigset_t
      signals; /* blocked in the thread that started this one; for processes that a model starts */
  PyObject* runtime; /* the module of plugins/python/py/runtime.py */
} shim_state;
extern shim_state g_shim;

static inline mp_worker* ShimWorker(void) { return &g_shim.region->workers[g_shim.worker]; }
/* Something in the region; offset is not 0. */
static inline void* ShimAt(uint64_t offset) { return (char*)g_shim.region + offset; }
static inline void* ShimData(const mp_tensor* tensor) {
  return g_shim.region->absolute ? (void*)(uintptr_t)tensor->at : ShimAt(tensor->at);
}

/* ---- words.c: futex words and the clock. Any thread, no GIL. ---- */
void ShimWake(uint32_t* word, int count);
void ShimWait(uint32_t* word, uint32_t seen, long timeout_ms); /* < 0: no timeout */
uint64_t ShimNow(void);                                        /* CLOCK_MONOTONIC, ns */

/* ---- start.c: brings an interpreter up. ---- */
/* Returns 0 with the GIL held, or -1 with the reason in error. */
int ShimStartPython(const mp_start* start, char* error, size_t error_bytes);
/* Calls function `name` of the runtime with no arguments; an exception is dropped. */
void ShimCallRuntime(const char* name);
/* "3.11.2" */
void ShimVersion(char* out, size_t bytes);
/* Writes what a person should know of the current exception, and clears it. */
void ShimPrintError(char* out, size_t bytes);

/* ---- memory.c: objects that export memory through the buffer protocol. ---- */
int ShimInitMemory(void);
/* A copy of a tensor of the region; writable. NULL with an exception. */
PyObject* ShimCopyTensor(const mp_tensor* tensor);
/* The memory of a weight's value, read-only, held until the object is gone. NULL with an exception. */
PyObject* ShimHoldValue(mp_value* value);
/* The memory of a model's files, as bytes, read-only; it holds the model. */
PyObject* ShimHoldModel(mp_model* model);
/* Lowers a hold of this worker, and tells the host when it was the last. */
void ShimDropHold(uint32_t* hold);
/* This process may lower holds: it is a worker, not a child that a model forked. */
void ShimOwnHolds(void);
/* Whether this process is a child that a model forked. */
int ShimIsForked(void);
/* Objects that hold values or models now. */
long ShimHeldObjects(void);
/* 0, or -1 when the dtype is unknown or the bytes are not those of dtype and shape. */
int ShimCheckTensor(const mp_tensor* tensor);
/* "float32"; as in py/dtypes.py. */
const char* ShimDtypeName(const mp_tensor* tensor);

/* ---- models.c: what this interpreter has loaded. ---- */
typedef struct shim_input {
  PyObject* name;
  PyObject* make; /* called with (shape, dtype, memory); NULL: the model gets a memoryview */
  PyObject* dtype;
  PyObject* shape; /* of the last request, as a tuple */
  int64_t dims[MP_MAX_RANK];
  uint32_t rank;
} shim_input;

typedef struct shim_version {
  uint64_t at; /* of its mp_set; 0 and id 0: there is none */
  uint64_t id;
  uint64_t used;     /* the request that used it last */
  uint32_t* hold;    /* NULL without an mp_set */
  Py_ssize_t values; /* objects that it holds */
  PyObject* version; /* NULL: the entry is free */
} shim_version;

#define SHIM_VERSIONS \
  2 /* that a model keeps: requests of the old and the new one alternate while an update arrives */
typedef struct shim_model {
  struct shim_model* next;
  uint64_t at; /* of its mp_model */
  uint64_t id;
  PyObject* object; /* of class Model */
  shim_version versions[SHIM_VERSIONS];
  shim_version* current; /* whose `call` and `weights` these are; NULL: none */
  Py_ssize_t
      stale; /* values of a dropped version that an instance may have until it is told of another */
  PyObject* call;
  PyObject* weights; /* passed as `weights`, or NULL */
  uint32_t n_inputs;
  uint32_t n_outputs;
  shim_input inputs[MP_MAX_TENSORS];
  PyObject* outputs[MP_MAX_TENSORS]; /* names */
} shim_model;

/* The model of a job, loaded if it is not yet. NULL with an exception. */
shim_model* ShimFindModel(uint64_t at);
/* Makes the version of a job (0: without weights) the one that model->call answers for. -1 with an exception. */
int ShimUseVersion(shim_model* model, uint64_t set_at);
/* Drops what is kept for objects that the host has retired. Returns whether objects of theirs are still held, by the model's own
 * code or by reference cycles. */
int ShimDropRetired(void);

/* ---- answer.c: from what a model returned to the outputs of a job. ---- */
typedef struct shim_answer {
  uint32_t n;
  Py_buffer buffers[MP_MAX_TENSORS];
  PyObject* owners[MP_MAX_TENSORS];
} shim_answer;

/* Finds the memory of every output. -1 with an exception; ShimReleaseAnswer is due either way. */
int ShimReadAnswer(shim_model* model, PyObject* result, const mp_job* job, shim_answer* out);
/* Copies it out. -1 with an exception. */
int ShimWriteAnswer(const shim_answer* answer, mp_job* job);
void ShimReleaseAnswer(shim_answer* answer);

/* ---- serve.c ---- */
/* Takes jobs until the region says stop. Entered and left with the GIL held. */
void ShimServe(void);

#endif /* MIDSTREAM_PLUGINS_PYTHON_SHIM_SHIM_H_ */
