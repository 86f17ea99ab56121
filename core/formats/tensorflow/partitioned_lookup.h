// Recognises the lookup of rows in a partitioned table, as tf.nn.embedding_lookup writes it:
//   DynamicStitch(DynamicPartition(range(n), part), Gather(table_k, DynamicPartition(row, part)_k)...)
// Result i is row `row[i]` of table `part[i]`, whatever strategy (mod or div) made the two from ids.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_PARTITIONED_LOOKUP_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_PARTITIONED_LOOKUP_H_

#include <functional>
#include <set>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensorflow/tf_graph.h"

namespace midstream::tensorflow {

bool IsStitch(std::string_view op);

// Part of each row, row in its part, and the tables. `resolve` looks through what does nothing.
// Requires: IsStitch of the node's operator. Errors: UNIMPLEMENTED for any other use of it; those of
// resolve.
Result<std::vector<TensorRef>> FindPartitionedLookup(
    const TfGraph& graph, const std::set<TensorRef>& cut, uint32_t stitch,
    const std::function<Result<TensorRef>(TensorRef)>& resolve);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_PARTITIONED_LOOKUP_H_
