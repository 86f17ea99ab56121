// The files that the NPU's options name, translated.
// Threads: any. Errors: INVALID_ARGUMENT naming the line or member and what was expected.
#ifndef MIDSTREAM_CORE_CONFIG_NPU_SIDE_FILES_H_
#define MIDSTREAM_CORE_CONFIG_NPU_SIDE_FILES_H_

#include <string_view>

#include "core/base/status.h"
#include "core/config/npu/translation.h"

namespace midstream::config {

// modify_mixlist: {"black-list": {"to-add": [..], "to-remove": [..]}, "white-list": {..}}
Status TranslateMixlist(std::string_view text, Translation& out);
// op_precision_mode: [ByOpType] and [ByNodeName] with lines name=choice.
Status TranslateOpPrecision(std::string_view text, Translation& out);
// customize_dtypes: lines "node::InputDtype:float16,OutputDtype:float32" or "OpType::Type:...".
Status TranslateDtypes(std::string_view text, Translation& out);
// fusion_switch_file: {"Switch": {"GraphFusion": {"ALL": "off", ..}, "UBFusion": {..}}}
Status TranslateFusionSwitches(std::string_view text, Translation& out);

// A type of operator and the kernel to prefer for it. False, with a note, when it has no
// counterpart.
bool TranslateImplementation(std::string_view type, std::string_view impl, Translation& out);

}  // namespace midstream::config

#endif  // MIDSTREAM_CORE_CONFIG_NPU_SIDE_FILES_H_
