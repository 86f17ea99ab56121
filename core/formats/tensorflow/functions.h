// Puts the bodies of functions in place of the nodes that call them, so that the rest of the
// importer sees one flat graph, as TensorFlow's own runtime does.
//
// A call (PartitionedCall, StatefulPartitionedCall, or a node whose operator is a function) becomes
// an IdentityN over the results of the body, under the name of the call. If and Case become an
// IdentityN over `Choose` nodes, one for each result, with all branches in place:
//   Choose(selector, value for 0, value for 1, ...)   a selector outside takes the last value;
//                                                     false is 0, true is 1
// The nodes of a body are named "<call>/<node>", "<If>/then/<node>" and so on.
//
// What cannot be put in place stays as it is, with the reason; nobody needs to know unless an
// output asked for depends on it. Nested calls cannot blow up: depth and memory are bounded.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTIONS_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTIONS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "core/formats/tensorflow/protos.h"

namespace midstream::tensorflow {

inline constexpr std::string_view kChoose = "Choose";

struct InlinedCalls {
  std::deque<std::string> strings;           // behind the views of the nodes that were made
  std::map<uint32_t, std::string> problems;  // node -> why it could not be put in place
};

// Requires: the result outlives `meta`.
InlinedCalls InlineFunctions(MetaGraph* meta);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_FUNCTIONS_H_
