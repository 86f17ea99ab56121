// Finds a model's weights in a checkpoint of TensorFlow 2 that was saved through other objects.
//
// Such a checkpoint names a variable by the path of attributes that leads to it, from the object that
// was saved: "layer/kernel/.ATTRIBUTES/VARIABLE_VALUE". A SavedModel and a `tf.train.Checkpoint` of
// the same model start at different objects, so one's paths are the ends of the other's; and a
// checkpoint of TensorFlow 1 has the names of the variables instead.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_OBJECT_KEYS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_OBJECT_KEYS_H_

#include <optional>

#include "core/formats/tensorflow/checkpoint.h"
#include "core/formats/tensorflow/variables.h"

namespace midstream::tensorflow {

// A plan whose keys `checkpoint` has for every weight that the outputs need. nullopt unless the
// first plan of `variables` has paths of attributes and exactly one such plan exists.
std::optional<RestorePlan> FindObjectPlan(const Checkpoint& checkpoint, const Variables& variables);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_OBJECT_KEYS_H_
