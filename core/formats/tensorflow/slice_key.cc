#include "core/formats/tensorflow/slice_key.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/formats/file.h"
#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {
namespace {

constexpr size_t kMostAxes = 64;

// A number that ends at `end`, or with the text.
bool TakeNumber(std::string_view* rest, char end, int64_t* value) {
  auto [stop, error] = std::from_chars(rest->data(), rest->data() + rest->size(), *value);
  if (error != std::errc() || *value < 0) return false;
  rest->remove_prefix(static_cast<size_t>(stop - rest->data()));
  if (rest->empty()) return true;
  if (rest->front() != end) return false;
  rest->remove_prefix(1);
  return true;
}

// Keys sort as the values do: a length in front, or escapes and a terminator.
void AppendUnsigned(uint64_t value, std::string* key) {
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.insert(bytes.begin(), static_cast<char>(value & 0xff));
  *key += static_cast<char>(bytes.size());
  *key += bytes;
}

void AppendString(std::string_view text, std::string* key) {
  for (char c : text) {
    *key += c;
    if (c == '\0') *key += '\xff';
    if (c == '\xff') *key += '\0';
  }
  *key += '\0';
  *key += '\x01';
}

// n bytes of two's complement, of which the first n bits are flipped by n ones.
void AppendSigned(int64_t value, std::string* key) {
  auto magnitude = static_cast<uint64_t>(value < 0 ? ~value : value);
  size_t size = static_cast<size_t>(std::bit_width(magnitude)) / 7 + 1;
  std::string bytes(size, value < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < size && i < 8; ++i) {
    bytes[size - 1 - i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
  }
  for (size_t bit = 0; bit < size; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (0x80 >> bit % 8));
  }
  *key += bytes;
}

}  // namespace

Result<PartOfTensor> ParseSlice(std::string_view text) {
  Status malformed = InvalidArgument("a Saver describes a part of a variable as " +
                                     formats::Quoted(text) + ", which is malformed");
  size_t space = text.rfind(' ');
  if (space == std::string_view::npos) return malformed;
  std::string_view shape = text.substr(0, space);
  std::string_view parts = text.substr(space + 1);
  std::vector<int64_t> dims;
  while (!shape.empty()) {
    int64_t dim = 0;
    if (dims.size() == kMostAxes || !TakeNumber(&shape, ' ', &dim)) return malformed;
    dims.push_back(dim);
  }
  std::vector<SliceExtent> extents(dims.size());
  for (SliceExtent& extent : extents) {
    if (parts.starts_with('-')) {
      parts.remove_prefix(parts.starts_with("-:") ? 2 : 1);
      continue;
    }
    if (!TakeNumber(&parts, ',', &extent.start) || parts.empty() ||
        !TakeNumber(&parts, ':', &extent.length)) {
      return malformed;
    }
  }
  if (!parts.empty()) return malformed;
  PartOfTensor part{Shape(std::move(dims)), {}};
  auto box = ResolveSlice(extents, part.whole);
  if (!box.ok()) return malformed;
  part.box = *std::move(box);
  return part;
}

Result<std::vector<SliceExtent>> DecodeSlice(std::string_view bytes) {
  std::vector<SliceExtent> extents;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    SliceExtent extent;
    WireReader fields(reader.bytes());
    while (fields.Next()) {
      if (fields.field() == 1) extent.start = fields.signed_number();
      if (fields.field() == 2) extent.length = fields.signed_number();
    }
    if (!fields.ok() || extents.size() == kMostAxes) return DataLoss("a slice is malformed");
    extents.push_back(extent);
  }
  if (!reader.ok()) return DataLoss("a slice is malformed");
  return extents;
}

Result<Box> ResolveSlice(const std::vector<SliceExtent>& extents, const Shape& whole) {
  Status outside = DataLoss("a slice does not lie inside the shape " + whole.ToString());
  if (extents.size() != whole.rank()) return outside;
  Box box = extents;
  for (size_t axis = 0; axis < box.size(); ++axis) {
    SliceExtent& extent = box[axis];
    if (extent.length == kWholeAxis && extent.start == 0) extent.length = whole[axis];
    if (extent.start < 0 || extent.length < 0 || extent.start > whole[axis] ||
        extent.length > whole[axis] - extent.start) {
      return outside;
    }
  }
  return box;
}

Box WholeBox(const Shape& shape) {
  Box box;
  for (int64_t dim : shape.dims()) box.push_back({0, dim});
  return box;
}

Shape BoxShape(const Box& box) {
  std::vector<int64_t> dims;
  for (const SliceExtent& extent : box) dims.push_back(extent.length);
  return Shape(std::move(dims));
}

bool Intersect(const Box& a, const Box& b, Box* overlap) {
  if (overlap != nullptr) overlap->clear();
  for (size_t axis = 0; axis < a.size(); ++axis) {
    int64_t start = std::max(a[axis].start, b[axis].start);
    int64_t end = std::min(a[axis].start + a[axis].length, b[axis].start + b[axis].length);
    if (start >= end) return false;
    if (overlap != nullptr) overlap->push_back({start, end - start});
  }
  return true;
}

void CopyOverlap(const Tensor& from, const Box& from_box, const Box& to_box, Tensor* to) {
  Box overlap;
  if (!Intersect(from_box, to_box, &overlap)) return;
  // What lies in one piece in both: the trailing axes that both have whole, and the next one.
  size_t run = DTypeSize(from.dtype());
  size_t outer = overlap.size();
  for (bool whole = true; whole && outer > 0;) {
    --outer;
    run *= static_cast<size_t>(overlap[outer].length);
    whole = overlap[outer].length == from_box[outer].length &&
            overlap[outer].length == to_box[outer].length;
  }
  auto offset_in = [&](const Box& box, const std::vector<int64_t>& at) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < box.size(); ++axis) {
      offset = offset * box[axis].length + at[axis] - box[axis].start;
    }
    return static_cast<size_t>(offset) * DTypeSize(from.dtype());
  };
  std::vector<int64_t> at;
  for (const SliceExtent& extent : overlap) at.push_back(extent.start);
  const auto* source = static_cast<const std::byte*>(from.data());
  auto* target = static_cast<std::byte*>(to->mutable_data());
  for (size_t axis = 0; axis != SIZE_MAX;) {
    std::memcpy(target + offset_in(to_box, at), source + offset_in(from_box, at), run);
    for (axis = outer; axis-- > 0;) {  // the next run; ends with axis == SIZE_MAX after the last
      if (++at[axis] < overlap[axis].start + overlap[axis].length) break;
      at[axis] = overlap[axis].start;
    }
  }
}

std::string SliceKey(std::string_view name, const std::vector<SliceExtent>& extents) {
  std::string key;
  AppendUnsigned(0, &key);
  AppendString(name, &key);
  AppendUnsigned(extents.size(), &key);
  for (const SliceExtent& extent : extents) {
    AppendSigned(extent.start, &key);
    AppendSigned(extent.length, &key);
  }
  return key;
}

}  // namespace midstream::tensorflow
