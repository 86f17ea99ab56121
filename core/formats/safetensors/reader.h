// Reads .safetensors files: eight bytes that give the length of the header, the header, the data.
#ifndef MIDSTREAM_CORE_FORMATS_SAFETENSORS_READER_H_
#define MIDSTREAM_CORE_FORMATS_SAFETENSORS_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "core/formats/file.h"
#include "core/formats/file_stamp.h"
#include "core/formats/safetensors/header.h"
#include "core/formats/tensor_file.h"

namespace midstream::safetensors {

class Reader : public formats::TensorFile {
 public:
  // Messages call the file `name`. Errors: NOT_FOUND; DATA_LOSS naming file and tensor; UNIMPLEMENTED for a dtype that the engine
  // does not have.
  static Result<std::unique_ptr<formats::TensorFile>> Open(const std::string& path,
                                                           const std::string& name);
  static Result<std::unique_ptr<formats::TensorFile>> Open(const std::string& path) {
    return Open(path, path);
  }

  const std::string& path() const override { return file_.path(); }
  const std::vector<formats::TensorInfo>& tensors() const override { return tensors_; }
  Result<Tensor> Read(size_t index) const override;
  Result<Tensor> ReadRows(size_t index, int64_t begin, int64_t count) const override;
  const Metadata& metadata() const { return header_.metadata; }

 private:
  // The elements that begin at `offset` bytes in the tensor.
  Result<Tensor> ReadPart(const Entry& entry, uint64_t offset, Shape shape) const;

  Reader(formats::FileStamp stamp, formats::File file)
      : stamp_(std::move(stamp)), file_(std::move(file)) {}

  formats::FileStamp stamp_;
  formats::File file_;
  Header header_;
  uint64_t data_begin_ = 0;
  std::vector<formats::TensorInfo> tensors_;  // parallel to header_.entries
};

}  // namespace midstream::safetensors

#endif  // MIDSTREAM_CORE_FORMATS_SAFETENSORS_READER_H_
