// Operator forms: each operator alone in a few plain graphs, to ask devices whether they take it.
//
// A form gives every input a dtype and a shape of ones; the dtype of the data is left open, so that
// the same form asks for float32, int8 and so on.
#ifndef MIDSTREAM_CORE_PLAN_OPERATOR_FORMS_H_
#define MIDSTREAM_CORE_PLAN_OPERATOR_FORMS_H_

#include <vector>

#include "core/graph/graph.h"
#include "core/graph/op_schema.h"

namespace midstream::plan {

// What reaches a backend, in the order of tables: floats, signed, unsigned, bool.
const std::vector<DType>& DataDTypes();

// The graphs of one node in which the data of the operator has the dtype; empty where the schema
// refuses it.
std::vector<Graph> MakeForms(const OpSchema& schema, DType dtype);

}  // namespace midstream::plan

#endif  // MIDSTREAM_CORE_PLAN_OPERATOR_FORMS_H_
