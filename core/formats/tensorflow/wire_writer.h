// Appends the fields of a protobuf message, as proto3 writes them: numbers that are 0 are left out.
#ifndef MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_WRITER_H_
#define MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/formats/tensorflow/wire.h"

namespace midstream::tensorflow {

void PutVarint(uint64_t number, std::string* message);
// What begins a field.
void PutTag(uint32_t field, WireType type, std::string* message);
// The least significant byte first.
void PutLittleEndian32(uint32_t number, std::string* message);
void PutLittleEndian64(uint64_t number, std::string* message);

// One field of a message.
void PutNumber(uint32_t field, int64_t number, std::string* message);
// A message or text, empty ones too.
void PutBytes(uint32_t field, std::string_view bytes, std::string* message);
void PutFixed32(uint32_t field, uint32_t number, std::string* message);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_CORE_FORMATS_TENSORFLOW_WIRE_WRITER_H_
