/* A worker process's interpreter: it starts once, imports what the models need, and is forked for every worker, which then has
 * all that as pages shared with the others.
 *
 * The zygote has one thread (as far as the imported modules start none), holds the GIL throughout, and runs nothing of a model.
 * It ends when the host's end of the socket closes, and its workers end with it: they are killed, and if it dies before that
 * the kernel does it (PR_SET_PDEATHSIG).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/python/shim/shim.h"

typedef struct zygote {
  int control;
  int deaths; /* signalfd of SIGCHLD */
  sigset_t before;
  pid_t workers[MP_MAX_WORKERS]; /* 0: none */
} zygote;

static int Tell(const zygote* z, uint32_t kind, uint32_t worker, int32_t value, const char* text) {
  mp_message message;
  memset(&message, 0, sizeof message);
  message.kind = kind;
  message.worker = worker;
  message.value = value;
  if (text != NULL) snprintf(message.text, sizeof message.text, "%s", text);
  while (send(z->control, &message, sizeof message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return -1;
  }
  return 0;
}

/* The life of a worker, in the child. */
static void RunWorker(const zygote* z, uint32_t index, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  close(z->control);
  close(z->deaths);
  sigprocmask(SIG_SETMASK, &z->before, NULL);
  ShimOwnHolds();
  g_shim.worker = index;
  ShimCallRuntime("forked");
  mp_worker* worker = ShimWorker();
  worker->pid = (int32_t)getpid();
  worker->tid = (int32_t)syscall(SYS_gettid);
  ShimVersion(worker->version, sizeof worker->version);
  __atomic_store_n(&worker->state, MP_WORKER_READY, __ATOMIC_SEQ_CST);
  ShimWake(&worker->state, INT_MAX);
  ShimServe();
  _exit(0); /* at-exit handlers of the interpreter never run, in either isolation */
}

static int Fork(zygote* z, uint32_t index) {
  if (index >= MP_MAX_WORKERS || z->workers[index] != 0)
    return Tell(z, MP_ZYGOTE_FORKED, index, -EINVAL, NULL);
  const pid_t parent = getpid();
  PyOS_BeforeFork();
  const pid_t pid = fork();
  const int error = errno;
  if (pid == 0) {
    PyOS_AfterFork_Child();
    RunWorker(z, index, parent);
  }
  PyOS_AfterFork_Parent();
  if (pid > 0) z->workers[index] = pid;
  return Tell(z, MP_ZYGOTE_FORKED, index, pid > 0 ? (int32_t)pid : -error, NULL);
}

static int ReportDeaths(zygote* z) {
  struct signalfd_siginfo info;
  while (read(z->deaths, &info, sizeof info) > 0) {
  }
  int status = 0;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (uint32_t i = 0; i < MP_MAX_WORKERS; ++i) {
      if (z->workers[i] != pid) continue;
      z->workers[i] = 0;
      if (Tell(z, MP_ZYGOTE_DIED, i, status, NULL) != 0) return -1;
    }
  }
  return 0;
}

/* 1 when the host is gone. */
static int ReadRequest(zygote* z) {
  mp_message message;
  const ssize_t bytes = recv(z->control, &message, sizeof message, 0);
  if (bytes < 0 && errno == EINTR) return 0;
  if (bytes != (ssize_t)sizeof message) return 1;
  return message.kind == MP_ZYGOTE_FORK && Fork(z, message.worker) != 0;
}

static void EndWorkers(zygote* z) {
  for (uint32_t i = 0; i < MP_MAX_WORKERS; ++i) {
    if (z->workers[i] != 0) kill(z->workers[i], SIGKILL);
  }
  for (uint32_t i = 0; i < MP_MAX_WORKERS; ++i) {
    if (z->workers[i] != 0) waitpid(z->workers[i], NULL, 0);
  }
}

static int Preload(const char* modules) {
  PyObject* result =
      PyObject_CallMethod(g_shim.runtime, "preload", "s", modules != NULL ? modules : "");
  if (result == NULL) return -1;
  Py_DECREF(result);
  return 0;
}

SHIM_EXPORT int mp_run_zygote(const mp_start* start, int control, const char* preload) {
  static zygote z;
  z.control = control;
  g_shim.region = start->region;
  g_shim.process = 1;
  char text[2048];
  int failed = ShimStartPython(start, text, sizeof text);
  if (!failed && Preload(preload) != 0) {
    ShimPrintError(text, sizeof text);
    failed = 1;
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, &z.before);
  z.deaths = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  if (!failed && z.deaths < 0) {
    snprintf(text, sizeof text, "%s", strerror(errno));
    failed = 1;
  }
  if (!failed) ShimVersion(text, sizeof text);
  if (Tell(&z, MP_ZYGOTE_READY, 0, failed, text) != 0 || failed) return 1;
  struct pollfd ready[2] = {{.fd = control, .events = POLLIN}, {.fd = z.deaths, .events = POLLIN}};
  for (;;) {
    if (poll(ready, 2, -1) < 0 && errno != EINTR) break;
    if (ready[1].revents != 0 && ReportDeaths(&z) != 0) break;
    if (ready[0].revents != 0 && ReadRequest(&z) != 0) break;
    ready[0].revents = ready[1].revents = 0;
  }
  EndWorkers(&z);
  return 0;
}
