#include "core/formats/tensorflow/wire_writer.h"

namespace midstream::tensorflow {

void PutTag(uint32_t field, WireType type, std::string* message) {
  PutVarint((uint64_t{field} << 3) | static_cast<uint64_t>(type), message);
}

void PutVarint(uint64_t number, std::string* message) {
  for (; number >= 0x80; number >>= 7) *message += static_cast<char>(number | 0x80);
  *message += static_cast<char>(number);
}

void PutLittleEndian32(uint32_t number, std::string* message) {
  for (int shift = 0; shift < 32; shift += 8) *message += static_cast<char>(number >> shift);
}

void PutLittleEndian64(uint64_t number, std::string* message) {
  for (int shift = 0; shift < 64; shift += 8) *message += static_cast<char>(number >> shift);
}

void PutNumber(uint32_t field, int64_t number, std::string* message) {
  if (number == 0) return;
  PutTag(field, WireType::kVarint, message);
  PutVarint(static_cast<uint64_t>(number), message);
}

void PutBytes(uint32_t field, std::string_view bytes, std::string* message) {
  PutTag(field, WireType::kBytes, message);
  PutVarint(bytes.size(), message);
  message->append(bytes);
}

void PutFixed32(uint32_t field, uint32_t number, std::string* message) {
  if (number == 0) return;
  PutTag(field, WireType::kFixed32, message);
  PutLittleEndian32(number, message);
}

}  // namespace midstream::tensorflow
