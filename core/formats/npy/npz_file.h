// NpzFile: a `.npz` archive as a TensorFile, whose arrays are read when they are asked for.
#ifndef MIDSTREAM_CORE_FORMATS_NPY_NPZ_FILE_H_
#define MIDSTREAM_CORE_FORMATS_NPY_NPZ_FILE_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/formats/file_stamp.h"
#include "core/formats/npy/npz_archive.h"
#include "core/formats/tensor_file.h"

namespace midstream::formats {

class NpzFile : public TensorFile {
 public:
  // Messages call the file `name`. Errors: as ReadNpz, naming the member.
  static Result<std::unique_ptr<TensorFile>> Open(const std::string& path, const std::string& name);

  const std::string& path() const override { return stamp_.path(); }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  Result<Tensor> Read(size_t index) const override;

 private:
  NpzFile(FileStamp stamp, Archive archive)
      : stamp_(std::move(stamp)), archive_(std::move(archive)) {}

  Status List();

  struct Member {
    zip_uint64_t index = 0;
    zip_stat_t info;
  };

  FileStamp stamp_;
  mutable std::mutex mutex_;  // guards archive_
  Archive archive_;
  std::vector<Member> members_;
  std::vector<TensorInfo> tensors_;  // parallel to members_
};

}  // namespace midstream::formats

#endif  // MIDSTREAM_CORE_FORMATS_NPY_NPZ_FILE_H_
