#include "core/formats/safetensors/header_events.h"

#include "core/formats/file.h"

namespace midstream::safetensors {
namespace {

using formats::Quoted;

constexpr const char* kMetadata = "__metadata__";
// More than numpy, PyTorch or the engine can hold.
constexpr size_t kMostDimensions = 64;

}  // namespace

bool HeaderEvents::Fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

std::string HeaderEvents::Where() const {
  if (at_ == At::kMetadata || (at_ == At::kTop && key_ == kMetadata)) return kMetadata;
  if (at_ == At::kTop) return "tensor " + Quoted(key_);
  if (at_ == At::kStart || at_ == At::kEnd) return "the header";
  return "tensor " + Quoted(entries_.back().name);
}

bool HeaderEvents::Unexpected(const std::string& what) {
  return Fail(Where() + " has " + Quoted(what) + " where none belongs");
}

bool HeaderEvents::number_unsigned(uint64_t number) {
  if (!in_array_) return Unexpected(std::to_string(number));
  if (at_ == At::kOffsets) {
    if (offsets_.size() == 2) return Fail(Where() + " has more than two data_offsets");
    offsets_.push_back(number);
    return true;
  }
  std::vector<int64_t>& shape = entries_.back().shape;
  if (shape.size() == kMostDimensions) {
    return Fail(Where() + " has more than " + std::to_string(kMostDimensions) + " dimensions");
  }
  if (number > INT64_MAX) return Fail(Where() + " has the dimension " + std::to_string(number));
  shape.push_back(static_cast<int64_t>(number));
  return true;
}

bool HeaderEvents::string(std::string& text) {
  if (at_ == At::kMetadata) {
    if (metadata_.emplace(key_, std::move(text)).second) return true;
    return Fail("__metadata__ has " + Quoted(key_) + " twice");
  }
  if (at_ != At::kDType) return Unexpected("a text");
  entries_.back().dtype = std::move(text);
  at_ = At::kTensor;
  return true;
}

bool HeaderEvents::start_object(size_t) {
  if (at_ == At::kStart) {
    at_ = At::kTop;
    return true;
  }
  if (at_ != At::kTop) return Unexpected("an object");
  if (key_ == kMetadata) {
    if (std::exchange(has_metadata_, true)) return Fail("__metadata__ is there twice");
    at_ = At::kMetadata;
    return true;
  }
  if (!names_.insert(key_).second) return Fail("tensor " + Quoted(key_) + " is there twice");
  entries_.emplace_back();
  entries_.back().name = key_;
  has_dtype_ = has_shape_ = has_offsets_ = false;
  offsets_.clear();
  at_ = At::kTensor;
  return true;
}

bool HeaderEvents::key(std::string& name) {
  if (at_ == At::kTensor) return FieldKey(name);
  key_ = std::move(name);
  return true;
}

bool HeaderEvents::FieldKey(const std::string& name) {
  bool* seen = nullptr;
  if (name == "dtype") {
    seen = &has_dtype_;
    at_ = At::kDType;
  } else if (name == "shape") {
    seen = &has_shape_;
    at_ = At::kShape;
  } else if (name == "data_offsets") {
    seen = &has_offsets_;
    at_ = At::kOffsets;
  } else {
    return Fail(Where() + " has the unknown field " + Quoted(name));
  }
  if (std::exchange(*seen, true))
    return Fail(Where() + " has the field " + Quoted(name) + " twice");
  return true;
}

bool HeaderEvents::start_array(size_t) {
  if (in_array_ || (at_ != At::kShape && at_ != At::kOffsets)) return Unexpected("a list");
  in_array_ = true;
  return true;
}

bool HeaderEvents::end_array() {
  in_array_ = false;
  at_ = At::kTensor;
  return true;
}

bool HeaderEvents::end_object() {
  if (at_ == At::kTensor) return EndTensor();
  at_ = at_ == At::kMetadata ? At::kTop : At::kEnd;
  return true;
}

bool HeaderEvents::EndTensor() {
  if (!has_dtype_ || !has_shape_ || offsets_.size() != 2) {
    return Fail(Where() + " needs a dtype, a shape and two data_offsets");
  }
  entries_.back().begin = offsets_[0];
  entries_.back().end = offsets_[1];
  at_ = At::kTop;
  return true;
}

bool HeaderEvents::parse_error(size_t position, const std::string&,
                               const nlohmann::json::exception&) {
  return Fail("no JSON at its byte " + std::to_string(position));
}

}  // namespace midstream::safetensors
