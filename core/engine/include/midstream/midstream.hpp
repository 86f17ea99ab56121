// Midstream's C++ API in one include: core/engine/engine.h, what a model holds, numpy's arrays, and
// the log.
#ifndef MIDSTREAM_MIDSTREAM_HPP_
#define MIDSTREAM_MIDSTREAM_HPP_

#include "core/base/log.h"
#include "core/engine/engine.h"
#include "core/formats/model_source.h"
#include "core/formats/npy/npy.h"

#endif  // MIDSTREAM_MIDSTREAM_HPP_
