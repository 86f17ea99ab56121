/* Brings an interpreter up: isolated from the environment's PYTHON* variables and the user's site, with the home that the host
 * found, the packages of its installation (or environment) and those of `site`, and our own modules.
 *
 * PyConfig is not in the limited API and its layout changes, so Python is told by its older means, global variables and setters,
 * all looked up by name; where a version has dropped them it has PyInitConfig.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <wchar.h>

#include "plugins/python/shim/shim.h"

/* embedded.c, made at build time from py/. */
typedef struct embedded_module {
  const char* name;
  const char* begin;
  const char* end;
} embedded_module;
extern const embedded_module
    kEmbedded[]; /* ends with a name of NULL; each imports only those before it */

#define RUNTIME_PACKAGE "_midstream"

shim_state g_shim;

/* ---- Environment ---- */

static void SetThreads(uint32_t threads) {
  if (threads == 0) return;
  char text[16];
  snprintf(text, sizeof text, "%u", threads);
  setenv("OPENBLAS_NUM_THREADS", text, 1);
  setenv("OMP_NUM_THREADS", text, 1);
  setenv("MKL_NUM_THREADS", text, 1);
}

/* Of this interpreter's libc. A model frees what it computed at the end of every call; glibc would hand arrays of megabytes back to
 * the system and fault their pages in again with the next call, until it has once seen an array as large as 32 MiB freed. These
 * are the values that it arrives at then. */
static void KeepFreedMemory(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

/* ---- Configuration ---- */

/* UTF-8 as wide characters; a byte that is none becomes a lone surrogate, as Python has it. Kept for ever. */
static wchar_t* Widen(const char* text) {
  const unsigned char* in = (const unsigned char*)text;
  wchar_t* out = calloc(strlen(text) + 1, sizeof(wchar_t));
  if (out == NULL) return NULL;
  size_t n = 0;
  while (*in != 0) {
    const int more = *in < 0x80 ? 0 : *in >= 0xf0 ? 3 : *in >= 0xe0 ? 2 : *in >= 0xc2 ? 1 : -1;
    uint32_t point = more <= 0 ? *in : *in & (0x3fu >> more);
    int valid = more >= 0;
    for (int i = 1; valid && i <= more; ++i) {
      valid = (in[i] & 0xc0) == 0x80;
      point = point << 6 | (in[i] & 0x3fu);
    }
    if (!valid) point = 0xdc00u + *in;
    out[n++] = (wchar_t)point;
    in += valid ? 1 + more : 1;
  }
  return out;
}

static int SetFlag(const char* name, int value) {
  int* flag = dlsym(RTLD_DEFAULT, name);
  if (flag == NULL) return -1;
  *flag = value;
  return 0;
}

/* Up to 3.13 at least. Returns 1 when this Python has no such means. */
static int StartByFlags(const mp_start* start) {
  void (*set_home)(const wchar_t*) = NULL;
  void (*set_program)(const wchar_t*) = NULL;
  *(void**)&set_home = dlsym(RTLD_DEFAULT, "Py_SetPythonHome");
  *(void**)&set_program = dlsym(RTLD_DEFAULT, "Py_SetProgramName");
  if (set_home == NULL || set_program == NULL || SetFlag("Py_IsolatedFlag", 1) != 0) return 1;
  SetFlag("Py_IgnoreEnvironmentFlag", 1);
  SetFlag("Py_NoUserSiteDirectory", 1);
  SetFlag("Py_DontWriteBytecodeFlag", 1);
  SetFlag("Py_UTF8Mode", 1);
  if (start->home != NULL && *start->home != '\0') set_home(Widen(start->home));
  /* Without a name Python looks for "python3" on PATH and takes whatever prefix it finds there. */
  set_program(Widen(start->executable != NULL && *start->executable != '\0' ? start->executable
                                                                            : "midstream-python"));
  Py_InitializeEx(0); /* no signal handlers */
  return 0;
}

/* 3.14 and later (PEP 741). */
static int StartByConfig(const mp_start* start, char* error, size_t error_bytes) {
  void* (*create)(void) = NULL;
  int (*set_int)(void*, const char*, int64_t) = NULL;
  int (*set_text)(void*, const char*, const char*) = NULL;
  int (*initialize)(void*) = NULL;
  int (*get_error)(void*, const char**) = NULL;
  *(void**)&create = dlsym(RTLD_DEFAULT, "PyInitConfig_Create");
  *(void**)&set_int = dlsym(RTLD_DEFAULT, "PyInitConfig_SetInt");
  *(void**)&set_text = dlsym(RTLD_DEFAULT, "PyInitConfig_SetStr");
  *(void**)&initialize = dlsym(RTLD_DEFAULT, "Py_InitializeFromInitConfig");
  *(void**)&get_error = dlsym(RTLD_DEFAULT, "PyInitConfig_GetError");
  void* config = NULL;
  if (create == NULL || set_int == NULL || set_text == NULL || initialize == NULL ||
      get_error == NULL || (config = create()) == NULL) {
    snprintf(error, error_bytes, "this libpython offers no known way to start it");
    return -1;
  }
  int failed = set_int(config, "isolated", 1) | set_int(config, "utf8_mode", 1) |
               set_int(config, "write_bytecode", 0) | set_int(config, "install_signal_handlers", 0);
  if (start->home != NULL && *start->home != '\0') failed |= set_text(config, "home", start->home);
  if (start->executable != NULL && *start->executable != '\0') {
    failed |= set_text(config, "program_name", start->executable);
  }
  if (failed != 0 || initialize(config) != 0) {
    const char* why = NULL;
    get_error(config, &why);
    snprintf(error, error_bytes, "%s", why != NULL ? why : "no reason given");
    return -1;
  }
  return 0;
}

/* ---- Our own modules ---- */

static int ImportEmbedded(void) {
  for (const embedded_module* module = kEmbedded; module->name != NULL; ++module) {
    char name[64];
    char file[64];
    const int is_package = strcmp(module->name, "__init__") == 0;
    snprintf(name, sizeof name, is_package ? RUNTIME_PACKAGE : RUNTIME_PACKAGE ".%s", module->name);
    snprintf(file, sizeof file, "<midstream>/%s.py", module->name);
    PyObject* source = PyUnicode_DecodeUTF8(module->begin, module->end - module->begin, NULL);
    PyObject* bytes = source == NULL ? NULL : PyUnicode_AsUTF8String(source);
    PyObject* code =
        bytes == NULL ? NULL : Py_CompileString(PyBytes_AsString(bytes), file, Py_file_input);
    PyObject* imported = code == NULL ? NULL : PyImport_ExecCodeModuleEx(name, code, file);
    Py_XDECREF(source);
    Py_XDECREF(bytes);
    Py_XDECREF(code);
    Py_XDECREF(imported);
    if (imported == NULL) return -1;
  }
  g_shim.runtime = PyImport_ImportModule(RUNTIME_PACKAGE ".runtime");
  return g_shim.runtime == NULL ? -1 : 0;
}

void ShimPrintError(char* out, size_t bytes) {
  PyObject *type = NULL, *value = NULL, *trace = NULL;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  PyObject* text = value == NULL ? NULL : PyObject_Repr(value);
  const char* utf8 = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
  snprintf(out, bytes, "%s", utf8 != NULL ? utf8 : "an exception without text");
  Py_XDECREF(text);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  PyErr_Clear();
}

void ShimVersion(char* out, size_t bytes) {
  const char* version = Py_GetVersion(); /* "3.11.2 (main, ...) [GCC ...]" */
  snprintf(out, bytes, "%.*s", (int)strcspn(version, " "), version);
}

void ShimCallRuntime(const char* name) {
  PyObject* result = PyObject_CallMethod(g_shim.runtime, name, NULL);
  if (result == NULL) PyErr_Clear();
  Py_XDECREF(result);
}

int ShimStartPython(const mp_start* start, char* error, size_t error_bytes) {
  SetThreads(start->threads);
  KeepFreedMemory();
  const int by_flags = StartByFlags(start);
  if (by_flags != 0 && StartByConfig(start, error, error_bytes) != 0) return -1;
  PyObject* result = NULL;
  if (ShimInitMemory() == 0 && ImportEmbedded() == 0) {
    result =
        PyObject_CallMethod(g_shim.runtime, "start", "sO", start->site != NULL ? start->site : "",
                            g_shim.process ? Py_True : Py_False);
  }
  if (result == NULL) {
    ShimPrintError(error, error_bytes);
    return -1;
  }
  Py_DECREF(result);
  return 0;
}
