#include "core/formats/tensorflow/wire.h"

#include <bit>
#include <cstddef>

namespace midstream::tensorflow {
namespace {

constexpr uint64_t kLargestField = (uint64_t{1} << 29) - 1;

// Little-endian, whatever the host.
bool TakeFixed(std::string_view* rest, size_t size, uint64_t* value) {
  if (rest->size() < size) return false;
  *value = 0;
  for (size_t i = 0; i < size; ++i) {
    *value |= static_cast<uint64_t>(static_cast<unsigned char>((*rest)[i])) << (8 * i);
  }
  rest->remove_prefix(size);
  return true;
}

bool TakeBytes(std::string_view* rest, std::string_view* value) {
  uint64_t size;
  if (!TakeVarint(rest, &size) || size > rest->size()) return false;
  *value = rest->substr(0, static_cast<size_t>(size));
  rest->remove_prefix(static_cast<size_t>(size));
  return true;
}

template <typename T>
bool TakeAllFixed(std::string_view rest, std::vector<T>* out) {
  if (rest.size() % sizeof(T) != 0) return false;
  out->reserve(out->size() + rest.size() / sizeof(T));
  uint64_t value;
  while (TakeFixed(&rest, sizeof(T), &value)) out->push_back(static_cast<T>(value));
  return true;
}

}  // namespace

bool TakeVarint(std::string_view* rest, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < 10 && i < rest->size(); ++i) {
    auto byte = static_cast<unsigned char>((*rest)[i]);
    if (i == 9 && byte > 1) return false;  // past 64 bits
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      rest->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

bool WireReader::Next() {
  if (malformed_ || rest_.empty()) return false;
  uint64_t tag;
  bool read = TakeVarint(&rest_, &tag) && tag >> 3 != 0 && tag >> 3 <= kLargestField;
  if (read) {
    field_ = static_cast<uint32_t>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    switch (type_) {
      case WireType::kVarint:
        read = TakeVarint(&rest_, &number_);
        break;
      case WireType::kFixed64:
        read = TakeFixed(&rest_, 8, &number_);
        break;
      case WireType::kBytes:
        read = TakeBytes(&rest_, &bytes_);
        break;
      case WireType::kFixed32:
        read = TakeFixed(&rest_, 4, &number_);
        break;
      default:
        read = false;
    }
  }
  malformed_ = !read;
  return read;
}

bool WireReader::Expect(WireType type) {
  if (type_ != type) malformed_ = true;
  return !malformed_;
}

uint64_t WireReader::number() { return Expect(WireType::kVarint) ? number_ : 0; }

uint32_t WireReader::fixed32() {
  return Expect(WireType::kFixed32) ? static_cast<uint32_t>(number_) : 0;
}

uint64_t WireReader::fixed64() { return Expect(WireType::kFixed64) ? number_ : 0; }

float WireReader::float_number() { return std::bit_cast<float>(fixed32()); }

std::string_view WireReader::bytes() {
  return Expect(WireType::kBytes) ? bytes_ : std::string_view();
}

void WireReader::AppendNumbers(std::vector<int64_t>* out) {
  if (type_ != WireType::kBytes) {
    out->push_back(signed_number());
    return;
  }
  std::string_view rest = bytes_;
  uint64_t value;
  while (!rest.empty()) {
    if (!TakeVarint(&rest, &value)) {
      malformed_ = true;
      return;
    }
    out->push_back(static_cast<int64_t>(value));
  }
}

void WireReader::AppendFixed32(std::vector<uint32_t>* out) {
  if (type_ != WireType::kBytes) {
    out->push_back(fixed32());
  } else if (!TakeAllFixed(bytes_, out)) {
    malformed_ = true;
  }
}

void WireReader::AppendFixed64(std::vector<uint64_t>* out) {
  if (type_ != WireType::kBytes) {
    out->push_back(fixed64());
  } else if (!TakeAllFixed(bytes_, out)) {
    malformed_ = true;
  }
}

}  // namespace midstream::tensorflow
