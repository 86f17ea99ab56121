// WireReader: walks the fields of one encoded protobuf message, without copying and without
// trusting it.
//
// Messages inside messages are handed out as views and decoded by their own reader when somebody
// needs them, so nothing recurses over the input and memory stays proportional to its size. Groups
// (a form that TensorFlow never wrote) count as malformed.
//
// A reader that has met malformed bytes stays so: Next() returns false and ok() is false, so a loop
// is checked once, at its end.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace midstream::tensorflow {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class WireReader {
 public:
  // Requires: `message` outlives the reader and every view taken from it.
  explicit WireReader(std::string_view message) : rest_(message) {}

  // Moves to the next field; false at the end of the message or at malformed bytes.
  bool Next();
  bool ok() const { return !malformed_; }

  uint32_t field() const { return field_; }

  // The value of the field. A field of another wire type makes the message malformed.
  uint64_t number();  // varint
  int64_t signed_number() { return static_cast<int64_t>(number()); }
  int32_t enum_number() { return static_cast<int32_t>(number()); }
  uint32_t fixed32();
  uint64_t fixed64();
  float float_number();
  std::string_view bytes();

  // A repeated number, packed or not: appends all values of this field.
  void AppendNumbers(std::vector<int64_t>* out);
  void AppendFixed32(std::vector<uint32_t>* out);
  void AppendFixed64(std::vector<uint64_t>* out);

 private:
  bool Expect(WireType type);

  std::string_view rest_;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t number_ = 0;  // varint, fixed32, fixed64
  std::string_view bytes_;
  bool malformed_ = false;
};

// Takes one varint (at most 10 bytes) off the front of `rest`; false when there is none.
bool TakeVarint(std::string_view* rest, uint64_t* value);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_H_
