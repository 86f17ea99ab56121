#include "core/formats/safetensors/reader.h"

#include <algorithm>

namespace midstream::safetensors {

using formats::Quoted;

namespace {

Result<uint64_t> HeaderSize(const formats::File& file) {
  uint8_t bytes[kPreludeSize];
  if (file.size() < kPreludeSize) {
    return DataLoss("is no safetensors file: it has " + std::to_string(file.size()) + " bytes");
  }
  MS_RETURN_IF_ERROR(file.ReadAt(0, bytes, sizeof(bytes)));
  uint64_t size = 0;
  for (size_t i = 0; i < kPreludeSize; ++i) size |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  const uint64_t most = std::min(kLargestHeader, file.size() - kPreludeSize);
  if (size <= most) return size;
  return DataLoss("its header is said to have " + std::to_string(size) + " bytes; the file has " +
                  std::to_string(file.size()) + ", and " + std::to_string(kLargestHeader) +
                  " are allowed");
}

// A bool is 0 or 1; other values would behave as none in the engine.
Status CheckBools(const Tensor& tensor) {
  const auto values = tensor.as<uint8_t>();
  if (std::all_of(values.begin(), values.end(), [](uint8_t v) { return v <= 1; }))
    return OkStatus();
  return DataLoss("has a value that is neither true nor false");
}

}  // namespace

Result<std::unique_ptr<formats::TensorFile>> Reader::Open(const std::string& path,
                                                          const std::string& name) {
  MS_ASSIGN_OR_RETURN(formats::FileStamp stamp, formats::FileStamp::Take(path, name));
  MS_ASSIGN_OR_RETURN(formats::File file, formats::File::Open(path, name));
  auto size = HeaderSize(file);
  if (!size.ok()) return size.status().WithContext(name);
  std::string json(static_cast<size_t>(*size), '\0');
  MS_RETURN_IF_ERROR(file.ReadAt(kPreludeSize, json.data(), json.size()));
  std::unique_ptr<Reader> reader(new Reader(std::move(stamp), std::move(file)));
  reader->data_begin_ = kPreludeSize + *size;
  auto header = ParseHeader(json, reader->file_.size() - reader->data_begin_);
  if (!header.ok()) return header.status().WithContext(name);
  reader->header_ = *std::move(header);
  for (const Entry& entry : reader->header_.entries) {
    reader->tensors_.push_back({entry.name, entry.dtype, entry.shape});
  }
  return std::unique_ptr<formats::TensorFile>(std::move(reader));
}

Result<Tensor> Reader::Read(size_t index) const {
  return ReadPart(header_.entries[index], 0, header_.entries[index].shape);
}

Result<Tensor> Reader::ReadRows(size_t index, int64_t begin, int64_t count) const {
  const Entry& entry = header_.entries[index];
  MS_ASSIGN_OR_RETURN(Shape rows, formats::RowsShape(tensors_[index], begin, count));
  MS_ASSIGN_OR_RETURN(Shape before, formats::RowsShape(tensors_[index], 0, begin));
  MS_ASSIGN_OR_RETURN(const size_t offset, ByteSize(entry.dtype, before));
  return ReadPart(entry, offset, std::move(rows));
}

Result<Tensor> Reader::ReadPart(const Entry& entry, uint64_t offset, Shape shape) const {
  MS_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(entry.dtype, std::move(shape)));
  MS_RETURN_IF_ERROR(
      file_.ReadAt(data_begin_ + entry.begin + offset, tensor.mutable_data(), tensor.byte_size()));
  MS_RETURN_IF_ERROR(stamp_.CheckUnchanged());
  if (entry.dtype == DType::kBool) {
    Status bools = CheckBools(tensor);
    if (!bools.ok()) return bools.WithContext(path() + ": tensor " + Quoted(entry.name));
  }
  return tensor;
}

}  // namespace midstream::safetensors
