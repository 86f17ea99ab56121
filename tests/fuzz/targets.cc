#include "tests/fuzz/targets.h"

namespace midstream::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"bundle_index", FuzzBundleIndex},
    {"bundle_data", FuzzBundleData},
    {"v1_table", FuzzV1Table},
    {"v1_rows", FuzzV1Rows},
    {"meta_graph", FuzzMetaGraph},
    {"text_graph", FuzzTextGraph},
    {"saved_model", FuzzSavedModel},
    {"checkpoint_state", FuzzCheckpointState},
    {"config", FuzzConfig},
    {"npu_options", FuzzNpuOptions},
    {"npy", FuzzNpy},
    {"npz", FuzzNpz},
    {"orbax", FuzzOrbax},
    {"safetensors", FuzzSafetensors},
    {"norm_stats", FuzzNormStats},
    {"fast_tokenizer", FuzzFastTokenizer},
    {"push_message", FuzzPushMessage},
    {"package", FuzzPackage},
    {"package_manifest", FuzzPackageManifest},
    {"torch_package", FuzzTorchPackage},
    {"pickle", FuzzPickle},
};

}  // namespace

std::span<const Target> AllTargets() { return kTargets; }

}  // namespace midstream::fuzz
