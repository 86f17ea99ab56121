// What the parts of an OpenPI model are built from: linear layers, norms, attention and positions, as
// nodes over canonical weights (weights.h).
//
// Computation is in float32, or as the precision policy asks; matrices are read in the dtype that they
// are stored in, and scales and biases are converted to float32 by a recipe.
// Threads: one builder is used by one thread.
#ifndef MIDSTREAM_CORE_MODELS_OPENPI_LAYERS_H_
#define MIDSTREAM_CORE_MODELS_OPENPI_LAYERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/formats/model_source.h"
#include "core/graph/graph.h"
#include "core/models/openpi/sizes.h"

namespace midstream::openpi {

constexpr double kNormEpsilon = 1e-6;  // of every norm

class Layers {
 public:
  // Both must outlive this.
  Layers(const std::vector<formats::WeightInfo>& weights, Graph* graph);

  Graph& graph() { return graph_; }
  // A weight as it is stored, and as float32. Requires: the model has it.
  ValueId Weight(const std::string& name);
  ValueId FloatWeight(const std::string& name);
  ValueId Ints(std::vector<int64_t> values);
  ValueId Int(int64_t value);  // a scalar
  ValueId Floats(const std::vector<float>& values, const Shape& shape);
  ValueId Float(float value) { return Floats({value}, {}); }

  ValueId Add(std::string op, std::string name, std::vector<ValueId> inputs,
              Attributes attrs = {}) {
    return graph_.Add(std::move(op), std::move(name), std::move(inputs), std::move(attrs));
  }
  ValueId Reshape(const std::string& name, ValueId x, std::vector<int64_t> shape);
  ValueId Concat(const std::string& name, std::vector<ValueId> parts, int64_t axis);
  // Rows [begin, end) of `axis`.
  ValueId Slice(const std::string& name, ValueId x, int64_t axis, int64_t begin, int64_t end);
  // The size of an axis, as a scalar that the shapes determine.
  ValueId SizeOf(const std::string& name, ValueId x, int64_t axis);
  ValueId Range(const std::string& name, ValueId begin, ValueId end);

  // x W; `matrix` is the name of W.
  ValueId MatMul(const std::string& name, ValueId x, const std::string& matrix,
                 const std::string& activation = "");
  // x W + b of a layer that has a kernel and a bias.
  ValueId Dense(const std::string& name, ValueId x, const std::string& layer,
                const std::string& activation = "");
  ValueId LayerNorm(const std::string& name, ValueId x, const std::string& layer);
  // x / rms(x) * (1 + scale), as Gemma's checkpoints mean it.
  ValueId RmsNorm(const std::string& name, ValueId x, const std::string& layer);
  ValueId Silu(const std::string& name, ValueId x);

  // The cosines and sines [1, n, head_dim / 2] of the angles of rotary positions; `positions` is
  // int64[1, n, 1].
  struct Rotation {
    ValueId cos = kNoValue;
    ValueId sin = kNoValue;
  };
  Rotation Rotate(const std::string& name, ValueId positions, int64_t head_dim);
  ValueId Rotary(const std::string& name, ValueId x, const Rotation& rotation, int64_t heads);
  // softmax(Q K^T / sqrt(head_dim)) V, heads in the last axis; mask: kNoValue, or bool that broadcasts
  // to [1, heads, queries, keys].
  ValueId Attention(const std::string& name, ValueId q, ValueId k, ValueId v, ValueId mask,
                    int64_t heads, int64_t kv_heads);

 private:
  const std::map<std::string, const formats::WeightInfo*> weights_;
  Graph& graph_;
  std::map<std::string, ValueId> added_;   // weights by name
  std::map<std::string, ValueId> floats_;  // their conversions
};

}  // namespace midstream::openpi

#endif  // MIDSTREAM_CORE_MODELS_OPENPI_LAYERS_H_
