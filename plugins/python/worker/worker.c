/* midstream-python-worker: the process in which Python models run under `isolation = "process"`.
 *
 * The plugin starts it; nobody else does. It maps the region, loads the shim (whose DT_NEEDED names the libpython that the
 * configuration chose) into the global scope of the process, and leaves the rest to mp_run_zygote of protocol.h: the
 * interpreter starts once, imports what models need, and is forked for every worker.
 *
 *   midstream-python-worker --shim-fd N --region-fd N --region-bytes N --control-fd N
 *                           --home H --executable E --site S --threads N --preload a,b
 *
 *   --shim-fd       the shim with its libpython named; opened as /proc/self/fd/N, then closed
 *   --region-fd     the region's memfd; the first --region-bytes of it are mapped shared, readable and writable
 *   --control-fd    this process's end of a SOCK_SEQPACKET pair, on which mp_message go both ways
 *   --home, --executable, --site, --threads   as mp_start of protocol.h; "" and 0 where there is nothing to say
 *   --preload       modules that the interpreter imports before it forks, separated by commas; may be ""
 *
 * Every option has a value, all are given, in any order. The descriptors must be inherited (no FD_CLOEXEC on them).
 * Standard input is replaced by /dev/null and standard output by standard error, whatever they were: no model reads the
 * engine's input or writes into its answers. SIGINT and SIGPIPE are ignored: the engine ends its workers itself.
 *
 * Exit code: that of mp_run_zygote (0 after the control socket's other end closed), or 2 when the command line is wrong and
 * 3 when the region cannot be mapped or the shim not loaded: then a message MP_ZYGOTE_READY with value 1 says why.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/python/protocol.h"

enum { kExitUsage = 2, kExitStart = 3 };

typedef struct options {
  const char* shim_fd;
  const char* region_fd;
  const char* region_bytes;
  const char* control_fd;
  const char* home;
  const char* executable;
  const char* site;
  const char* threads;
  const char* preload;
} options;

static int Usage(const char* what, const char* option) {
  fprintf(
      stderr,
      "midstream-python-worker: %s '%s'. The engine starts this program; it is of no use alone.\n",
      what, option);
  return kExitUsage;
}

static int Parse(int argc, char** argv, options* out) {
  const struct {
    const char* name;
    const char** value;
  } known[] = {{"--shim-fd", &out->shim_fd},
               {"--region-fd", &out->region_fd},
               {"--region-bytes", &out->region_bytes},
               {"--control-fd", &out->control_fd},
               {"--home", &out->home},
               {"--executable", &out->executable},
               {"--site", &out->site},
               {"--threads", &out->threads},
               {"--preload", &out->preload}};
  const size_t n_known = sizeof known / sizeof known[0];
  for (int i = 1; i < argc; i += 2) {
    size_t k = 0;
    while (k < n_known && strcmp(argv[i], known[k].name) != 0) ++k;
    if (k == n_known) return Usage("unknown option", argv[i]);
    if (i + 1 == argc) return Usage("no value for option", argv[i]);
    *known[k].value = argv[i + 1];
  }
  for (size_t k = 0; k < n_known; ++k) {
    if (*known[k].value == NULL) return Usage("missing option", known[k].name);
  }
  return 0;
}

/* A number of the command line, or -1. */
static long long Number(const char* text) {
  char* end = NULL;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  return errno != 0 || end == text || *end != '\0' || value < 0 ? -1 : value;
}

static int Fail(int control, const char* what, const char* why) {
  mp_message message;
  memset(&message, 0, sizeof message);
  message.kind = MP_ZYGOTE_READY;
  message.value = 1;
  snprintf(message.text, sizeof message.text, "%s: %s", what, why);
  if (send(control, &message, sizeof message, MSG_NOSIGNAL) < 0)
    fprintf(stderr, "%s\n", message.text);
  return kExitStart;
}

/* Of the whole process: no model sees the engine's streams, and deep recursion finds the stack of a shared interpreter. */
static void PrepareProcess(void) {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) {
    dup2(null, STDIN_FILENO);
    close(null);
  }
  dup2(STDERR_FILENO, STDOUT_FILENO);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  struct rlimit stack;
  const rlim_t wanted = 16u << 20;
  if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < wanted && stack.rlim_max >= wanted) {
    stack.rlim_cur = wanted;
    setrlimit(RLIMIT_STACK, &stack);
  }
}

int main(int argc, char** argv) {
  options options = {0};
  const int wrong = Parse(argc, argv, &options);
  if (wrong != 0) return wrong;
  const long long shim_fd = Number(options.shim_fd);
  const long long region_fd = Number(options.region_fd);
  const long long region_bytes = Number(options.region_bytes);
  const long long control = Number(options.control_fd);
  const long long threads = Number(options.threads);
  if (shim_fd < 0) return Usage("not a number: --shim-fd", options.shim_fd);
  if (region_fd < 0) return Usage("not a number: --region-fd", options.region_fd);
  if (region_bytes < (long long)sizeof(mp_region))
    return Usage("too small: --region-bytes", options.region_bytes);
  if (control < 0) return Usage("not a number: --control-fd", options.control_fd);
  if (threads < 0) return Usage("not a number: --threads", options.threads);
  PrepareProcess();

  mp_start start;
  memset(&start, 0, sizeof start);
  start.struct_size = sizeof start;
  start.home = options.home;
  start.executable = options.executable;
  start.site = options.site;
  start.threads = (uint32_t)threads;
  start.region =
      mmap(NULL, (size_t)region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, (int)region_fd, 0);
  if (start.region == MAP_FAILED)
    return Fail((int)control, "cannot map the region", strerror(errno));
  close((int)region_fd);

  char shim[64];
  snprintf(shim, sizeof shim, "/proc/self/fd/%lld", shim_fd);
  void* library = dlopen(shim, RTLD_NOW | RTLD_GLOBAL);
  if (library == NULL) return Fail((int)control, "cannot load Python", dlerror());
  close((int)shim_fd);
  int (*run)(const mp_start*, int, const char*) = NULL;
  *(void**)&run = dlsym(library, "mp_run_zygote"); /* as POSIX has it: C knows no such conversion */
  if (run == NULL) return Fail((int)control, "cannot load Python", dlerror());
  _exit(run(&start, (int)control,
            options.preload)); /* at-exit handlers of an interpreter never run */
}
