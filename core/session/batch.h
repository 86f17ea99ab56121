// Batches: rows of several requests behind each other, and back.
//
// Threads: none of its own.
#ifndef MIDSTREAM_CORE_SESSION_BATCH_H_
#define MIDSTREAM_CORE_SESSION_BATCH_H_

#include <memory>
#include <span>
#include <vector>

#include "core/graph/graph.h"
#include "core/session/request.h"

namespace midstream::session {

// Whether every input and output of the graph has a first dimension of any size, and no node forbids to
// join requests along it.
bool HasFreeRows(const Graph& graph);

// What requests must have in common to share a batch: dtypes are the program's, shapes beside axis
// 0 are the same, and so is the version that they pinned. Empty when the inputs do not agree in
// their number of rows, or have none.
std::vector<int64_t> BatchKey(std::span<const Tensor> inputs, const weights::Version* pinned);

// A tensor in the memory of *buffer, which is grown where it is too small. Errors:
// RESOURCE_EXHAUSTED.
Result<Tensor> TensorIn(Tensor* buffer, DType dtype, Shape shape);

// Input `index` of all requests, in the memory of *buffer. Errors: RESOURCE_EXHAUSTED.
Result<Tensor> GatherRows(std::span<const std::shared_ptr<Request>> requests, size_t index,
                          int64_t rows, Tensor* buffer);

// Gives each request its rows of `all` as output `index`. Errors: RESOURCE_EXHAUSTED.
Status ScatterRows(const Tensor& all, size_t index,
                   std::span<const std::shared_ptr<Request>> requests);

// `tensor` if it has this dtype and shape and nobody else sees its bytes, else a fresh one. Errors:
// RESOURCE_EXHAUSTED.
Status MakeWritable(DType dtype, const Shape& shape, Tensor* tensor);

}  // namespace midstream::session

#endif  // MIDSTREAM_CORE_SESSION_BATCH_H_
