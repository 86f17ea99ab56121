/* Midstream's C API: plain C11, for programs in C and for bindings of other languages.
 *
 *   engine   the backends and threads of one configuration
 *   model    a trained checkpoint, opened in place, and its current weight version
 *   session  the model compiled for a set of inputs and outputs; run it from any thread
 *   request  one call of a session that was submitted and not waited for
 *   update   new weights by name; a commit makes them current for every session, or changes nothing
 *   source   what brings new weights from outside: a watched folder, a socket
 *
 * Rules that hold everywhere
 *
 * Codes: functions that can fail return a midstream_code. error may be NULL; else, on failure, it
 * receives the code and one message for a person, cut where it does not fit. On success it is left
 * alone.
 *
 * Ownership: what a function hands out through `out` is released by the release function of its
 * type, exactly once; NULL may be released. On failure *out is NULL. A handle keeps alive what it
 * was made from, so the order of releases does not matter. What a pointer argument refers to is
 * borrowed for the call, unless a function says otherwise. Pointers handed out inside structs live
 * as long as the handle that they came from.
 *
 * Threads: any thread may call any function, also with the same handle at the same time, except
 * where a function says otherwise. A handle is released when no other call uses it any more.
 *
 * Names: tensors are named as in the trainer's framework, with or without ":0".
 *
 * Growth: structs never change and functions are only ever added, within one major version.
 */
#ifndef MIDSTREAM_MIDSTREAM_H_
#define MIDSTREAM_MIDSTREAM_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MIDSTREAM_API __attribute__((visibility("default")))

/* ---- Codes and errors (the numbers of MS_* in midstream/backend.h) ---- */

typedef int32_t midstream_code;
#define MIDSTREAM_OK 0
#define MIDSTREAM_CANCELLED 1
#define MIDSTREAM_UNKNOWN 2
#define MIDSTREAM_INVALID_ARGUMENT 3
#define MIDSTREAM_DEADLINE_EXCEEDED 4
#define MIDSTREAM_NOT_FOUND 5
#define MIDSTREAM_ALREADY_EXISTS 6
#define MIDSTREAM_PERMISSION_DENIED 7
#define MIDSTREAM_RESOURCE_EXHAUSTED 8
#define MIDSTREAM_FAILED_PRECONDITION 9
#define MIDSTREAM_ABORTED 10
#define MIDSTREAM_OUT_OF_RANGE 11
#define MIDSTREAM_UNIMPLEMENTED 12
#define MIDSTREAM_INTERNAL 13
#define MIDSTREAM_UNAVAILABLE 14
#define MIDSTREAM_DATA_LOSS 15
#define MIDSTREAM_UNAUTHENTICATED 16

/* Owned by the caller, nothing to free. message is NUL terminated UTF-8. */
typedef struct midstream_error {
  midstream_code code;
  char message[2044];
} midstream_error;

/* "INVALID_ARGUMENT" and so on; static. */
MIDSTREAM_API const char* midstream_code_name(midstream_code code);

/* "0.1.0"; static. */
MIDSTREAM_API const char* midstream_version(void);

#define MIDSTREAM_LOG_DEBUG 0
#define MIDSTREAM_LOG_INFO 1
#define MIDSTREAM_LOG_WARNING 2
#define MIDSTREAM_LOG_ERROR 3

/* The library never prints. Messages of minimum_level and above go to sink, from any thread, one
 * line each, NUL terminated and valid during the call; a NULL sink, as at the start, drops them.
 * When this returns, the sink that was set before is no longer in use. sink must not call the
 * library. */
MIDSTREAM_API void midstream_set_log(void (*sink)(void* user, int32_t level, const char* text),
                                     void* user, int32_t minimum_level);

/* ---- Tensors ---- */

/* Type class of DLPack (int 0, unsigned 1, float 2, bfloat 4, bool 6) in the upper byte, bits of an
 * element in the lower. */
typedef int32_t midstream_dtype;
#define MIDSTREAM_INT8 0x0008
#define MIDSTREAM_INT16 0x0010
#define MIDSTREAM_INT32 0x0020
#define MIDSTREAM_INT64 0x0040
#define MIDSTREAM_UINT8 0x0108
#define MIDSTREAM_UINT16 0x0110
#define MIDSTREAM_UINT32 0x0120
#define MIDSTREAM_UINT64 0x0140
#define MIDSTREAM_FLOAT16 0x0210
#define MIDSTREAM_FLOAT32 0x0220
#define MIDSTREAM_FLOAT64 0x0240
#define MIDSTREAM_BFLOAT16 0x0410
#define MIDSTREAM_BOOL 0x0608 /* one byte, 0 or 1 */

/* A named value: contiguous, row-major, any alignment. shape has rank entries and may be NULL when
 * rank is 0. byte_size is the product of the shape times the size of an element. data may be NULL
 * when byte_size is 0. */
typedef struct midstream_tensor {
  const char* name;
  const int64_t* shape;
  const void* data;
  uint64_t byte_size;
  uint32_t rank;
  midstream_dtype dtype;
} midstream_tensor;

/* A declaration. A dimension of -1 may have any size; rank -1: nothing is known about the shape. */
typedef struct midstream_spec {
  const char* name;
  const int64_t* shape;
  int32_t rank;
  midstream_dtype dtype;
} midstream_spec;

typedef struct midstream_engine midstream_engine;
typedef struct midstream_model midstream_model;
typedef struct midstream_session midstream_session;
typedef struct midstream_request midstream_request;
typedef struct midstream_result midstream_result;
typedef struct midstream_update midstream_update;
typedef struct midstream_source midstream_source;

/* ---- Engine ---- */

/* Loads the plugins of the configuration and opens their devices. config_path: a TOML file, or NULL
 * for the defaults. overrides: n_overrides texts "key=value" that win over the file; may be NULL
 * when n_overrides is 0. Codes: MIDSTREAM_NOT_FOUND (a file or plugin), MIDSTREAM_INVALID_ARGUMENT
 * (the message lists every problem of the configuration, one per line), those of the plugins. */
MIDSTREAM_API midstream_code midstream_engine_open(const char* config_path,
                                                   const char* const* overrides, size_t n_overrides,
                                                   midstream_engine** out, midstream_error* error);
MIDSTREAM_API void midstream_engine_release(midstream_engine* engine);

/* Counters of the process, over all engines, as one JSON object: compiles (modules and plans made),
 * system_allocations (requests of backends for memory that reached the system), backend_bytes (memory
 * that backends hold now). NUL terminated, into buffer of capacity bytes; *size receives the bytes
 * needed, with the NUL; buffer may be NULL when capacity is 0. Codes: MIDSTREAM_RESOURCE_EXHAUSTED
 * when capacity is smaller. */
MIDSTREAM_API midstream_code midstream_engine_stats(char* buffer, size_t capacity, size_t* size,
                                                    midstream_error* error);

/* ---- Model ---- */

/* Opens a TensorFlow checkpoint (a prefix, a .meta file, or a folder with a `checkpoint` file), a
 * SavedModel with its default signature, or the folder of an OpenPI checkpoint. weights: another
 * checkpoint, a .safetensors or a .npz file to take the values from, or NULL. Codes: MIDSTREAM_NOT_FOUND, MIDSTREAM_INVALID_ARGUMENT,
 * MIDSTREAM_DATA_LOSS; the message names the file. */
MIDSTREAM_API midstream_code midstream_model_load(midstream_engine* engine, const char* path,
                                                  const char* weights, midstream_model** out,
                                                  midstream_error* error);
MIDSTREAM_API void midstream_model_release(midstream_model* model);

/* The current weight version; it rises with every commit. */
MIDSTREAM_API uint64_t midstream_model_version(const midstream_model* model);

/* The weights behind the model's own outputs. Codes: MIDSTREAM_OUT_OF_RANGE unless index < the count. */
MIDSTREAM_API size_t midstream_model_weight_count(const midstream_model* model);
MIDSTREAM_API midstream_code midstream_model_weight(const midstream_model* model, size_t index,
                                                    midstream_spec* out, midstream_error* error);

/* Takes every weight of another checkpoint of the same model, or of a .safetensors or .npz file with
 * the model's names, as one update. version receives the new version and may be NULL. Codes: as midstream_model_load and midstream_update_commit; on
 * failure nothing has changed. */
MIDSTREAM_API midstream_code midstream_model_update_from(midstream_model* model,
                                                         const char* checkpoint, uint64_t* version,
                                                         midstream_error* error);

/* ---- Session ---- */

/* Compiles the model for some of its tensors; any tensor may be named. inputs: what runs will feed;
 * n_inputs 0: the placeholders that the outputs need. outputs: what runs compute; n_outputs 0: the
 * model's own outputs. Codes: MIDSTREAM_NOT_FOUND for a tensor that the model does not have,
 * MIDSTREAM_UNIMPLEMENTED with every node that is not supported, those of the plugins. */
MIDSTREAM_API midstream_code midstream_session_create(midstream_model* model,
                                                      const char* const* inputs, size_t n_inputs,
                                                      const char* const* outputs, size_t n_outputs,
                                                      midstream_session** out,
                                                      midstream_error* error);
/* The same with n_bound placeholders whose values are the same in every run; they are copied. bound
 * may be NULL when n_bound is 0. Codes: also MIDSTREAM_INVALID_ARGUMENT for a value that is no tensor,
 * or does not fit its placeholder. */
MIDSTREAM_API midstream_code midstream_session_create_bound(
    midstream_model* model, const char* const* inputs, size_t n_inputs, const char* const* outputs,
    size_t n_outputs, const midstream_tensor* bound, size_t n_bound, midstream_session** out,
    midstream_error* error);
MIDSTREAM_API void midstream_session_release(midstream_session* session);

/* What runs feed and get. Codes: MIDSTREAM_OUT_OF_RANGE unless index < the count. */
MIDSTREAM_API size_t midstream_session_input_count(const midstream_session* session);
MIDSTREAM_API midstream_code midstream_session_input(const midstream_session* session, size_t index,
                                                     midstream_spec* out, midstream_error* error);
MIDSTREAM_API size_t midstream_session_output_count(const midstream_session* session);
MIDSTREAM_API midstream_code midstream_session_output(const midstream_session* session,
                                                      size_t index, midstream_spec* out,
                                                      midstream_error* error);

/* One run with the weights that are current when it starts. inputs are found by name, in any order.
 * Executes on the calling thread and the engine's own when a lane is free (execution.instances x
 * execution.streams) and nothing waits; else waits as a request without options does. Codes:
 * MIDSTREAM_INVALID_ARGUMENT with every input that is missing, unknown, or of another dtype or
 * shape; those of midstream_session_submit and of the plugins. */
MIDSTREAM_API midstream_code midstream_session_run(midstream_session* session,
                                                   const midstream_tensor* inputs, size_t n_inputs,
                                                   midstream_result** out, midstream_error* error);

/* The outputs of one run, in the order and under the names of the session's outputs, and the weight
 * version that made them. Their data is the result's alone and may be written to, where no other result
 * was asked of the same request. Codes: MIDSTREAM_OUT_OF_RANGE unless index < the count. */
MIDSTREAM_API size_t midstream_result_count(const midstream_result* result);
MIDSTREAM_API midstream_code midstream_result_tensor(const midstream_result* result, size_t index,
                                                     midstream_tensor* out, midstream_error* error);
MIDSTREAM_API uint64_t midstream_result_version(const midstream_result* result);
MIDSTREAM_API void midstream_result_release(midstream_result* result);

/* ---- Versions ---- */

typedef struct midstream_pin midstream_pin;

/* Holds a version of the weights in memory, as for an episode: requests can be run on it however many
 * newer ones come (midstream_request_options). version 0: the current one. Codes:
 * MIDSTREAM_NOT_FOUND naming the versions that are in memory. */
MIDSTREAM_API midstream_code midstream_model_pin(midstream_model* model, uint64_t version,
                                                 midstream_pin** out, midstream_error* error);
/* The current versions of n_models models at one moment; out receives as many pins. */
MIDSTREAM_API midstream_code midstream_models_pin(midstream_model* const* models, size_t n_models,
                                                  midstream_pin** out, midstream_error* error);
MIDSTREAM_API uint64_t midstream_pin_version(const midstream_pin* pin);
MIDSTREAM_API void midstream_pin_release(midstream_pin* pin);

/* Makes a version current again, under its old number, that is still kept (weights.keep_versions).
 * Codes: MIDSTREAM_NOT_FOUND naming those that are. */
MIDSTREAM_API midstream_code midstream_model_rollback(midstream_model* model, uint64_t version,
                                                      midstream_error* error);

/* Copies a weight, bit for bit; pin NULL: of the current version. byte_size is what data has room
 * for and must be that of the weight. Codes: MIDSTREAM_NOT_FOUND, MIDSTREAM_INVALID_ARGUMENT. */
MIDSTREAM_API midstream_code midstream_model_read_weight(midstream_model* model, const char* name,
                                                         const midstream_pin* pin, void* data,
                                                         uint64_t byte_size,
                                                         midstream_error* error);

/* SHA-256 of a version's weights, 64 hexadecimal digits and a NUL, by docs/weights.md; pin NULL: of
 * the current version. */
MIDSTREAM_API midstream_code midstream_model_digest(midstream_model* model,
                                                    const midstream_pin* pin, char hex[65],
                                                    midstream_error* error);

/* The model's versions, commits and refused updates, as one JSON object (docs/weights.md), NUL
 * terminated, into buffer of capacity bytes. *size receives the bytes needed, with the NUL; buffer
 * may be NULL when capacity is 0. Codes: MIDSTREAM_RESOURCE_EXHAUSTED when capacity is smaller. */
MIDSTREAM_API midstream_code midstream_model_stats(const midstream_model* model, char* buffer,
                                                   size_t capacity, size_t* size,
                                                   midstream_error* error);

/* Closes the sessions of the model, frees its weights and closes its files, whatever handles there
 * still are; versions that are pinned go with their pins. Later calls that can fail do:
 * MIDSTREAM_FAILED_PRECONDITION. */
MIDSTREAM_API midstream_code midstream_model_unload(midstream_model* model, midstream_error* error);

/* ---- Requests: many at a time, without a thread for each ---- */

/* All zero: the defaults. */
typedef struct midstream_request_options {
  uint64_t timeout_ns; /* from the submission to the start of the execution; 0: none */
  uint64_t caller;     /* requests of one caller execute and complete in order; 0: no caller */
  int32_t priority;    /* larger ones first, equal ones in order */
  uint32_t reserved;   /* 0 */
  const midstream_pin* version; /* to run with; NULL: the current one when the execution begins */
  uint64_t reserved_more[4];    /* 0 */
} midstream_request_options;

/* Is called once, when the request is done: on a worker thread of the session, on the thread that
 * cancels the request or waits past its deadline, or inside midstream_session_submit. `request` is
 * borrowed for the call. The callback may call anything but the functions that wait for other
 * requests, midstream_session_drain and midstream_session_close. */
typedef void (*midstream_request_callback)(void* user, midstream_request* request);

/* Queues one call of the session and returns at once. The data of the inputs is borrowed until the
 * request is done (midstream_request_ready gives 1, or the callback is called), the rest for the
 * call. options and callback may be NULL. out may be NULL when there is a callback. Codes:
 * MIDSTREAM_INVALID_ARGUMENT as for midstream_session_run; MIDSTREAM_RESOURCE_EXHAUSTED when the
 * queue is full (queue.max_requests, queue.max_bytes); MIDSTREAM_UNAVAILABLE when the session drains,
 * MIDSTREAM_FAILED_PRECONDITION when it is closed or has no weights of the version. Then the callback is not called. */
MIDSTREAM_API midstream_code midstream_session_submit(
    midstream_session* session, const midstream_tensor* inputs, size_t n_inputs,
    const midstream_request_options* options, midstream_request_callback callback, void* user,
    midstream_request** out, midstream_error* error);

/* 1: the request is done; 0: it is not. */
MIDSTREAM_API int32_t midstream_request_ready(const midstream_request* request);

/* The result, after waiting for at most timeout_ns (UINT64_MAX: for as long as it takes). It may be
 * asked for more than once. Codes: MIDSTREAM_DEADLINE_EXCEEDED when the request is not done yet
 * (midstream_request_ready gives 0), or did not begin to execute within its own timeout;
 * MIDSTREAM_CANCELLED; those of the plugins. */
MIDSTREAM_API midstream_code midstream_request_wait(midstream_request* request, uint64_t timeout_ns,
                                                    midstream_result** out, midstream_error* error);

/* 1: the request had not begun to execute and never will; 0: it executes or is done. */
MIDSTREAM_API int32_t midstream_request_cancel(midstream_request* request);

/* The request itself goes on. */
MIDSTREAM_API void midstream_request_release(midstream_request* request);

/* Refuses new runs and requests from now on, and waits for those that there are, at most timeout_ns
 * (UINT64_MAX: for as long as it takes). Codes: MIDSTREAM_DEADLINE_EXCEEDED, and the session goes on
 * draining; MIDSTREAM_FAILED_PRECONDITION in a callback, or when the session is closed. */
MIDSTREAM_API midstream_code midstream_session_drain(midstream_session* session,
                                                     uint64_t timeout_ns, midstream_error* error);

/* Drains, then releases memory, program and weights; the handle stays. Codes:
 * MIDSTREAM_FAILED_PRECONDITION in a callback. */
MIDSTREAM_API midstream_code midstream_session_close(midstream_session* session,
                                                     midstream_error* error);

/* What the session has done and holds, as one JSON object (docs/requests.md), NUL terminated, into
 * buffer of capacity bytes. *size receives the bytes needed, with the NUL; buffer may be NULL when
 * capacity is 0. Codes: MIDSTREAM_RESOURCE_EXHAUSTED when capacity is smaller. */
MIDSTREAM_API midstream_code midstream_session_stats(const midstream_session* session, char* buffer,
                                                     size_t capacity, size_t* size,
                                                     midstream_error* error);

/* ---- Update: one thread at a time per handle ---- */

MIDSTREAM_API midstream_code midstream_update_begin(midstream_model* model, midstream_update** out,
                                                    midstream_error* error);

/* Adds one value. value->name is copied; its data is borrowed until the next commit, discard or
 * release of this update returns, and must not change until then. A value that does not fit the
 * model is reported by the commit. Codes: MIDSTREAM_INVALID_ARGUMENT for a tensor that is none:
 * byte_size and shape differ, or the dtype is unknown. */
MIDSTREAM_API midstream_code midstream_update_assign(midstream_update* update,
                                                     const midstream_tensor* value,
                                                     midstream_error* error);

/* Makes the new values current: runs that start from now on use them, runs under way keep theirs.
 * version receives the new version and may be NULL. Afterwards the update is empty, whatever the
 * code, and may be filled again. Codes: MIDSTREAM_INVALID_ARGUMENT with every problem (unknown
 * name, other dtype or shape), those of the plugins; on failure nothing has changed. */
MIDSTREAM_API midstream_code midstream_update_commit(midstream_update* update, uint64_t* version,
                                                     midstream_error* error);

/* Sets an option of the update, before its first value and again after a commit, if it is to
 * change: check = "subset" (weights that are not given keep their value; as at the start), "exact" or
 * "superset" (names that the model does not have are left alone); base = "VERSION": refuse the
 * update unless that version is current; finite = "true": refuse NaN and infinity; accept_float64 =
 * "true"; rename = "FROM=TO", a name, a prefix ("a*=b*") or a suffix ("*a=*b"), any number; digest =
 * SHA-256 that the values must have (docs/weights.md). Codes: MIDSTREAM_INVALID_ARGUMENT,
 * MIDSTREAM_FAILED_PRECONDITION after a value. */
MIDSTREAM_API midstream_code midstream_update_option(midstream_update* update, const char* key,
                                                     const char* value, midstream_error* error);

/* As assign, and hands value->data over: where nothing has to be converted or packed it is used
 * where it lies and must never change. When it is not needed any more, release(user) is called, once
 * and on any thread; release may be NULL. It must neither call the library nor wait for a thread that
 * may be in it. After a failure of this function itself it is not called. */
MIDSTREAM_API midstream_code midstream_update_adopt(midstream_update* update,
                                                    const midstream_tensor* value,
                                                    void (*release)(void* user), void* user,
                                                    midstream_error* error);

/* The same for a DLManagedTensor of DLPack (contiguous, in host memory), whose deleter takes the
 * place of release. */
MIDSTREAM_API midstream_code midstream_update_adopt_dlpack(midstream_update* update,
                                                           const char* name, void* managed,
                                                           midstream_error* error);

/* As assign, for rows row_begin to row_begin + rows->shape[0] of axis 0; the others keep their
 * value. */
MIDSTREAM_API midstream_code midstream_update_assign_rows(midstream_update* update,
                                                          const midstream_tensor* rows,
                                                          int64_t row_begin,
                                                          midstream_error* error);

/* Checks and packs what was assigned, so that the commit takes a few microseconds whatever the size
 * of the model. Codes: as midstream_update_commit; after a failure the update is empty. */
MIDSTREAM_API midstream_code midstream_update_stage(midstream_update* update,
                                                    midstream_error* error);

/* Commits updates of several models at one moment: midstream_models_pin gets all of the new versions
 * or none. versions receives n_updates of them and may be NULL. Codes: as midstream_update_commit of
 * any; on failure no model has changed. All updates are empty afterwards. */
MIDSTREAM_API midstream_code midstream_updates_commit(midstream_update* const* updates,
                                                      size_t n_updates, uint64_t* versions,
                                                      midstream_error* error);

/* Forgets what was assigned. */
MIDSTREAM_API midstream_code midstream_update_discard(midstream_update* update,
                                                      midstream_error* error);
MIDSTREAM_API void midstream_update_release(midstream_update* update);

/* ---- Source: it works until it is released ---- */

/* What became of one set of weights that a source brought; valid during the callback. */
typedef struct midstream_source_event {
  const char* source;  /* the file, the prefix of the checkpoint, or what the sender called it */
  const char* message; /* why it was refused; empty when code is MIDSTREAM_OK */
  uint64_t version;    /* that it is now; 0 when it was refused: then nothing has changed */
  uint64_t tensors;
  uint64_t superseded; /* sources passed over since the last event, as a newer one was there */
  double read_ms;      /* opening and reading */
  double update_ms;    /* checking, staging and committing */
  midstream_code code;
} midstream_source_event;

/* Called on a thread of the source, one event at a time; until it returns, the source applies
 * nothing. It may call the library, also to release the source. */
typedef void (*midstream_source_callback)(void* user, const midstream_source_event* event);

/* Follows a trainer that saves into a folder: the newest .safetensors or .npz file, or the checkpoint
 * that TensorFlow's `checkpoint` file names, becomes the current version as soon as it is complete and
 * was left alone for settle_ms (less than 0: as the configuration says). callback may be NULL. Codes:
 * MIDSTREAM_NOT_FOUND, MIDSTREAM_INVALID_ARGUMENT when it is no folder,
 * MIDSTREAM_RESOURCE_EXHAUSTED when the system has no more watches. */
MIDSTREAM_API midstream_code midstream_model_watch(midstream_model* model, const char* folder,
                                                   int64_t settle_ms,
                                                   midstream_source_callback callback, void* user,
                                                   midstream_source** out, midstream_error* error);

/* Takes weights that other processes send over a Unix socket, as `midstream push` does. The socket file
 * is made for the owner alone and removed at the end. callback may be NULL. Codes:
 * MIDSTREAM_ALREADY_EXISTS when somebody listens there or what is there is no socket,
 * MIDSTREAM_NOT_FOUND, MIDSTREAM_PERMISSION_DENIED, MIDSTREAM_INVALID_ARGUMENT for a path that is too
 * long for a socket. */
MIDSTREAM_API midstream_code midstream_model_listen(midstream_model* model, const char* socket,
                                                    midstream_source_callback callback, void* user,
                                                    midstream_source** out, midstream_error* error);

/* Stops the source: when this returns, nothing is applied and no callback runs any more, unless it is
 * called in the callback. */
MIDSTREAM_API void midstream_source_release(midstream_source* source);

#ifdef __cplusplus
}
#endif

#endif /* MIDSTREAM_MIDSTREAM_H_ */
