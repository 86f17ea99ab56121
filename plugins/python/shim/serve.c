/* The loop of a worker: take a job, run it, answer; let go of what was retired; sleep.
 *
 * A job is taken only with the GIL held, so that a thread of a model that keeps it leaves the job to another worker. A model is
 * called with nothing of the region borrowed but held weights, so a job may be lost while it runs.
 */
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugins/python/shim/shim.h"
#include "sdk/include/midstream/backend.h"

static uint32_t Load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

/* Whether the state was `from` and is `to` now. */
static int Change(uint32_t* state, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(state, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static uint32_t Mine(uint32_t kind) { return MP_STATE(kind, g_shim.worker); }

/* ---- Taking ---- */

static int HasJobs(void) {
  return __atomic_load_n(&g_shim.region->head, __ATOMIC_SEQ_CST) !=
         __atomic_load_n(&g_shim.region->tail, __ATOMIC_SEQ_CST);
}

/* A job in state COPYING, or NULL. An entry of the ring may be old: its job withdrawn, or filled and queued anew, and then
 * whoever takes it here makes the later entry the old one. */
static mp_job* TakeJob(void) {
  mp_region* region = g_shim.region;
  for (;;) {
    /* The head before the tail: one that another worker has moved meanwhile may be at the tail, and must not pass it. */
    uint64_t head = __atomic_load_n(&region->head, __ATOMIC_SEQ_CST);
    if (head == __atomic_load_n(&region->tail, __ATOMIC_SEQ_CST)) return NULL;
    mp_job* job = &region->jobs[Load(&region->ring[head % MP_RING]) % MP_JOBS];
    const int taken = Change(&job->state, MP_STATE(MP_JOB_QUEUED, 0), Mine(MP_JOB_COPYING));
    if (taken || MP_STATE_KIND(Load(&job->state)) != MP_JOB_QUEUED) {
      __atomic_compare_exchange_n(&region->head, &head, head + 1, 0, __ATOMIC_SEQ_CST,
                                  __ATOMIC_SEQ_CST);
    }
    if (taken) return job;
  }
}

/* ---- Running ---- */

/* The inputs as arguments by name. Takes the references in memories. */
static PyObject* MakeArguments(shim_model* model, const mp_job* job, PyObject** memories) {
  PyObject* arguments = PyDict_New();
  for (uint32_t i = 0; arguments != NULL && i < job->n_inputs; ++i) {
    shim_input* input = &model->inputs[i];
    const mp_tensor* tensor = &job->inputs[i];
    PyObject* value = NULL;
    if (input->make == NULL) {
      value = PyMemoryView_FromObject(memories[i]);
    } else {
      if (input->shape == NULL || input->rank != tensor->rank ||
          memcmp(input->dims, tensor->shape, tensor->rank * sizeof(int64_t)) != 0) {
        Py_CLEAR(input->shape);
        input->shape = PyTuple_New(tensor->rank);
        for (uint32_t d = 0; input->shape != NULL && d < tensor->rank; ++d) {
          PyTuple_SetItem(input->shape, d, PyLong_FromLongLong(tensor->shape[d]));
          input->dims[d] = tensor->shape[d];
        }
        input->rank = tensor->rank;
      }
      if (input->shape != NULL) {
        value = PyObject_CallFunctionObjArgs(input->make, input->shape, input->dtype, memories[i],
                                             NULL);
      }
    }
    if (value == NULL || PyDict_SetItem(arguments, input->name, value) != 0) Py_CLEAR(arguments);
    Py_XDECREF(value);
  }
  return arguments;
}

static PyObject* Infer(shim_model* model, mp_job* job, PyObject** memories) {
  if (job->n_inputs != model->n_inputs) {
    PyErr_SetString(PyExc_SystemError, "the job has not as many inputs as the model");
    return NULL;
  }
  if (ShimUseVersion(model, job->set) != 0) return NULL;
  __atomic_store_n(&job->model_begin_ns, ShimNow(), __ATOMIC_SEQ_CST);
  PyObject* arguments = MakeArguments(model, job, memories);
  PyObject* none = arguments == NULL ? NULL : PyTuple_New(0);
  PyObject* result = NULL;
  if (none != NULL &&
      (model->weights == NULL || PyDict_SetItemString(arguments, "weights", model->weights) == 0)) {
    result = PyObject_Call(model->call, none, arguments);
  }
  Py_XDECREF(none);
  Py_XDECREF(arguments);
  return result;
}

/* One job after its inputs were copied. 0, or -1 with an exception. */
static int Work(mp_job* job, PyObject** memories, shim_answer* answer) {
  shim_model* model = ShimFindModel(job->model);
  if (model == NULL) return -1;
  if (job->kind == MP_DO_LOAD) return 0;
  if (job->kind == MP_DO_PREPARE) return ShimUseVersion(model, job->set);
  PyObject* result = Infer(model, job, memories);
  if (result == NULL) return -1;
  const int code = ShimReadAnswer(model, result, job, answer);
  Py_DECREF(result);
  return code;
}

/* ---- Answering ---- */

/* An exception's report: for a person in one line, then the traceback. */
typedef struct report {
  int32_t code;
  char text[MP_TEXT];
} report;

/* Into the report, and clears the exception. Objects of the model may be freed by it: before the answer, not after. */
static void ReadException(report* out) {
  PyObject *type = NULL, *value = NULL, *trace = NULL;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  out->code = MS_INTERNAL;
  memset(out->text, 0, 2);
  PyObject* pair = PyObject_CallMethod(
      g_shim.runtime, "report", "OO", value != NULL ? value : Py_None,
      trace != NULL ? trace : Py_None); /* (code, bytes of line NUL traceback) */
  char* text = NULL;
  Py_ssize_t bytes = 0;
  if (pair != NULL && PyBytes_AsStringAndSize(PyTuple_GetItem(pair, 1), &text, &bytes) == 0) {
    const size_t n = (size_t)bytes < sizeof out->text - 2 ? (size_t)bytes : sizeof out->text - 2;
    memcpy(out->text, text, n);
    memset(out->text + n, 0, 2);
    out->code = (int32_t)PyLong_AsLong(PyTuple_GetItem(pair, 0));
  } else {
    PyErr_Clear();
    static const char kNone[] = "the model raised an exception that cannot be reported";
    memcpy(out->text, kNone, sizeof kNone);
    out->text[sizeof kNone] = '\0';
  }
  Py_XDECREF(pair);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
}

static void WriteReport(mp_job* job, const report* report) {
  job->code = report->code;
  const size_t line = strlen(report->text) + 1;
  memcpy(job->error, report->text, line + strlen(report->text + line) + 1);
}

static void Answer(mp_job* job, int failed, const report* why, const shim_answer* answer) {
  if (!Change(&job->state, Mine(MP_JOB_TAKEN), Mine(MP_JOB_ANSWERING))) {
    __atomic_store_n(&job->state, Mine(MP_JOB_RETURNED), __ATOMIC_SEQ_CST); /* it was lost */
    ShimWake(&job->state, INT_MAX);
    while (g_shim.process)
      pause(); /* the host kills it for that, and must not meet it in another job */
  } else {
    job->code = MS_OK;
    if (failed) {
      WriteReport(job, why);
    } else if (job->kind == MP_DO_INFER && ShimWriteAnswer(answer, job) != 0) {
      static report late;
      ReadException(&late);
      WriteReport(job, &late);
    }
    __atomic_add_fetch(&ShimWorker()->jobs, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&job->state, Mine(MP_JOB_DONE), __ATOMIC_SEQ_CST);
  }
  ShimWake(&job->state, INT_MAX);
}

static void RunJob(mp_job* job) {
  static report why; /* of the one thread that serves */
  PyObject* memories[MP_MAX_TENSORS];
  shim_answer answer = {.n = 0};
  job->taken_ns = ShimNow();
  uint32_t copied = 0;
  const uint32_t n =
      job->kind == MP_DO_INFER && job->n_inputs <= MP_MAX_TENSORS ? job->n_inputs : 0;
  while (copied < n && (memories[copied] = ShimCopyTensor(&job->inputs[copied])) != NULL) ++copied;
  int failed = copied < n;
  Change(&job->state, Mine(MP_JOB_COPYING), Mine(MP_JOB_TAKEN));
  failed = failed || Work(job, memories, &answer) != 0;
  if (ShimIsForked())
    _exit(failed); /* a child that the model forked has come back: it is no worker */
  job->model_end_ns = ShimNow();
  if (failed) ReadException(&why);
  Answer(job, failed, &why, &answer);
  ShimReleaseAnswer(&answer);
  while (copied > 0) Py_DECREF(memories[--copied]);
}

/* ---- The loop ---- */

/* Collects cycles of objects that keep retired values alive: they cannot go by themselves. Not while there is work, and for at
 * most a tenth of the time. */
static void CollectLater(int* due, uint64_t* next) {
  const uint64_t begin = ShimNow();
  if (!*due || HasJobs() || begin < *next) return;
  ShimCallRuntime("collect");
  const uint64_t end = ShimNow();
  *next = end + 10 * (end - begin);
  *due = 0;
}

static void Pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/* Waits until `work` is not `seen` any more: first awake, as long as the region says, but giving way to whoever wants the core.
 * No GIL. */
static void Sleep(uint32_t seen, long timeout_ms) {
  mp_region* region = g_shim.region;
  const uint64_t end = ShimNow() + (uint64_t)region->spin_us * 1000u;
  while (region->spin_us > 0) {
    for (int i = 0; i < 32; ++i) {
      if (Load(&region->work) != seen) return;
      Pause();
    }
    if (ShimNow() >= end) break;
    sched_yield();
  }
  __atomic_add_fetch(&region->idle, 1, __ATOMIC_SEQ_CST);
  if (Load(&region->work) == seen) ShimWait(&region->work, seen, timeout_ms);
  __atomic_sub_fetch(&region->idle, 1, __ATOMIC_SEQ_CST);
}

void ShimServe(void) {
  uint32_t epoch = 0;
  int collection_due = 0;
  uint64_t next_collection = 0;
  for (;;) {
    const uint32_t seen = Load(&g_shim.region->work);
    const uint32_t retired = Load(&g_shim.region->retire_epoch);
    if (retired != epoch) {
      epoch = retired;
      collection_due = ShimDropRetired();
    }
    if (Load(&ShimWorker()->stop) != 0) return;
    mp_job* job = TakeJob();
    if (job != NULL) {
      RunJob(job);
      continue;
    }
    CollectLater(&collection_due, &next_collection);
    PyThreadState* thread = PyEval_SaveThread();
    Sleep(seen, collection_due ? 20 : -1);
    PyEval_RestoreThread(thread);
  }
}
