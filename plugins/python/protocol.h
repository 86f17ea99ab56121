/* The line between the host (the plugin in the engine's process) and one Python interpreter, which lives either in a linker
 * namespace of the same process or in a worker process.
 *
 * It is one region of memory that both see: a header, workers, jobs, and objects (models, weight sets, values) that the
 * host allocates in it. Plain data and futex words only: no object of libc or of C++ crosses, nothing is allocated on one
 * side and freed on the other. Every reference to something in the region is an offset from its begin, 0 is none. Futexes
 * are waited on and woken without FUTEX_PRIVATE_FLAG, in both isolations.
 *
 * Who writes
 *   The host writes everything but the fields marked "worker". Words that both change are changed with __atomic builtins,
 *   sequentially consistent unless a comment says otherwise. Worker k writes only its own entry of arrays over workers.
 *
 * A job's life, in mp_job.state (the low byte is MP_JOB_*, the next byte the worker, see MP_TAKEN)
 *   FREE -> QUEUED      the host fills the job, then puts its index into ring[tail % MP_RING] and advances tail
 *   QUEUED -> TAKEN(k)  worker k, by compare-and-swap: whoever succeeds runs it. head is advanced by compare-and-swap by
 *                       whoever sees that ring[head % MP_RING] is no longer QUEUED
 *   QUEUED -> FREE      the host withdraws it (deadline), by compare-and-swap
 *   TAKEN -> ANSWERING  worker k, by compare-and-swap, when it is about to write outputs, code and error
 *   ANSWERING -> DONE   worker k; then wakes the word. The host reads the answer and makes it FREE
 *   TAKEN -> LOST       the host gives the job up (deadline), by compare-and-swap: the worker must not touch outputs any more
 *   LOST -> RETURNED    worker k, when the call came back after all. The host makes it FREE. A worker process then takes no
 *                       job any more: the host is about to kill it
 * Before TAKEN ends the worker has copied the inputs, before it calls any code of the model: their memory may be gone once
 * the job is LOST. The copying happens within COPYING: TAKEN(k) is entered as COPYING(k), the worker copies and then changes
 * COPYING to TAKEN by compare-and-swap; the host waits for COPYING to end before it gives a job up.
 *
 * Objects
 *   The host retires an object (state = MP_RETIRED, then retire_epoch + 1, then wakes `work`) when the core has released it,
 *   and frees it when no worker holds it. Worker k holds an object while holds[k] > 0. A worker raises holds[k] only while it
 *   runs a job that names the object, so never once it is retired. When a worker sees a new retire_epoch it drops
 *   what it caches for retired models and sets; after lowering a hold to 0 it adds 1 to `dropped` and wakes that word. The
 *   holds of a dead worker are cleared by the host.
 */
#ifndef MIDSTREAM_PLUGINS_PYTHON_PROTOCOL_H_
#define MIDSTREAM_PLUGINS_PYTHON_PROTOCOL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_PROTOCOL 1u
#define MP_MAX_WORKERS 64u
#define MP_MAX_TENSORS 32u /* inputs, and outputs, of a model */
#define MP_MAX_RANK 8u
#define MP_JOBS 256u
#define MP_RING 1024u /* a power of two, more than MP_JOBS */
#define MP_TEXT 8192u

typedef struct mp_tensor {
  /* Shared isolation: an address. Worker processes: an offset into the region. */
  uint64_t at;
  uint64_t bytes;
  uint8_t dtype_code; /* as ms_dtype of backend.h */
  uint8_t dtype_bits;
  uint16_t reserved0;
  uint32_t rank;
  int64_t shape[MP_MAX_RANK];
} mp_tensor;

/* ---- Objects --------------------------------------------------------------------------------------------------- */

#define MP_LIVE 0u
#define MP_RETIRED 1u

/* A model's description: a JSON header of `header_bytes` at `blob`, and right behind it the contents of its files.
 *   {"package": path, "entry": "module:name", "name": node name, "extern": [..], "python": "3.10" or "",
 *    "inputs": [{"name", "dtype", "shape": ["batch", 4]}], "outputs": [the same],
 *    "weights": [names, in the order of mp_set.values], "files": [["code/policy.py", offset, bytes], ..]}
 * Offsets of files count from the end of the header. dtypes are "float32", "bfloat16", "int64", "bool", ... */
typedef struct mp_model {
  uint64_t id; /* never used again */
  uint32_t state;
  uint32_t reserved0;
  uint64_t blob;
  uint64_t header_bytes;
  uint64_t blob_bytes;
  uint32_t holds[MP_MAX_WORKERS]; /* worker: 1 while it has the model loaded */
} mp_model;

/* The value of one weight; immutable. */
typedef struct mp_value {
  mp_tensor tensor;
  /* Worker processes only: 0, or the bytes are those of a file: tensor.at is an offset into files[file - 1]. */
  uint32_t file;
  uint32_t reserved0;
  uint32_t holds[MP_MAX_WORKERS]; /* worker: Python objects that export this memory */
} mp_value;

/* One sealed version of a model's weights. */
typedef struct mp_set {
  uint64_t id;    /* never used again; a later set of the same model has a greater one */
  uint64_t model; /* mp_model.id */
  uint32_t state;
  uint32_t n_values;
  uint64_t values;                /* offset of n_values uint64_t offsets of mp_value */
  uint32_t holds[MP_MAX_WORKERS]; /* worker: what it caches for this set */
} mp_set;

/* ---- Jobs ------------------------------------------------------------------------------------------------------ */

#define MP_JOB_FREE 0u
#define MP_JOB_QUEUED 1u
#define MP_JOB_COPYING 2u
#define MP_JOB_TAKEN 3u
#define MP_JOB_ANSWERING 4u
#define MP_JOB_DONE 5u
#define MP_JOB_LOST 6u
#define MP_JOB_RETURNED 7u
#define MP_STATE(kind, worker) ((uint32_t)(kind) | ((uint32_t)(worker) << 8))
#define MP_STATE_KIND(state) ((state)&0xffu)
#define MP_STATE_WORKER(state) ((state) >> 8)

#define MP_DO_LOAD 1u /* import the code of `model`, find its entry; no instance yet */
/* LOAD, and make an instance with `set` if the model has none or makes one for every version. */
#define MP_DO_PREPARE 2u
#define MP_DO_INFER 3u

typedef struct mp_job {
  uint32_t state __attribute__((aligned(64))); /* futex word: the host waits here */
  uint32_t kind;                               /* MP_DO_* */
  uint64_t model;                              /* offset of mp_model */
  uint64_t set;                                /* offset of mp_set; 0 with MP_DO_LOAD */
  uint32_t n_inputs;
  uint32_t n_outputs;
  int32_t code; /* worker: ms_code of the answer */
  uint32_t reserved0;
  uint64_t taken_ns; /* worker: CLOCK_MONOTONIC when it was taken */
  /* worker: when the model's own code began to answer, 0 while it is loaded or told of a version */
  uint64_t model_begin_ns;
  uint64_t model_end_ns;
  mp_tensor inputs[MP_MAX_TENSORS];
  /* Memory to write to, dtype and shape that the answer must have. */
  mp_tensor outputs[MP_MAX_TENSORS];
  /* worker: one line for ms_error (< 480 bytes), NUL, the whole traceback, NUL; UTF-8 */
  char error[MP_TEXT];
} mp_job;

/* ---- The region ------------------------------------------------------------------------------------------------ */

#define MP_WORKER_NONE 0u /* never started, or gone */
#define MP_WORKER_STARTING 1u
#define MP_WORKER_READY 2u  /* worker */
#define MP_WORKER_FAILED 3u /* worker: it could not start; text says why */

typedef struct mp_worker {
  /* Futex word: the host waits here for READY or FAILED. */
  uint32_t state __attribute__((aligned(64)));
  uint32_t stop;    /* host: take no job any more; then bumps `work` */
  int32_t pid;      /* worker: of its process */
  int32_t tid;      /* worker: of its thread */
  uint64_t jobs;    /* worker: that it has answered */
  char version[64]; /* worker: of the interpreter, "3.11.2" */
  char text[2048];  /* worker: why it failed */
} mp_worker;

typedef struct mp_file {
  char path[4096]; /* absolute; workers map it read-only, whole */
} mp_file;
#define MP_MAX_FILES 256u

typedef struct mp_region {
  uint32_t protocol; /* MP_PROTOCOL */
  uint32_t absolute; /* 1: mp_tensor.at is an address */
  uint64_t bytes;    /* of the whole region; sparse */
  uint32_t n_workers;
  uint32_t spin_us; /* how long an idle worker spins before it sleeps */
  /* Futex word: raised with every queued job, stop, and retirement. */
  uint32_t work __attribute__((aligned(64)));
  uint32_t idle __attribute__((aligned(64))); /* workers asleep on `work`; both change it */
  uint32_t retire_epoch __attribute__((aligned(64)));
  /* Futex word: raised by workers that let go of an object. */
  uint32_t dropped __attribute__((aligned(64)));
  uint64_t head __attribute__((aligned(64)));
  uint64_t tail __attribute__((aligned(64)));
  uint32_t ring[MP_RING];
  mp_worker workers[MP_MAX_WORKERS];
  mp_job jobs[MP_JOBS];
  mp_file files[MP_MAX_FILES];
} mp_region;

/* ---- Starting an interpreter ----------------------------------------------------------------------------------- */

/* All strings NUL terminated and alive until the call returns; NULL or "" where there is nothing to say. */
typedef struct mp_start {
  uint32_t struct_size;
  uint32_t worker;        /* index of this interpreter */
  void* region;           /* where it is mapped */
  const char* home;       /* sys.base_prefix, as for PYTHONHOME */
  const char* executable; /* sys.executable: the python that the configuration named */
  const char* site;       /* a folder of packages that is added in front, ".pth" files included */
  uint32_t threads; /* OPENBLAS_NUM_THREADS, OMP_NUM_THREADS, MKL_NUM_THREADS; 0: left alone */
  /* pthread keys to skip, besides the 16 that loading the shim skips: they are the host's. */
  uint32_t burned_keys;
} mp_start;

/* Exported by the shim, libmidstream_python_shim.so, which is the first object of its namespace.
 * Starts the interpreter's own thread, by its own libc, and returns: 0 or an errno. The outcome is in mp_worker.state.
 * The host must have made a thread by its own libc before (any, it may have ended): glibc takes its locks without atomics as
 * long as the process has one thread that it knows of, the dynamic loader's too, which all namespaces share; interpreters
 * that load extension modules at the same time would hang. */
int mp_start_thread(const mp_start* start);
/* A worker process: initialises Python here, imports `preload` (modules, separated by commas), then serves the socket
 * `control` until its other end closes: forks a worker for every request and tells of each that dies. Returns an exit code. */
int mp_run_zygote(const mp_start* start, int control, const char* preload);

/* On the socket (SOCK_SEQPACKET), both ways. */
/* To the host: ready to fork; text: the version, or with value != 0 why it is not. */
#define MP_ZYGOTE_READY 1
#define MP_ZYGOTE_FORK 2   /* to the zygote: fork worker `worker` */
#define MP_ZYGOTE_FORKED 3 /* to the host: value is its pid, or -errno */
#define MP_ZYGOTE_DIED 4   /* to the host: value is the status of waitpid */
typedef struct mp_message {
  uint32_t kind;
  uint32_t worker;
  int32_t value;
  uint32_t reserved0;
  char text[2048];
} mp_message;

#ifdef __cplusplus
}
#endif

#endif /* MIDSTREAM_PLUGINS_PYTHON_PROTOCOL_H_ */
