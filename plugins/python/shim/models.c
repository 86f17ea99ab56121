/* The models that this interpreter has loaded, and the versions of their weights that it keeps.
 *
 * What a model is, is written in Python (py/model.py); here is what a request needs quickly: the callable, the names of inputs,
 * how to make an array. Models are found by the address of their mp_model and its id, for the host uses memory again.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/python/shim/shim.h"

static shim_model* g_models; /* the one used last comes first */
static uint64_t g_uses;

/* ---- Loading ---- */

static int ReadInputs(shim_model* model) {
  PyObject* specs =
      PyObject_GetAttrString(model->object, "inputs"); /* of (name, make or None, dtype) */
  if (specs == NULL) return -1;
  const Py_ssize_t n = PyTuple_Size(specs);
  for (Py_ssize_t i = 0; i < n && i < (Py_ssize_t)MP_MAX_TENSORS; ++i) {
    PyObject* spec = PyTuple_GetItem(specs, i);
    shim_input* input = &model->inputs[i];
    input->name = PyTuple_GetItem(spec, 0);
    input->make = PyTuple_GetItem(spec, 1);
    input->dtype = PyTuple_GetItem(spec, 2);
    Py_INCREF(input->name);
    Py_INCREF(input->dtype);
    if (input->make == Py_None) {
      input->make = NULL;
    } else {
      Py_INCREF(input->make);
    }
    ++model->n_inputs;
  }
  Py_DECREF(specs);
  return 0;
}

static int ReadOutputs(shim_model* model) {
  PyObject* names = PyObject_GetAttrString(model->object, "output_names");
  if (names == NULL) return -1;
  const Py_ssize_t n = PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < n && i < (Py_ssize_t)MP_MAX_TENSORS; ++i) {
    model->outputs[i] = PyTuple_GetItem(names, i);
    Py_INCREF(model->outputs[i]);
    ++model->n_outputs;
  }
  Py_DECREF(names);
  return 0;
}

static void FreeModel(shim_model* model) {
  for (uint32_t i = 0; i < model->n_inputs; ++i) {
    Py_XDECREF(model->inputs[i].name);
    Py_XDECREF(model->inputs[i].make);
    Py_XDECREF(model->inputs[i].dtype);
    Py_XDECREF(model->inputs[i].shape);
  }
  for (uint32_t i = 0; i < model->n_outputs; ++i) Py_XDECREF(model->outputs[i]);
  Py_XDECREF(model->call);
  Py_XDECREF(model->weights);
  Py_XDECREF(model->object);
  free(model);
}

static shim_model* LoadModel(mp_model* source, uint64_t at) {
  shim_model* model = calloc(1, sizeof *model);
  if (model == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  model->at = at;
  model->id = source->id;
  PyObject* blob = ShimHoldModel(source);
  if (blob != NULL) {
    model->object = PyObject_CallMethod(g_shim.runtime, "load", "OK", blob,
                                        (unsigned long long)source->header_bytes);
    Py_DECREF(blob);
  }
  if (model->object == NULL || ReadInputs(model) != 0 || ReadOutputs(model) != 0) {
    FreeModel(model);
    return NULL;
  }
  model->next = g_models;
  g_models = model;
  return model;
}

shim_model* ShimFindModel(uint64_t at) {
  mp_model* source = ShimAt(at);
  for (shim_model** link = &g_models; *link != NULL; link = &(*link)->next) {
    shim_model* model = *link;
    if (model->at != at || model->id != source->id) continue;
    *link = model->next;
    model->next = g_models;
    g_models = model;
    return model;
  }
  return LoadModel(source, at);
}

/* ---- Versions ---- */

static void ForgetVersion(shim_model* model, shim_version* entry) {
  if (entry->version == NULL) return;
  if (model->current == entry) {
    model->stale = entry->values;
    model->current = NULL;
    Py_CLEAR(model->call);
    Py_CLEAR(model->weights);
  }
  PyObject* result = PyObject_CallMethod(model->object, "forget", "(O)", entry->version);
  if (result == NULL) PyErr_Clear();
  Py_XDECREF(result);
  PyObject* version = entry->version;
  uint32_t* hold = entry->hold;
  memset(entry, 0, sizeof *entry);
  Py_DECREF(version);
  if (hold != NULL) ShimDropHold(hold);
}

/* A tuple of (dtype, memory) of all values of a set. */
static PyObject* HoldValues(const mp_set* set) {
  PyObject* values = PyTuple_New(set->n_values);
  const uint64_t* offsets = ShimAt(set->values);
  for (uint32_t i = 0; values != NULL && i < set->n_values; ++i) {
    mp_value* value = ShimAt(offsets[i]);
    PyObject* memory = ShimHoldValue(value);
    PyObject* pair =
        memory == NULL ? NULL : Py_BuildValue("sN", ShimDtypeName(&value->tensor), memory);
    if (pair == NULL || PyTuple_SetItem(values, i, pair) != 0) Py_CLEAR(values);
  }
  return values;
}

/* Keeps the set at `at`, in place of the version that was not used for the longest time. */
static shim_version* KeepVersion(shim_model* model, uint64_t at) {
  mp_set* set = at == 0 ? NULL : ShimAt(at);
  shim_version* entry = &model->versions[0];
  for (int i = 1; i < SHIM_VERSIONS; ++i) {
    shim_version* other = &model->versions[i];
    if (entry->version != NULL && (other->version == NULL || other->used < entry->used))
      entry = other;
  }
  ForgetVersion(model, entry);
  PyObject* values = set == NULL ? PyTuple_New(0) : HoldValues(set);
  if (values == NULL) return NULL;
  entry->values = PyTuple_Size(values);
  entry->version = PyObject_CallMethod(model->object, "version", "KO",
                                       (unsigned long long)(set == NULL ? 0 : set->id), values);
  Py_DECREF(values);
  if (entry->version == NULL) return NULL;
  entry->at = at;
  if (set != NULL) {
    entry->id = set->id;
    entry->hold = &set->holds[g_shim.worker];
    __atomic_add_fetch(entry->hold, 1, __ATOMIC_SEQ_CST);
  }
  return entry;
}

static shim_version* FindVersion(shim_model* model, uint64_t at) {
  const uint64_t id = at == 0 ? 0 : ((mp_set*)ShimAt(at))->id;
  for (int i = 0; i < SHIM_VERSIONS; ++i) {
    shim_version* entry = &model->versions[i];
    if (entry->version != NULL && entry->at == at && entry->id == id) return entry;
  }
  return KeepVersion(model, at);
}

int ShimUseVersion(shim_model* model, uint64_t set_at) {
  shim_version* entry = model->current;
  if (entry == NULL || entry->at != set_at ||
      (set_at != 0 && entry->id != ((mp_set*)ShimAt(set_at))->id)) {
    /* Until the model has accepted the version it answers for none. */
    model->current = NULL;
    Py_CLEAR(model->call);
    Py_CLEAR(model->weights);
    entry = FindVersion(model, set_at);
    if (entry == NULL) return -1;
    PyObject* pair = PyObject_CallMethod(model->object, "use", "(O)",
                                         entry->version); /* (call, weights or None) */
    if (pair == NULL) return -1;
    PyObject* weights = PyTuple_GetItem(pair, 1);
    model->call = PyTuple_GetItem(pair, 0);
    Py_INCREF(model->call);
    if (weights != Py_None) {
      model->weights = weights;
      Py_INCREF(weights);
    }
    Py_DECREF(pair);
    model->current = entry;
    model->stale = 0;
  }
  entry->used = ++g_uses;
  return 0;
}

/* ---- Retiring ---- */

static int IsRetired(const uint32_t* state) {
  return __atomic_load_n(state, __ATOMIC_SEQ_CST) == MP_RETIRED;
}

static void CloseModel(shim_model* model) {
  for (int i = 0; i < SHIM_VERSIONS; ++i) ForgetVersion(model, &model->versions[i]);
  PyObject* result = PyObject_CallMethod(model->object, "close", NULL);
  if (result == NULL) PyErr_Clear();
  Py_XDECREF(result);
  FreeModel(model);
}

int ShimDropRetired(void) {
  long expected = 0;
  for (shim_model** link = &g_models; *link != NULL;) {
    shim_model* model = *link;
    if (IsRetired(&((mp_model*)ShimAt(model->at))->state)) {
      *link = model->next;
      CloseModel(model);
      continue;
    }
    expected += 1 + model->stale;
    for (int i = 0; i < SHIM_VERSIONS; ++i) {
      shim_version* entry = &model->versions[i];
      if (entry->hold != NULL && IsRetired(&((mp_set*)ShimAt(entry->at))->state))
        ForgetVersion(model, entry);
      expected += entry->values;
    }
    link = &model->next;
  }
  return ShimHeldObjects() > expected;
}
