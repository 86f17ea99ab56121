// Launches of kernels/rows.cl.
#ifndef MIDSTREAM_PLUGINS_OPENCL_OPS_ROWS_H_
#define MIDSTREAM_PLUGINS_OPENCL_OPS_ROWS_H_

#include "kernel.h"

namespace midstream::opencl {

// A work-item for each row, or a work-group where those share local memory.
void SetRows(Call* call, const Traits& traits, int64_t rows);

}  // namespace midstream::opencl

#endif  // MIDSTREAM_PLUGINS_OPENCL_OPS_ROWS_H_
