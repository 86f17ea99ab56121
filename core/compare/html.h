// The report as one HTML page: everything in it, nothing fetched, no script.
#ifndef MIDSTREAM_CORE_COMPARE_HTML_H_
#define MIDSTREAM_CORE_COMPARE_HTML_H_

#include <string>

#include "core/compare/report.h"

namespace midstream::compare {

std::string ToHtml(const Report& report);

}  // namespace midstream::compare

#endif  // MIDSTREAM_CORE_COMPARE_HTML_H_
