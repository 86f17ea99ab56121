/* Memory: a Python object that exports a tensor through the buffer protocol, with its shape and format.
 *
 * An input is a copy that the object owns: a model may keep it. A weight's value and a model's files stay where they are, and
 * the object holds them (mp_value.holds, mp_model.holds) until the last array or view over it is gone, which Python's own
 * reference counts tell. A child that a model forks inherits such objects but not the holds: there they are not lowered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/python/shim/shim.h"
#include "sdk/include/midstream/backend.h"

/* A container file, mapped by a worker process for the values that lie in it. */
typedef struct mapping {
  struct mapping* next;
  long users;
  void* base;
  size_t bytes;
  char path[PATH_MAX];
} mapping;

typedef struct memory {
  PyObject ob_base;
  char* data;
  Py_ssize_t bytes;
  const char* format;
  Py_ssize_t itemsize;
  int ndim;
  int readonly;
  Py_ssize_t shape[MP_MAX_RANK];
  Py_ssize_t strides[MP_MAX_RANK];
  uint32_t* hold; /* NULL: data is ours */
  mapping* file;
} memory;

static PyTypeObject* g_memory_type;
static mapping* g_mappings;
static long g_held;
static int g_forked;

/* A process that a model forks: no worker, and none of the engine's handlers and blocked signals are its own. */
static void AfterForkInChild(void) {
  g_forked = 1;
  if (g_shim.process) return;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0) continue;
    if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) signal(number, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &g_shim.signals, NULL);
}

/* ---- Files ---- */

static mapping* MapFile(const char* path) {
  for (mapping* m = g_mappings; m != NULL; m = m->next) {
    if (strcmp(m->path, path) == 0) {
      ++m->users;
      return m;
    }
  }
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  void* base = MAP_FAILED;
  if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
    base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  }
  if (base == MAP_FAILED) PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
  if (fd >= 0) close(fd);
  mapping* m = base == MAP_FAILED ? NULL : malloc(sizeof *m);
  if (m == NULL) {
    if (base != MAP_FAILED) munmap(base, (size_t)status.st_size);
    return NULL;
  }
  m->users = 1;
  m->base = base;
  m->bytes = (size_t)status.st_size;
  strncpy(m->path, path, sizeof m->path - 1);
  m->path[sizeof m->path - 1] = '\0';
  m->next = g_mappings;
  g_mappings = m;
  return m;
}

static void UnmapFile(mapping* m) {
  if (--m->users > 0) return;
  mapping** link = &g_mappings;
  while (*link != m) link = &(*link)->next;
  *link = m->next;
  munmap(m->base, m->bytes);
  free(m);
}

/* ---- The type ---- */

static int GetBuffer(PyObject* object, Py_buffer* view, int flags) {
  memory* self = (memory*)object;
  if ((flags & PyBUF_WRITABLE) != 0 && self->readonly) {
    PyErr_SetString(PyExc_BufferError, "this memory is read-only");
    view->obj = NULL;
    return -1;
  }
  Py_INCREF(object);
  view->obj = object;
  view->buf = self->data;
  view->len = self->bytes;
  view->readonly = self->readonly;
  view->itemsize = self->itemsize;
  view->format = (flags & PyBUF_FORMAT) != 0 ? (char*)self->format : NULL;
  view->ndim = (flags & PyBUF_ND) != 0 ? self->ndim : 1;
  view->shape = (flags & PyBUF_ND) != 0 ? self->shape : NULL;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? self->strides : NULL;
  view->suboffsets = NULL;
  view->internal = NULL;
  return 0;
}

static void Dealloc(PyObject* object) {
  memory* self = (memory*)object;
  /* Before the hold: without one the host may give the path of the file to another. */
  if (self->file != NULL) UnmapFile(self->file);
  if (self->hold == NULL) {
    free(self->data);
  } else {
    --g_held;
    ShimDropHold(self->hold);
  }
  PyTypeObject* type = Py_TYPE(object);
  PyObject_Free(object);
  Py_DECREF((PyObject*)type);
}

int ShimInitMemory(void) {
  static PyType_Slot slots[] = {{Py_tp_dealloc, (void*)(uintptr_t)Dealloc},
                                {Py_bf_getbuffer, (void*)(uintptr_t)GetBuffer},
                                {0, NULL}};
  static PyType_Spec spec = {"midstream.Memory", (int)sizeof(memory), 0, Py_TPFLAGS_DEFAULT, slots};
  g_memory_type = (PyTypeObject*)PyType_FromSpec(&spec);
  if (g_memory_type == NULL) return -1;
  pthread_atfork(NULL, NULL, AfterForkInChild);
  return 0;
}

/* A worker process is a fork itself. */
void ShimOwnHolds(void) { g_forked = 0; }

int ShimIsForked(void) { return g_forked; }

void ShimDropHold(uint32_t* hold) {
  if (g_forked) return;
  if (__atomic_sub_fetch(hold, 1, __ATOMIC_SEQ_CST) != 0) return;
  __atomic_add_fetch(&g_shim.region->dropped, 1, __ATOMIC_SEQ_CST);
  ShimWake(&g_shim.region->dropped, INT_MAX);
}

long ShimHeldObjects(void) { return g_held; }

/* ---- Making them ---- */

/* The format of a dtype in the words of module struct; bfloat16 has none and appears as its bits. */
static const char* FormatOf(uint8_t code, uint8_t bits) {
  const int log = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : bits == 64 ? 3 : -1;
  if (log < 0) return NULL;
  static const char* const ints[] = {"b", "h", "i", "q"};
  static const char* const uints[] = {"B", "H", "I", "Q"};
  static const char* const floats[] = {NULL, "e", "f", "d"};
  switch (code) {
    case MS_DTYPE_INT:
      return ints[log];
    case MS_DTYPE_UINT:
      return uints[log];
    case MS_DTYPE_FLOAT:
      return floats[log];
    case MS_DTYPE_BFLOAT:
      return log == 1 ? "H" : NULL;
    case MS_DTYPE_BOOL:
      return log == 0 ? "?" : NULL;
    default:
      return NULL;
  }
}

const char* ShimDtypeName(const mp_tensor* tensor) {
  static const struct {
    uint8_t code, bits;
    const char* name;
  } names[] = {{MS_DTYPE_BOOL, 8, "bool"},       {MS_DTYPE_INT, 8, "int8"},
               {MS_DTYPE_INT, 16, "int16"},      {MS_DTYPE_INT, 32, "int32"},
               {MS_DTYPE_INT, 64, "int64"},      {MS_DTYPE_UINT, 8, "uint8"},
               {MS_DTYPE_UINT, 16, "uint16"},    {MS_DTYPE_UINT, 32, "uint32"},
               {MS_DTYPE_UINT, 64, "uint64"},    {MS_DTYPE_FLOAT, 16, "float16"},
               {MS_DTYPE_FLOAT, 32, "float32"},  {MS_DTYPE_FLOAT, 64, "float64"},
               {MS_DTYPE_BFLOAT, 16, "bfloat16"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    if (names[i].code == tensor->dtype_code && names[i].bits == tensor->dtype_bits)
      return names[i].name;
  }
  return "unknown";
}

int ShimCheckTensor(const mp_tensor* tensor) {
  if (tensor->rank > MP_MAX_RANK || FormatOf(tensor->dtype_code, tensor->dtype_bits) == NULL)
    return -1;
  uint64_t bytes = tensor->dtype_bits / 8;
  for (uint32_t d = 0; d < tensor->rank; ++d) {
    if (tensor->shape[d] < 0 || __builtin_mul_overflow(bytes, (uint64_t)tensor->shape[d], &bytes))
      return -1;
  }
  return bytes == tensor->bytes && bytes <= (uint64_t)PY_SSIZE_T_MAX ? 0 : -1;
}

static memory* NewMemory(const mp_tensor* tensor) {
  if (ShimCheckTensor(tensor) != 0) {
    PyErr_SetString(PyExc_SystemError, "a tensor in the region has a wrong dtype, shape or size");
    return NULL;
  }
  memory* self = PyObject_New(memory, g_memory_type);
  if (self == NULL) return NULL;
  self->format = FormatOf(tensor->dtype_code, tensor->dtype_bits);
  self->itemsize = tensor->dtype_bits / 8;
  self->bytes = (Py_ssize_t)tensor->bytes;
  self->ndim = (int)tensor->rank;
  Py_ssize_t stride = self->itemsize;
  for (int d = self->ndim - 1; d >= 0; --d) {
    self->shape[d] = (Py_ssize_t)tensor->shape[d];
    self->strides[d] = stride;
    stride *= self->shape[d];
  }
  self->data = NULL;
  self->readonly = 0;
  self->hold = NULL;
  self->file = NULL;
  return self;
}

PyObject* ShimCopyTensor(const mp_tensor* tensor) {
  memory* self = NewMemory(tensor);
  if (self == NULL) return NULL;
  self->data = malloc(self->bytes > 0 ? (size_t)self->bytes : 1);
  if (self->data == NULL) {
    Py_DECREF((PyObject*)self);
    return PyErr_NoMemory();
  }
  memcpy(self->data, ShimData(tensor), (size_t)self->bytes);
  return (PyObject*)self;
}

static void Hold(memory* self, uint32_t* hold) {
  self->readonly = 1;
  self->hold = hold;
  __atomic_add_fetch(hold, 1, __ATOMIC_SEQ_CST);
  ++g_held;
}

PyObject* ShimHoldValue(mp_value* value) {
  memory* self = NewMemory(&value->tensor);
  if (self == NULL) return NULL;
  if (value->file == 0) {
    self->data = ShimData(&value->tensor);
  } else {
    mapping* file =
        value->file <= MP_MAX_FILES ? MapFile(g_shim.region->files[value->file - 1].path) : NULL;
    if (file == NULL || value->tensor.at > file->bytes ||
        value->tensor.bytes > file->bytes - value->tensor.at) {
      if (file != NULL) UnmapFile(file);
      if (!PyErr_Occurred())
        PyErr_SetString(PyExc_OSError,
                        "a weight lies outside the container: was the file changed?");
      Py_DECREF((PyObject*)self);
      return NULL;
    }
    self->file = file;
    self->data = (char*)file->base + value->tensor.at;
  }
  Hold(self, &value->holds[g_shim.worker]);
  return (PyObject*)self;
}

PyObject* ShimHoldModel(mp_model* model) {
  mp_tensor bytes;
  memset(&bytes, 0, sizeof bytes);
  bytes.dtype_code = MS_DTYPE_UINT;
  bytes.dtype_bits = 8;
  bytes.rank = 1;
  bytes.bytes = model->blob_bytes;
  bytes.shape[0] = (int64_t)model->blob_bytes;
  memory* self = NewMemory(&bytes);
  if (self == NULL) return NULL;
  self->data = ShimAt(model->blob);
  Hold(self, &model->holds[g_shim.worker]);
  return (PyObject*)self;
}
