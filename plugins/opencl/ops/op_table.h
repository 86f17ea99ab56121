// The groups of operators, one for each file of this folder.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_OP_TABLE_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_OP_TABLE_H_

#include "kernel.h"

namespace midstream::opencl {

void AddAttentionOps(OpList* list);
void AddBinaryOps(OpList* list);
void AddConvOps(OpList* list);
void AddIndexingOps(OpList* list);
void AddMatMulOps(OpList* list);
void AddMovementOps(OpList* list);
void AddNormalizationOps(OpList* list);
void AddPoolOps(OpList* list);
void AddRandomOps(OpList* list);
void AddReduceOps(OpList* list);
void AddRowOps(OpList* list);
void AddRunningOps(OpList* list);
void AddUnaryOps(OpList* list);
void AddViewOps(OpList* list);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_OP_TABLE_H_
