/* Midstream backend ABI 1.1: the one contract between the engine ("the core") and a backend plugin.
 *
 * A plugin is one shared library that exports one symbol, midstream_backend_query(). It includes this header and
 * nothing else of Midstream; the header is plain C11 and includes nothing but <stddef.h> and <stdint.h>.
 * backend.hpp beside it is an optional C++20 helper that turns a list of kernels into a complete backend.
 *
 *   plugin -> device -> { queue, buffer, module -> { plan, weights } }
 *
 *   module   a graph segment and its weight *layout*; it never sees a weight value
 *   plan     a module at one set of concrete shapes
 *   weights  one immutable version of a module's weights: begin -> put ... -> seal; the commit is the core's
 *   execute  plan x weights x inputs -> outputs; the caller provides all memory
 *
 * Rules that hold everywhere
 *   Codes      Every function that can fail returns an ms_code and, when it is not MS_OK, fills *error (never NULL)
 *              with one sentence for a person. An unknown code is read as MS_UNKNOWN.
 *   Ownership  Handles (ms_device*, ms_buffer* ...) are made by the plugin, owned by the core and given back by exactly
 *              one call of their release/close function. A NULL handle is never passed unless a comment says so.
 *              Pointers inside structs live until the call returns, unless a comment says so.
 *   Threads    Each function says who may call it. "Any thread" includes two threads at once on the same handle.
 *   Forbidden  A plugin must not throw across this interface, abort, exit, print, install signal handlers, change the
 *              floating point mode, locale or affinity of a thread it did not start, or allocate while executing.
 *   Growth     Structs start with struct_size = sizeof(the struct as the writer knows it), have explicit padding and
 *              only ever grow at the end. A reader copies min(theirs, its own) bytes over zeroes; extra bytes that are
 *              not zero are refused with MS_FAILED_PRECONDITION. Zero means absent. Reserved fields are zero.
 *              Structs that cross in arrays never grow: ms_tensor, ms_claim, ms_fence, ms_kv, ms_str, ms_dtype.
 *   Lifetime   A plugin is never unloaded. shutdown() is called after every handle was released.
 */
#ifndef MIDSTREAM_BACKEND_H_
#define MIDSTREAM_BACKEND_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Versions -------------------------------------------------------------------------------------------------- */

#define MS_ABI_MAJOR 1u /* differs: the plugin is refused */
#define MS_ABI_MINOR 1u /* the newest minor that this header describes */
/* A plugin may define MS_TARGET_MINOR before the include to be built for an older minor. */
#ifndef MS_TARGET_MINOR
#define MS_TARGET_MINOR MS_ABI_MINOR
#endif

/* ---- Codes and errors ------------------------------------------------------------------------------------------ */

typedef int32_t ms_code;
#define MS_OK 0
#define MS_CANCELLED 1
#define MS_UNKNOWN 2
#define MS_INVALID_ARGUMENT 3    /* the caller's data is wrong whatever the state */
#define MS_DEADLINE_EXCEEDED 4   /* a timeout ran out; the work may still finish */
#define MS_NOT_FOUND 5
#define MS_ALREADY_EXISTS 6
#define MS_PERMISSION_DENIED 7
#define MS_RESOURCE_EXHAUSTED 8  /* out of memory, queues or other budget; the core may try another backend */
#define MS_FAILED_PRECONDITION 9 /* right call, wrong state: fix the state, then repeat */
#define MS_ABORTED 10
#define MS_OUT_OF_RANGE 11
#define MS_UNIMPLEMENTED 12      /* not offered; the core may try another backend */
#define MS_INTERNAL 13           /* a rule of this interface was broken */
#define MS_UNAVAILABLE 14        /* try again later */
#define MS_DATA_LOSS 15
#define MS_UNAUTHENTICATED 16

/* Filled by the callee, owned by the caller, nothing to free. message is NUL terminated UTF-8. */
typedef struct ms_error {
  uint32_t struct_size;
  ms_code code;
  char message[496];
} ms_error;

/* ---- Plain data ------------------------------------------------------------------------------------------------ */

/* Bytes that need not end in NUL. */
typedef struct ms_str {
  const char* data;
  uint64_t size;
} ms_str;

typedef struct ms_kv {
  ms_str key;
  ms_str value;
} ms_kv;

/* DLPack coding: a type class, the bits of one lane, and the number of lanes (1 in ABI 1). */
typedef struct ms_dtype {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} ms_dtype;
#define MS_DTYPE_INT 0
#define MS_DTYPE_UINT 1
#define MS_DTYPE_FLOAT 2  /* IEEE 754: 16, 32, 64 bits */
#define MS_DTYPE_BFLOAT 4 /* 16 bits */
#define MS_DTYPE_BOOL 6   /* 8 bits, 0 or 1 */

typedef struct ms_device ms_device;
typedef struct ms_buffer ms_buffer;
typedef struct ms_queue ms_queue;
typedef struct ms_module ms_module;
typedef struct ms_plan ms_plan;
typedef struct ms_weights ms_weights;
typedef struct ms_graph ms_graph; /* owned by the core; valid only during the call that receives it */

/* A point on a queue's timeline: reached when the queue's counter is >= value. */
typedef struct ms_fence {
  ms_queue* queue;
  uint64_t value;
} ms_fence;

/* A tensor in memory. It lies either in a buffer of the plugin (buffer, byte_offset) or, when buffer is NULL, at the
 * host address data. Host addresses occur in weights_put, weights_get and queue_copy on every device, and in execute only
 * on devices with MS_DEVICE_HOST_MEMORY. shape has rank entries. byte_strides is NULL for contiguous row-major; in ABI 1
 * the core passes only contiguous tensors. Inputs, outputs and scratch of execute are aligned to 64 bytes when they are
 * the core's own memory; values of weights_put may have any alignment. */
typedef struct ms_tensor {
  uint32_t struct_size;
  ms_dtype dtype;
  ms_buffer* buffer;
  void* data;
  uint64_t byte_offset;
  const int64_t* shape;
  const int64_t* byte_strides;
  uint32_t rank;
  uint32_t flags; /* reserved */
} ms_tensor;

/* ---- The graph, seen through accessors of ms_host -------------------------------------------------------------- */

#define MS_NONE UINT32_MAX /* an absent optional input of a node */

/* Values and nodes are numbered from 0; nodes are in topological order. */
typedef struct ms_graph_info {
  uint32_t struct_size;
  uint32_t n_nodes;
  uint32_t n_values;
  uint32_t n_inputs;
  uint32_t n_outputs;
  uint32_t n_slots;        /* weight slots, numbered from 0 */
  const uint32_t* inputs;  /* value ids, in the order that execute receives them */
  const uint32_t* outputs; /* value ids, in the order that execute receives them */
  const uint32_t* slots;   /* value id of each weight slot */
} ms_graph_info;

/* op, domain and attributes have ONNX names and semantics (domain "" is ai.onnx) at the operator set `opset`; the domain
 * "midstream" is ours and described in docs/operators.md. */
typedef struct ms_node_info {
  uint32_t struct_size;
  uint32_t opset;
  ms_str op;
  ms_str domain;
  ms_str name;             /* for messages; unique within the graph */
  const uint32_t* inputs;  /* value ids or MS_NONE */
  const uint32_t* outputs; /* value ids */
  uint32_t n_inputs;
  uint32_t n_outputs;
  uint32_t n_attrs;
  uint32_t reserved0;
} ms_node_info;

#define MS_ATTR_INT 1u     /* i */
#define MS_ATTR_FLOAT 2u   /* f */
#define MS_ATTR_STRING 3u  /* s */
#define MS_ATTR_INTS 4u    /* ints, count */
#define MS_ATTR_FLOATS 5u  /* floats, count */
#define MS_ATTR_STRINGS 6u /* strings, count */

typedef struct ms_attr {
  uint32_t struct_size;
  uint32_t kind; /* MS_ATTR_* */
  ms_str name;
  int64_t i;
  double f;
  ms_str s;
  const int64_t* ints;
  const double* floats;
  const ms_str* strings;
  uint64_t count;
} ms_attr;

#define MS_VALUE_INPUT 1u    /* an input of the segment */
#define MS_VALUE_WEIGHT 2u   /* a weight slot; its bytes come with weights_put, never here */
#define MS_VALUE_CONSTANT 3u /* true constant: data holds its bytes and it may be folded */
#define MS_VALUE_NODE 4u     /* made by a node */

#define MS_VALUE_RANK_UNKNOWN 1u /* flags: shape is not known at all (rank is 0) */

typedef struct ms_value_info {
  uint32_t struct_size;
  ms_dtype dtype;
  ms_str name;
  const int64_t* shape; /* rank entries; -1 = not known yet. In plan_create every entry is known */
  uint32_t rank;
  uint32_t flags;
  uint32_t kind;        /* MS_VALUE_* */
  uint32_t slot;        /* MS_VALUE_WEIGHT: its slot number, else MS_NONE */
  uint32_t producer;    /* MS_VALUE_NODE: the node that makes it, else MS_NONE */
  uint32_t reserved0;
  const void* data;     /* MS_VALUE_CONSTANT: contiguous row-major bytes, else NULL. In plan_create also set for a
                           value made by a node when these shapes alone determine it: the node need not run */
  uint64_t data_bytes;
} ms_value_info;

/* ---- Device ---------------------------------------------------------------------------------------------------- */

#define MS_DEVICE_HOST_MEMORY 1u /* execute reads and writes host addresses directly */
#define MS_DEVICE_SYNC 2u        /* execute and queue_copy return with their fence already reached */

#define MS_CAP_WEIGHTS_VERSIONED 1u /* several sealed sets live at once; staging may run while plans execute */
#define MS_CAP_WEIGHTS_ROWS 2u      /* weights_put accepts row ranges */
#define MS_CAP_WEIGHTS_GET 4u       /* weights_get is offered, for every slot */
#define MS_CAP_WEIGHTS_ADOPT 8u     /* weights_put takes memory over (since 1.1) */

#define MS_LAYOUT_NCHW 0u /* convolution and pooling nodes arrive as ONNX defines them */
#define MS_LAYOUT_NHWC 1u /* the core hands them over channels last (domain midstream, data_layout = "NHWC") */

/* Filled by device_info. Strings live as long as the device. */
typedef struct ms_device_info {
  uint32_t struct_size;
  uint32_t flags;        /* MS_DEVICE_* */
  uint32_t capabilities; /* MS_CAP_* */
  uint32_t layout;       /* MS_LAYOUT_*: what the device prefers */
  ms_str name;           /* "AMD EPYC 9354", "pthread-skylake" */
  ms_str isa;            /* the instruction set chosen at run time: "avx512", "generic" */
  uint64_t memory_bytes; /* 0 = not known */
  uint32_t alignment;    /* bytes, of buffers */
  uint32_t max_queues;   /* 0 = no limit */
} ms_device_info;

/* ---- Claim ----------------------------------------------------------------------------------------------------- */

#define MS_REASON_NONE 0u
#define MS_REASON_OP 1u        /* operator not known */
#define MS_REASON_DTYPE 2u     /* operator known, not for these dtypes */
#define MS_REASON_ATTRIBUTE 3u /* operator known, not with these attributes */
#define MS_REASON_SHAPE 4u     /* operator known, not for these ranks or shapes */

/* The backend's answer for one node. The array is zeroed, struct_size set, before the call. */
typedef struct ms_claim {
  uint32_t struct_size;
  int32_t group;       /* < 0: not mine. Nodes of one group >= 0 go into the same segment when the core can */
  ms_dtype compute;    /* dtype that the arithmetic will use */
  ms_dtype accumulate; /* dtype of the sums */
  uint32_t reason;     /* MS_REASON_*, when group < 0 */
  uint32_t flags;      /* reserved */
} ms_claim;

/* ---- Module, weights, execution -------------------------------------------------------------------------------- */

#define MS_MODULE_DETERMINISTIC 1u /* equal bits whatever the thread count and the batch split */

typedef struct ms_module_options {
  uint32_t struct_size;
  uint32_t flags; /* MS_MODULE_* */
} ms_module_options;

/* One slot's new value. row_count < 0: the whole tensor, else rows [row_begin, row_begin + row_count) of axis 0 of a slot
 * that has a value already; the others keep theirs. value has the shape of what is put. */
typedef struct ms_put {
  uint32_t struct_size;
  uint32_t slot;
  const ms_tensor* value;
  const ms_fence* ready; /* NULL: readable now */
  int64_t row_begin;
  int64_t row_count;
  /* Since 1.1, only for devices with MS_CAP_WEIGHTS_ADOPT: NULL, or the memory of a whole tensor is handed over. Once
   * weights_put has returned MS_OK, the plugin may use it where it lies and calls released(released_user) exactly once, on
   * any thread: when the last set that has this value is released and nothing that it has let see the memory is left. */
  void (*released)(void* user);
  void* released_user;
} ms_put;

typedef struct ms_exec {
  uint32_t struct_size;
  uint32_t flags;            /* reserved */
  const void* ext;           /* reserved, NULL */
  const ms_weights* weights; /* sealed, of the plan's module; NULL only if the module has no slot */
  const ms_tensor* inputs;
  const ms_tensor* outputs;
  uint32_t n_inputs;
  uint32_t n_outputs;
  const ms_tensor* scratch;  /* at least the bytes that plan_create asked for; NULL if it asked for none */
  const ms_fence* waits;     /* start after all of these; fences of this plugin only */
  uint32_t n_waits;
  uint32_t reserved0;
  uint64_t signal;           /* the queue's counter becomes this when the outputs are written; rises per queue */
} ms_exec;

/* ---- What the plugin offers ------------------------------------------------------------------------------------ */

/* Every entry is mandatory; one that a device cannot offer returns MS_UNIMPLEMENTED. */
typedef struct ms_backend {
  uint32_t struct_size;
  uint32_t flags; /* reserved */

  /* Devices. The core serialises these calls.
   * device_open: options come from the configuration; an unknown key is MS_INVALID_ARGUMENT, index outside
   * [0, count) is MS_OUT_OF_RANGE, a device that cannot be used now is MS_UNAVAILABLE. */
  ms_code (*device_count)(uint32_t* out, ms_error* error);
  ms_code (*device_open)(uint32_t index, const ms_kv* options, uint32_t n_options, ms_device** out, ms_error* error);
  void (*device_close)(ms_device* device);
  /* Any thread. info->struct_size says how much the core can take. */
  ms_code (*device_info)(ms_device* device, ms_device_info* info, ms_error* error);

  /* Buffers. Any thread. The content of a new buffer is undefined. MS_RESOURCE_EXHAUSTED when memory is out.
   * buffer_import: borrows host memory until the plugin calls released(user), on any thread, at the latest when the
   * buffer is released; released may be NULL.
   * buffer_map: host address of the buffer, valid until its release; MS_UNIMPLEMENTED if the host cannot see it. */
  ms_code (*buffer_alloc)(ms_device* device, uint64_t bytes, ms_buffer** out, ms_error* error);
  ms_code (*buffer_import)(ms_device* device, void* host, uint64_t bytes, void (*released)(void*), void* user,
                           ms_buffer** out, ms_error* error);
  ms_code (*buffer_map)(ms_buffer* buffer, void** out, ms_error* error);
  void (*buffer_release)(ms_buffer* buffer);

  /* Queues: work runs in the order of submission. One thread per queue at a time; different queues in parallel.
   * priority: 0 normal, 1 low (staging). queue_close waits for the queue's work.
   * queue_copy: src and dst have equal dtype and shape; either may be at a host address, which must stay valid until
   * the fence {queue, signal}. */
  ms_code (*queue_open)(ms_device* device, uint32_t priority, ms_queue** out, ms_error* error);
  ms_code (*queue_copy)(ms_queue* queue, const ms_tensor* src, const ms_tensor* dst, uint64_t signal, ms_error* error);
  void (*queue_close)(ms_queue* queue);

  /* Fences. Any thread. MS_OK: reached. fence_query: MS_UNAVAILABLE when not reached yet. fence_wait:
   * MS_DEADLINE_EXCEEDED after timeout_ns. Any other code is the error of the work itself: it stays on this fence and
   * on all later values of the queue. */
  ms_code (*fence_query)(const ms_fence* fence, ms_error* error);
  ms_code (*fence_wait)(const ms_fence* fence, uint64_t timeout_ns, ms_error* error);

  /* claim: any thread. Fills one answer per node; claims has n = n_nodes entries. It must be cheap and have no effect.
   * Shapes may hold -1. The core checks the answers and forms segments from them. */
  ms_code (*claim)(ms_device* device, const ms_graph* graph, ms_claim* claims, uint32_t n, ms_error* error);

  /* Modules and plans. Creation: any thread, in parallel. Release: any thread, plans before their module.
   * module_create: keeps nothing that points into graph. After MS_UNIMPLEMENTED or MS_RESOURCE_EXHAUSTED, here or of
   * plan_create before the first request, the core offers the segment's nodes to other backends where the configuration
   * allows it, and else refuses the model with the message. options is never NULL.
   * plan_create: graph is the module's graph, same numbering, every shape known. *scratch_bytes: memory that each
   * execute needs for its own use. */
  ms_code (*module_create)(ms_device* device, const ms_graph* graph, const ms_module_options* options, ms_module** out,
                           ms_error* error);
  ms_code (*plan_create)(ms_module* module, const ms_graph* graph, ms_plan** out, uint64_t* scratch_bytes,
                         ms_error* error);
  void (*plan_release)(ms_plan* plan);
  void (*module_release)(ms_module* module);

  /* execute: one thread per queue; the same plan may execute on several queues at once with different weights. The
   * plugin writes every byte of every output, nothing outside outputs and scratch, and allocates nothing. */
  ms_code (*execute)(ms_plan* plan, ms_queue* queue, const ms_exec* exec, ms_error* error);

  /* Weights. One thread per set until it is sealed, in parallel to anything else: staging never blocks an execute.
   * weights_cost: upper bound of the memory that a new set needs beyond what it shares with base (NULL: nothing) when
   * the n slots are put.
   * weights_begin: a new set that inherits every slot of base, which is sealed and of the same module; base NULL: empty.
   * weights_put: converts, packs or uploads one value; value must stay readable until the fence of weights_seal, with
   * MS_DEVICE_SYNC until it returns. It has the dtype and shape of the slot, else MS_INVALID_ARGUMENT. An error leaves
   * base as it was; the set is then only released.
   * weights_seal: from fence {queue, signal} on the set never changes and any thread may execute with it.
   * MS_FAILED_PRECONDITION names the slots that have no value.
   * weights_get: writes a slot's value, bit for bit as put, to value (host address, dtype and shape of the slot). Any
   * thread, sealed sets. MS_UNIMPLEMENTED without MS_CAP_WEIGHTS_GET.
   * weights_release: any thread, sealed or not; the core has no execution left that uses the set. Sets that were based
   * on it stay valid. */
  ms_code (*weights_cost)(ms_module* module, const ms_weights* base, const uint32_t* slots, uint32_t n,
                          uint64_t* extra_bytes, ms_error* error);
  ms_code (*weights_begin)(ms_module* module, const ms_weights* base, ms_weights** out, ms_error* error);
  ms_code (*weights_put)(ms_weights* weights, ms_queue* queue, const ms_put* put, ms_error* error);
  ms_code (*weights_seal)(ms_weights* weights, ms_queue* queue, uint64_t signal, ms_error* error);
  ms_code (*weights_get)(const ms_weights* weights, uint32_t slot, const ms_tensor* value, ms_error* error);
  void (*weights_release)(ms_weights* weights);
} ms_backend;

/* ---- What the core offers the plugin --------------------------------------------------------------------------- */

#define MS_LOG_DEBUG 0
#define MS_LOG_INFO 1
#define MS_LOG_WARNING 2
#define MS_LOG_ERROR 3

/* Passed to startup; valid until shutdown returns. Any thread unless noted. */
typedef struct ms_host {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* self; /* first argument of the functions below */

  void (*log)(void* self, int32_t level, ms_str text);

  /* Runs body(user, 0) ... body(user, n - 1) on the core's one pool, the caller included, and returns when all are
   * done. Calls may be nested or concurrent; then they run on the calling thread. body must not block or throw. */
  void (*parallel_for)(void* self, uint32_t n, void (*body)(void* user, uint32_t index), void* user);
  /* Threads that parallel_for can use when this thread calls it, itself included; >= 1. During execute and the
   * plan_create before it the answer is the same, so scratch may be sized by it. */
  uint32_t (*thread_count)(void* self);

  /* Memory that the core counts and recycles: 64-byte aligned, NULL when out. Use it for packed weights and buffers.
   * mem_free takes what mem_alloc gave, with the same byte count; NULL is allowed. */
  void* (*mem_alloc)(void* self, uint64_t bytes);
  void (*mem_free)(void* self, void* ptr, uint64_t bytes);

  /* Graph accessors, valid during the call that received the graph. What they fill points into the graph.
   * MS_OUT_OF_RANGE for a bad index, MS_NOT_FOUND for a missing attribute. struct_size must be set by the caller. */
  ms_code (*graph_info)(const ms_graph* graph, ms_graph_info* out);
  ms_code (*node_info)(const ms_graph* graph, uint32_t node, ms_node_info* out);
  ms_code (*node_attr)(const ms_graph* graph, uint32_t node, ms_str name, ms_attr* out);
  ms_code (*value_info)(const ms_graph* graph, uint32_t value, ms_value_info* out);

  /* "vendor.name/1" -> an immutable table, or NULL. */
  const void* (*get_extension)(void* self, const char* id);
} ms_host;

/* ---- Extension: how long the work of a queue took -------------------------------------------------------------- */

/* ms_plugin.get_extension(MS_EXT_PROFILE) gives an ms_profile_api, or NULL: the plugin cannot tell. */
#define MS_EXT_PROFILE "midstream.profile/1"

/* One piece of work of a queue. */
typedef struct ms_profile_event {
  uint32_t struct_size;
  uint32_t node;     /* number in the module's graph (of fused nodes the one whose result is kept); MS_NONE: a copy
                        or other work */
  ms_plan* plan;     /* whose node it is; NULL with MS_NONE */
  uint64_t begin_ns; /* CLOCK_MONOTONIC of the host, converted from the device's clock */
  uint64_t end_ns;
  ms_str kernel;     /* which kernel or variant computed it, for a person; may be empty */
} ms_profile_event;

/* By the thread that uses the queue. Timed work may allocate and be slower; the plugin may drop events when many are not
 * read. The core releases no plan that has timed work whose events it may still read. */
typedef struct ms_profile_api {
  uint32_t struct_size;
  uint32_t reserved0;
  /* From the next submission on the queue's work is (not) timed; off forgets events that were not read.
   * MS_RESOURCE_EXHAUSTED, MS_UNIMPLEMENTED. */
  ms_code (*enable)(ms_queue* queue, uint32_t on, ms_error* error);
  /* Hands over the events of timed work that ended since the last call, in order of begin; after a fence_wait. The event
   * lives until sink returns. */
  ms_code (*read)(ms_queue* queue, void (*sink)(void* user, const ms_profile_event* event), void* user,
                  ms_error* error);
} ms_profile_api;

/* ---- The descriptor -------------------------------------------------------------------------------------------- */

#define MS_PLUGIN_MAGIC "MIDSTRM" /* 8 bytes with its NUL */

#define MS_SANITIZER_NONE 0u
#define MS_SANITIZER_ADDRESS 1u
#define MS_SANITIZER_THREAD 2u
#if defined(__SANITIZE_ADDRESS__)
#define MS_SANITIZER_BUILT MS_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define MS_SANITIZER_BUILT MS_SANITIZER_THREAD
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MS_SANITIZER_BUILT MS_SANITIZER_ADDRESS
#elif __has_feature(thread_sanitizer)
#define MS_SANITIZER_BUILT MS_SANITIZER_THREAD
#endif
#endif
#ifndef MS_SANITIZER_BUILT
#define MS_SANITIZER_BUILT MS_SANITIZER_NONE
#endif

/* Static data of the plugin; valid for the life of the process. */
typedef struct ms_plugin {
  char magic[8]; /* MS_PLUGIN_MAGIC */
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;   /* the minor that it was built for; the core uses no newer entry */
  ms_str name;          /* [a-z0-9_]{1,64}; the name that configurations use */
  ms_str version;       /* of the plugin, free text */
  uint32_t sanitizer;   /* MS_SANITIZER_BUILT */
  uint32_t flags;       /* reserved */
  const ms_backend* backend;
  /* Come in pairs, serialised: startup before anything but query and get_extension, shutdown when the last handle was
   * released. The plugin stays loaded and may be started again. host outlives the process's last shutdown. */
  ms_code (*startup)(const ms_host* host, ms_error* error);
  void (*shutdown)(void);
  /* "vendor.name/1" -> an immutable table, or NULL. Any thread, also before startup. */
  const void* (*get_extension)(const char* id);
} ms_plugin;

/* The one exported symbol. Pure, any thread, any number of times. NULL: this host cannot be served. */
__attribute__((visibility("default"))) const ms_plugin* midstream_backend_query(uint16_t host_major,
                                                                                uint16_t host_minor);

/* ---- The ELF note ---------------------------------------------------------------------------------------------- */

/* Read from the file before it is loaded. Section ".note.midstream", owner "Midstream", type 1. Write
 * MS_BACKEND_NOTE("name") once at file scope in one source file of the plugin; sdk/cmake does the rest. */
#define MS_NOTE_SECTION ".note.midstream"
#define MS_NOTE_OWNER "Midstream" /* 10 bytes with its NUL, padded to 12 */
#define MS_NOTE_TYPE 1u

typedef struct ms_note {
  uint32_t name_size; /* 10 */
  uint32_t desc_size; /* bytes from abi_major to the end */
  uint32_t type;      /* MS_NOTE_TYPE */
  char owner[12];
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t sanitizer;
  char name[64]; /* NUL padded */
} ms_note;

#define MS_BACKEND_NOTE(plugin_name)                                                                   \
  __attribute__((section(MS_NOTE_SECTION), used, aligned(4))) static const ms_note ms_backend_note_ = { \
      10u, 72u, MS_NOTE_TYPE, MS_NOTE_OWNER, MS_ABI_MAJOR, MS_TARGET_MINOR, MS_SANITIZER_BUILT, plugin_name}

#ifdef __cplusplus
}
#endif

#endif /* MIDSTREAM_BACKEND_H_ */
