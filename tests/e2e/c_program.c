/* A program in C that uses the library as an application would: open, run, update, run again, and
 * every error path that C code can take. It says which line failed. Argument: the folder of the
 * digits. */
#include <midstream/midstream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                         \
  do {                                                                           \
    if (!(condition)) {                                                          \
      fprintf(stderr, "line %d: %s; %s\n", __LINE__, #condition, error.message); \
      exit(1);                                                                   \
    }                                                                            \
  } while (0)

enum { kImages = 2, kPixels = 784, kClasses = 10 };

static midstream_error error;
static char path[4096];

static const char* Checkpoint(const char* folder, int step) {
  snprintf(path, sizeof(path), "%s/mnist_deep_model.ckpt-%d", folder, step);
  return path;
}

static midstream_tensor Images(const float* pixels) {
  static const int64_t shape[] = {kImages, kPixels};
  const midstream_tensor tensor = {
      "Placeholder", shape, pixels, kImages * kPixels * sizeof(float), 2, MIDSTREAM_FLOAT32};
  return tensor;
}

static void Run(midstream_session* session, float* logits, uint64_t version) {
  static float pixels[kImages * kPixels];
  for (int i = 0; i < kImages * kPixels; ++i) pixels[i] = (float)(i % 17) / 16;
  const midstream_tensor input = Images(pixels);
  midstream_result* result = NULL;
  CHECK(midstream_session_run(session, &input, 1, &result, &error) == MIDSTREAM_OK);
  CHECK(midstream_result_count(result) == 1 && midstream_result_version(result) == version);
  midstream_tensor output;
  CHECK(midstream_result_tensor(result, 0, &output, &error) == MIDSTREAM_OK);
  CHECK(strcmp(output.name, "fc2/add") == 0 && output.dtype == MIDSTREAM_FLOAT32);
  CHECK(output.rank == 2 && output.shape[0] == kImages && output.shape[1] == kClasses);
  memcpy(logits, output.data, output.byte_size);
  CHECK(midstream_result_tensor(result, 1, &output, &error) == MIDSTREAM_OUT_OF_RANGE);
  midstream_result_release(result);
}

static void CountsACall(void* user, midstream_request* request) {
  if (midstream_request_ready(request)) ++*(int*)user;
}

/* Requests in flight, their answers, and what the session says about them. */
static void SubmitsRequests(midstream_session* session, const float* logits, uint64_t version) {
  enum { kRequests = 4 };
  static float pixels[kImages * kPixels];
  for (int i = 0; i < kImages * kPixels; ++i) pixels[i] = (float)(i % 17) / 16;
  const midstream_tensor input = Images(pixels);
  midstream_request_options options = {0};
  options.priority = 1;
  options.caller = 1;
  options.timeout_ns = UINT64_C(3600000000000);
  midstream_request* requests[kRequests];
  int calls[kRequests] = {0};
  for (int i = 0; i < kRequests; ++i) {
    CHECK(midstream_session_submit(session, &input, 1, &options, CountsACall, &calls[i],
                                   &requests[i], &error) == MIDSTREAM_OK);
  }
  for (int i = 0; i < kRequests; ++i) {
    midstream_result* result = NULL;
    CHECK(midstream_request_wait(requests[i], UINT64_MAX, &result, &error) == MIDSTREAM_OK);
    CHECK(midstream_request_ready(requests[i]) == 1 && midstream_request_cancel(requests[i]) == 0);
    CHECK(midstream_result_version(result) == version);
    midstream_tensor output;
    CHECK(midstream_result_tensor(result, 0, &output, &error) == MIDSTREAM_OK);
    CHECK(memcmp(output.data, logits, output.byte_size) == 0);
    midstream_result_release(result);
    midstream_request_release(requests[i]);
  }

  midstream_request* request = NULL;
  options.reserved = 1;
  CHECK(midstream_session_submit(session, &input, 1, &options, NULL, NULL, &request, &error) ==
        MIDSTREAM_INVALID_ARGUMENT);
  CHECK(midstream_session_submit(session, &input, 1, NULL, NULL, NULL, NULL, &error) ==
        MIDSTREAM_INVALID_ARGUMENT);
  CHECK(midstream_session_submit(session, NULL, 0, NULL, NULL, NULL, &request, &error) ==
            MIDSTREAM_INVALID_ARGUMENT &&
        request == NULL);

  size_t size = 0;
  CHECK(midstream_session_stats(session, NULL, 0, &size, &error) == MIDSTREAM_RESOURCE_EXHAUSTED);
  char* text = malloc(size + 100);
  CHECK(midstream_session_stats(session, text, size + 100, &size, &error) == MIDSTREAM_OK);
  CHECK(strlen(text) + 1 == size && strstr(text, "\"refused\":0") != NULL);
  free(text);

  CHECK(midstream_session_drain(session, UINT64_MAX, &error) == MIDSTREAM_OK);
  for (int i = 0; i < kRequests; ++i) CHECK(calls[i] == 1);
  CHECK(midstream_session_submit(session, &input, 1, NULL, NULL, NULL, &request, &error) ==
        MIDSTREAM_UNAVAILABLE);
  CHECK(midstream_session_close(session, &error) == MIDSTREAM_OK);
  CHECK(midstream_session_submit(session, &input, 1, NULL, NULL, NULL, &request, &error) ==
        MIDSTREAM_FAILED_PRECONDITION);
}

static void RefusesABadUpdate(midstream_model* model) {
  const float one = 1;
  const midstream_tensor unknown = {"no/such/weight", NULL, &one,
                                    sizeof(one),      0,    MIDSTREAM_FLOAT32};
  midstream_tensor lying = unknown;
  lying.byte_size = 8;
  midstream_update* update = NULL;
  CHECK(midstream_update_begin(model, &update, &error) == MIDSTREAM_OK);
  CHECK(midstream_update_assign(update, &lying, &error) == MIDSTREAM_INVALID_ARGUMENT);
  CHECK(midstream_update_assign(update, &unknown, &error) == MIDSTREAM_OK);
  CHECK(midstream_update_discard(update, &error) == MIDSTREAM_OK);
  CHECK(midstream_update_assign(update, &unknown, &error) == MIDSTREAM_OK);
  uint64_t version = 0;
  CHECK(midstream_update_commit(update, &version, &error) == MIDSTREAM_INVALID_ARGUMENT);
  CHECK(version == 0 && strstr(error.message, "no/such/weight") != NULL);
  CHECK(midstream_model_version(model) == 1);
  midstream_update_release(update);
}

/* Sets one bias, by its name with the port. */
static void UpdatesABias(midstream_model* model) {
  static const float bias[kClasses] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  static const int64_t shape[] = {kClasses};
  const midstream_tensor value = {"fc2/Variable_1:0", shape, bias,
                                  sizeof(bias),       1,     MIDSTREAM_FLOAT32};
  midstream_update* update = NULL;
  uint64_t version = 0;
  CHECK(midstream_update_begin(model, &update, &error) == MIDSTREAM_OK);
  CHECK(midstream_update_assign(update, &value, &error) == MIDSTREAM_OK);
  CHECK(midstream_update_commit(update, &version, NULL) == MIDSTREAM_OK && version == 2);
  midstream_update_release(update);
}

static void RefusesBadCalls(midstream_engine* engine, midstream_session* session) {
  midstream_model* model = NULL;
  CHECK(midstream_model_load(engine, "/nowhere/x.ckpt-1", NULL, &model, &error) ==
        MIDSTREAM_NOT_FOUND);
  CHECK(model == NULL && strstr(error.message, "/nowhere/x.ckpt-1") != NULL);
  CHECK(midstream_model_load(engine, NULL, NULL, &model, NULL) == MIDSTREAM_INVALID_ARGUMENT);
  midstream_result* result = NULL;
  CHECK(midstream_session_run(session, NULL, 0, &result, &error) == MIDSTREAM_INVALID_ARGUMENT);
  CHECK(result == NULL && strstr(error.message, "Placeholder") != NULL);
  midstream_engine* second = NULL;
  const char* bad[] = {"no_such_key=1"};
  CHECK(midstream_engine_open(NULL, bad, 1, &second, &error) == MIDSTREAM_INVALID_ARGUMENT &&
        second == NULL);
  midstream_engine_release(NULL);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const char* overrides[] = {"execution.threads=1"};
  midstream_engine* engine = NULL;
  CHECK(midstream_engine_open(NULL, overrides, 1, &engine, &error) == MIDSTREAM_OK);
  midstream_model* model = NULL;
  CHECK(midstream_model_load(engine, Checkpoint(argv[1], 0), NULL, &model, &error) == MIDSTREAM_OK);
  CHECK(midstream_model_weight_count(model) == 8);
  midstream_spec spec;
  CHECK(midstream_model_weight(model, 0, &spec, &error) == MIDSTREAM_OK);
  CHECK(strcmp(spec.name, "conv1/Variable") == 0 && spec.rank == 4 && spec.shape[3] == 8);

  const char* inputs[] = {"Placeholder:0"};
  const char* outputs[] = {"fc2/add"};
  midstream_session* session = NULL;
  CHECK(midstream_session_create(model, inputs, 1, outputs, 1, &session, &error) == MIDSTREAM_OK);
  CHECK(midstream_session_input_count(session) == 1 &&
        midstream_session_output_count(session) == 1);
  CHECK(midstream_session_input(session, 0, &spec, &error) == MIDSTREAM_OK);
  CHECK(spec.rank == 2 && spec.shape[0] == -1 && spec.shape[1] == kPixels &&
        spec.dtype == MIDSTREAM_FLOAT32);

  float before[kImages * kClasses];
  float after[kImages * kClasses];
  Run(session, before, 1);
  RefusesABadUpdate(model);
  RefusesBadCalls(engine, session);
  Run(session, after, 1);
  CHECK(memcmp(before, after, sizeof(before)) == 0);

  UpdatesABias(model);
  Run(session, after, 2);
  CHECK(memcmp(before, after, sizeof(before)) != 0);

  uint64_t version = 0;
  CHECK(midstream_model_update_from(model, Checkpoint(argv[1], 4000), &version, &error) ==
        MIDSTREAM_OK);
  CHECK(version == 3 && midstream_model_version(model) == 3);

  /* The order of releases is free: what is still used lives on. */
  midstream_engine_release(engine);
  midstream_model_release(model);
  Run(session, after, 3);
  SubmitsRequests(session, after, 3);
  midstream_session_release(session);
  printf("library %s: version %d gives %g for the first class\n", midstream_version(), (int)version,
         after[0]);
  return 0;
}
