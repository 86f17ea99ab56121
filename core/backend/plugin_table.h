// What must hold of a plugin's descriptor before anything else of it is used.
//
// Both the loader and the probe check with these functions, so a plugin is refused for the same
// reason in the same words, in a child process first. Messages continue a sentence that begins with
// the file's name.
// Threads: one at a time for one plugin.
#ifndef MIDSTREAM_CORE_BACKEND_PLUGIN_TABLE_H_
#define MIDSTREAM_CORE_BACKEND_PLUGIN_TABLE_H_

#include <cstdint>
#include <string_view>

#include "core/base/status.h"
#include "midstream/backend.h"

namespace midstream::backend {

inline constexpr const char* kQuerySymbol = "midstream_backend_query";
using QueryFunction = const ms_plugin* (*)(uint16_t host_major, uint16_t host_minor);

// Asks the plugin for its descriptor and checks it: magic, version, sizes, every mandatory entry,
// texts, and that its name is note_name. Errors: FAILED_PRECONDITION when the plugin does not serve
// this host or has another ABI major, INTERNAL when it throws, INVALID_ARGUMENT otherwise.
Result<const ms_plugin*> QueryPlugin(QueryFunction query, std::string_view note_name);

// Calls startup. Errors: what the plugin says; INTERNAL when it throws.
Status StartPlugin(const ms_plugin* plugin, const ms_host* host);

}  // namespace midstream::backend

#endif  // MIDSTREAM_CORE_BACKEND_PLUGIN_TABLE_H_
