// The groups of the schema table, one function per file of this directory. Internal to
// core/graph/op_schema.cc, which sorts and joins them.
#ifndef MIDSTREAM_CORE_GRAPH_OPS_SCHEMAS_H_
#define MIDSTREAM_CORE_GRAPH_OPS_SCHEMAS_H_

#include <vector>

#include "core/graph/op_schema.h"

namespace midstream::infer {

void AddElementwiseSchemas(std::vector<OpSchema>* table);
void AddMatMulSchemas(std::vector<OpSchema>* table);
void AddConvPoolSchemas(std::vector<OpSchema>* table);
void AddNormalizationSchemas(std::vector<OpSchema>* table);
void AddAttentionSchemas(std::vector<OpSchema>* table);
void AddReduceSchemas(std::vector<OpSchema>* table);
void AddShapeSchemas(std::vector<OpSchema>* table);
void AddDataMovementSchemas(std::vector<OpSchema>* table);
void AddGeneratorSchemas(std::vector<OpSchema>* table);
void AddRandomSchemas(std::vector<OpSchema>* table);
void AddIndexingSchemas(std::vector<OpSchema>* table);
void AddPythonSchemas(std::vector<OpSchema>* table);

}  // namespace midstream::infer

#endif  // MIDSTREAM_CORE_GRAPH_OPS_SCHEMAS_H_
