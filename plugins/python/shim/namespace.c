/* An interpreter in a linker namespace of the host's process: what has to be different there.
 *
 *   - A namespace's global scope is the search list of its first object, this shim: libpython and libc are in it, so extension
 *     modules find Py* symbols without RTLD_GLOBAL, which glibc cannot do inside a namespace (it crashes) and which is therefore
 *     taken out of every dlopen.
 *   - dlopen(NULL) would answer with the host's program; ctypes wants Python there, and gets the shim.
 *   - The values of pthread keys lie in the thread, their numbers come from each libc: keys that the host's libraries have are
 *     skipped, and no thread but the interpreter's own ever enters Python.
 *   - libc was given the host's environ itself, which the host may change or free: it gets a copy.
 *   - Signals are the host's: they are blocked in our thread, and in all that it starts, and nothing here sets a handler. Python
 *     would: importing `signal` sets one for SIGINT.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugins/python/shim/shim.h"

extern char** environ;

enum { kStackBytes = 16 << 20, kBurnedKeys = 16 };

/* Before the constructors of libpython and of all else (-z initfirst): they run on the host's thread that loads us, and that of
 * Python 3.13 makes a key and sets it there, which would be the value of a key of the host. */
__attribute__((constructor)) static void BurnKeys(void) {
  for (int i = 0; i < kBurnedKeys; ++i) {
    pthread_key_t key;
    pthread_key_create(&key, NULL);
  }
}

/* First in the global scope of a namespace, so every object there calls this. In a worker process libc's comes first. */
SHIM_EXPORT void* dlopen(const char* file, int mode) {
  static void* (*real)(const char*, int);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "dlopen");
  if (file != NULL) return real(file, mode & ~RTLD_GLOBAL);
  Dl_info info;
  if (dladdr((const void*)&g_shim, &info) == 0) return NULL;
  return real(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
}

/* Whether handlers are the host's: not in a worker process, nor in what a model forks. */
static int AreSignalsTheHosts(void) { return !g_shim.process && !ShimIsForked(); }

SHIM_EXPORT int sigaction(int number, const struct sigaction* action, struct sigaction* old) {
  static int (*real)(int, const struct sigaction*, struct sigaction*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "sigaction");
  return real(number, AreSignalsTheHosts() ? NULL : action, old);
}

SHIM_EXPORT void (*signal(int number, void (*handler)(int)))(int) {
  struct sigaction action, old;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* What libraries of a namespace want done at exit never happens: the host's main thread would do it, which never was in this
 * namespace, while the interpreter's thread still runs. */
SHIM_EXPORT int __cxa_atexit(void (*done)(void*), void* argument, void* library) {
  (void)done;
  (void)argument;
  (void)library;
  return 0;
}
SHIM_EXPORT void __cxa_finalize(void* library) { (void)library; }

static int CopyEnvironment(void) {
  size_t n = 0;
  while (environ != NULL && environ[n] != NULL) ++n;
  char** copy = calloc(n + 1, sizeof *copy);
  if (copy == NULL) return -1;
  for (size_t i = 0; i < n; ++i) {
    copy[i] = strdup(environ[i]);
    if (copy[i] == NULL) return -1;
  }
  environ = copy;
  return 0;
}

/* mp_start with strings of its own, for the thread. */
static mp_start* CopyStart(const mp_start* start) {
  mp_start* copy = malloc(sizeof *copy);
  if (copy == NULL) return NULL;
  *copy = *start;
  copy->home = strdup(start->home != NULL ? start->home : "");
  copy->executable = strdup(start->executable != NULL ? start->executable : "");
  copy->site = strdup(start->site != NULL ? start->site : "");
  return copy->home == NULL || copy->executable == NULL || copy->site == NULL ? NULL : copy;
}

static void* Run(void* user) {
  mp_start* start = user;
  for (uint32_t i = 0; i < start->burned_keys; ++i) {
    pthread_key_t key;
    pthread_key_create(&key, NULL);
  }
  mp_worker* worker = ShimWorker();
  worker->pid = (int32_t)getpid();
  worker->tid = (int32_t)syscall(SYS_gettid);
  const int failed = ShimStartPython(start, worker->text, sizeof worker->text);
  if (!failed) ShimVersion(worker->version, sizeof worker->version);
  __atomic_store_n(&worker->state, failed ? MP_WORKER_FAILED : MP_WORKER_READY, __ATOMIC_SEQ_CST);
  ShimWake(&worker->state, INT_MAX);
  if (failed) return NULL;
  ShimServe();
  PyEval_SaveThread(); /* threads that models started go on */
  return NULL;
}

SHIM_EXPORT int mp_start_thread(const mp_start* start) {
  mp_start* copy = CopyStart(start);
  if (copy == NULL || CopyEnvironment() != 0) return ENOMEM;
  g_shim.region = start->region;
  g_shim.worker = start->worker;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &g_shim.signals);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int code = pthread_create(&thread, &attributes, Run, copy);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &g_shim.signals, NULL);
  return code;
}
