#include "core/policy/observation_file.h"

#include <zip.h>

#include <utility>

#include "core/formats/file.h"
#include "core/formats/npy/npz_archive.h"

namespace midstream::policy {
namespace {

constexpr std::string_view kPrompt = "prompt";

Status ReadEntry(zip_t* archive, const std::string& key, zip_uint64_t index, const zip_stat_t& info,
                 Observation* observation) {
  if (key == kPrompt) {
    MS_ASSIGN_OR_RETURN(observation->prompt, formats::ReadMemberText(archive, index, info));
    return OkStatus();
  }
  MS_ASSIGN_OR_RETURN(Tensor array, formats::ReadMember(archive, index, info));
  observation->arrays.emplace(key, std::move(array));
  return OkStatus();
}

}  // namespace

Result<Observation> ReadObservation(const std::string& path) {
  MS_ASSIGN_OR_RETURN(formats::Archive archive, formats::OpenArchiveForReading(path, path));
  Observation observation;
  MS_RETURN_IF_ERROR(formats::ForEachArray(
      archive.get(), path,
      [&](const std::string& key, zip_uint64_t index, const zip_stat_t& info) -> Status {
        if (observation.arrays.contains(key) || (key == kPrompt && observation.prompt)) {
          return DataLoss(path + " has two arrays named " + formats::Quoted(key));
        }
        const Status read = ReadEntry(archive.get(), key, index, info, &observation);
        return read.ok() ? read : formats::MemberError(read, path, key);
      }));
  return observation;
}

}  // namespace midstream::policy
