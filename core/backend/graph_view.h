// AbiGraph: a core Graph as plugins see it, through the accessors of ms_host.
//
// Threads: immutable once made. It borrows the Graph, which must outlive it and not change.
#ifndef MIDSTREAM_CORE_BACKEND_GRAPH_VIEW_H_
#define MIDSTREAM_CORE_BACKEND_GRAPH_VIEW_H_

#include <vector>

#include "core/graph/graph.h"
#include "midstream/backend.h"

namespace midstream::backend {

class AbiGraph {
 public:
  explicit AbiGraph(const Graph& graph);

  const ms_graph* handle() const { return reinterpret_cast<const ms_graph*>(this); }

  // The accessors of ms_host.
  static ms_code GraphInfo(const ms_graph* handle, ms_graph_info* out);
  static ms_code NodeInfo(const ms_graph* handle, uint32_t node, ms_node_info* out);
  static ms_code NodeAttr(const ms_graph* handle, uint32_t node, ms_str name, ms_attr* out);
  static ms_code ValueInfo(const ms_graph* handle, uint32_t value, ms_value_info* out);

 private:
  const Graph& graph_;
  std::vector<uint32_t> slot_of_;                             // per value: weight slot or MS_NONE
  std::vector<std::vector<ms_str>> strings_;                  // text of string-list attributes
  std::vector<std::pair<const void*, size_t>> string_lists_;  // attribute -> index in strings_
};

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_GRAPH_VIEW_H_
