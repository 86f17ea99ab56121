#include "core/session/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace midstream::session {

bool HasFreeRows(const Graph& graph) {
  // A Python model says whether its rows are independent.
  const bool joinable =
      std::none_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& node) {
        return node.Is("PythonModel", kMidstreamDomain) && node.Int("batching", 0) == 0;
      });
  auto free = [&](ValueId id) {
    const Shape& shape = graph.value(id).shape;
    return shape.rank_known() && shape.rank() > 0 && shape[0] == kUnknownDim;
  };
  return joinable && !graph.inputs().empty() &&
         std::all_of(graph.inputs().begin(), graph.inputs().end(), free) &&
         std::all_of(graph.outputs().begin(), graph.outputs().end(), free);
}

std::vector<int64_t> BatchKey(std::span<const Tensor> inputs, const weights::Version* pinned) {
  std::vector<int64_t> key = {std::bit_cast<int64_t>(pinned)};
  for (const Tensor& input : inputs) {
    const std::vector<int64_t>& dims = input.shape().dims();
    if (dims.empty() || dims[0] == 0 || dims[0] != inputs[0].shape()[0]) return {};
    key.push_back(static_cast<int64_t>(dims.size()));
    key.insert(key.end(), dims.begin() + 1, dims.end());
  }
  return key;
}

Result<Tensor> TensorIn(Tensor* buffer, DType dtype, Shape shape) {
  MS_ASSIGN_OR_RETURN(const size_t bytes, ByteSize(dtype, shape));
  if (buffer->byte_size() < bytes) {
    *buffer = Tensor();  // first: both at once are not needed
    MS_ASSIGN_OR_RETURN(*buffer, Tensor::Allocate(DType::kU8, {static_cast<int64_t>(bytes)}));
  }
  return Tensor::Wrap(dtype, std::move(shape), buffer->data(), nullptr);
}

Result<Tensor> GatherRows(std::span<const std::shared_ptr<Request>> requests, size_t index,
                          int64_t rows, Tensor* buffer) {
  const Tensor& first = requests[0]->inputs[index];
  Shape shape = first.shape();
  shape.mutable_dims()[0] = rows;
  MS_ASSIGN_OR_RETURN(Tensor all, TensorIn(buffer, first.dtype(), std::move(shape)));
  auto* to = static_cast<std::byte*>(all.mutable_data());
  for (const auto& request : requests) {
    const Tensor& part = request->inputs[index];
    if (part.byte_size() == 0) continue;
    std::memcpy(to, part.data(), part.byte_size());
    to += part.byte_size();
  }
  return all;
}

Status ScatterRows(const Tensor& all, size_t index,
                   std::span<const std::shared_ptr<Request>> requests) {
  const auto* from = static_cast<const std::byte*>(all.data());
  for (const auto& request : requests) {
    Shape shape = all.shape();
    shape.mutable_dims()[0] = request->rows;
    Tensor& part = request->outputs[index];
    MS_RETURN_IF_ERROR(MakeWritable(all.dtype(), shape, &part));
    if (part.byte_size() == 0) continue;
    std::memcpy(part.mutable_data(), from, part.byte_size());
    from += part.byte_size();
  }
  return OkStatus();
}

Status MakeWritable(DType dtype, const Shape& shape, Tensor* tensor) {
  const bool fits = tensor->dtype() == dtype && tensor->shape() == shape;
  if (fits && tensor->sole_owner()) return OkStatus();
  MS_ASSIGN_OR_RETURN(*tensor, Tensor::Allocate(dtype, shape));
  return OkStatus();
}

}  // namespace midstream::session
