// Midstream's C++ API in one include; see core/engine/engine.h.
#ifndef MIDSTREAM_MIDSTREAM_HPP_
#define MIDSTREAM_MIDSTREAM_HPP_

#include "core/engine/engine.h"

#endif  // MIDSTREAM_MIDSTREAM_HPP_
