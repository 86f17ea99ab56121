#include "tests/core/formats/protos_testing.h"

#include <gtest/gtest.h>
#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <bit>
#include <memory>

namespace midstream::tensorflow {

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string NumberField(uint32_t field, uint64_t value) {
  return Varint(uint64_t{field} << 3) + Varint(value);
}

std::string Fixed32Field(uint32_t field, uint32_t value) {
  std::string bytes = Varint(uint64_t{field} << 3 | 5);
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string BytesField(uint32_t field, const std::string& bytes) {
  return Varint(uint64_t{field} << 3 | 2) + Varint(bytes.size()) + bytes;
}

std::string FloatField(uint32_t field, float value) {
  return Fixed32Field(field, std::bit_cast<uint32_t>(value));
}

std::string ShapeProto(const std::vector<int64_t>& dims) {
  std::string bytes;
  for (int64_t dim : dims) bytes += BytesField(2, NumberField(1, static_cast<uint64_t>(dim)));
  return bytes;
}

std::string FloatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values) {
  std::string bytes = NumberField(1, kFloat) + BytesField(2, ShapeProto(dims));
  for (float value : values) bytes += FloatField(5, value);
  return bytes;
}

std::string IntTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values,
                      int64_t type) {
  std::string bytes = NumberField(1, static_cast<uint64_t>(type)) + BytesField(2, ShapeProto(dims));
  std::string packed;
  for (int64_t value : values) packed += Varint(static_cast<uint64_t>(value));
  uint32_t field = type == kInt64 ? 10 : type == kBool ? 11 : 7;
  return bytes + (values.empty() ? "" : BytesField(field, packed));
}

std::string StringTensor(const std::vector<std::string>& values) {
  std::string bytes =
      NumberField(1, kString) + BytesField(2, ShapeProto({static_cast<int64_t>(values.size())}));
  for (const std::string& value : values) bytes += BytesField(8, value);
  return bytes;
}

std::string TypeAttr(int64_t type) { return NumberField(6, static_cast<uint64_t>(type)); }
std::string IntAttr(int64_t value) { return NumberField(3, static_cast<uint64_t>(value)); }
std::string FloatAttr(float value) { return FloatField(4, value); }
std::string BoolAttr(bool value) { return NumberField(5, value); }
std::string StringAttr(const std::string& value) { return BytesField(2, value); }
std::string ShapeAttr(const std::vector<int64_t>& dims) { return BytesField(7, ShapeProto(dims)); }
std::string TensorAttr(const std::string& tensor) { return BytesField(8, tensor); }
std::string IntsAttr(const std::vector<int64_t>& values) {
  std::string packed;
  for (int64_t value : values) packed += Varint(static_cast<uint64_t>(value));
  return BytesField(1, BytesField(3, packed));
}

std::string PlaceholderAttr(const std::string& name) { return BytesField(9, name); }

namespace {

std::string AttrMapField(uint32_t field, const Attrs& attrs) {
  std::string bytes;
  for (const auto& [key, value] : attrs) {
    bytes += BytesField(field, BytesField(1, key) + BytesField(2, value));
  }
  return bytes;
}

std::string NodeProto(const std::string& name, const std::string& op,
                      const std::vector<std::string>& inputs, const Attrs& attrs) {
  std::string node = BytesField(1, name) + BytesField(2, op);
  for (const std::string& input : inputs) node += BytesField(3, input);
  return node + AttrMapField(5, attrs);
}

}  // namespace

std::string FunctionAttr(const std::string& name, const Attrs& attrs) {
  return BytesField(10, BytesField(1, name) + AttrMapField(2, attrs));
}

std::string FunctionsAttr(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += BytesField(9, BytesField(1, name));
  return BytesField(1, list);
}

FunctionWriter::FunctionWriter(const std::string& name) : signature_(BytesField(1, name)) {}

FunctionWriter& FunctionWriter::Arg(const std::string& name, int64_t type) {
  return ArgFields(name, NumberField(3, static_cast<uint64_t>(type)));
}

FunctionWriter& FunctionWriter::ArgFields(const std::string& name, const std::string& fields) {
  signature_ += BytesField(2, BytesField(1, name) + fields);
  return *this;
}

FunctionWriter& FunctionWriter::Result(const std::string& name, const std::string& tensor,
                                       int64_t type) {
  signature_ += BytesField(3, BytesField(1, name) + NumberField(3, static_cast<uint64_t>(type)));
  rest_ += BytesField(4, BytesField(1, name) + BytesField(2, tensor));
  return *this;
}

FunctionWriter& FunctionWriter::Node(const std::string& name, const std::string& op,
                                     const std::vector<std::string>& inputs, const Attrs& attrs) {
  rest_ += BytesField(3, NodeProto(name, op, inputs, attrs));
  return *this;
}

std::string FunctionWriter::Bytes() const { return BytesField(1, signature_) + rest_; }

MetaWriter& MetaWriter::Function(const FunctionWriter& function) {
  nodes_ += BytesField(2, BytesField(1, function.Bytes()));
  return *this;
}

MetaWriter& MetaWriter::Node(const std::string& name, const std::string& op,
                             const std::vector<std::string>& inputs, const Attrs& attrs) {
  nodes_ += BytesField(1, NodeProto(name, op, inputs, attrs));
  return *this;
}

MetaWriter& MetaWriter::Placeholder(const std::string& name, const std::vector<int64_t>& dims,
                                    int64_t type) {
  return Node(name, "Placeholder", {}, {{"dtype", TypeAttr(type)}, {"shape", ShapeAttr(dims)}});
}

MetaWriter& MetaWriter::Const(const std::string& name, const std::string& tensor, int64_t type) {
  return Node(name, "Const", {}, {{"dtype", TypeAttr(type)}, {"value", TensorAttr(tensor)}});
}

MetaWriter& MetaWriter::Floats(const std::string& name, const std::vector<int64_t>& dims,
                               const std::vector<float>& values) {
  return Const(name, FloatTensor(dims, values), kFloat);
}

MetaWriter& MetaWriter::Ints(const std::string& name, const std::vector<int64_t>& dims,
                             const std::vector<int64_t>& values) {
  return Const(name, IntTensor(dims, values), kInt32);
}

MetaWriter& MetaWriter::Variable(const std::string& name, const std::vector<int64_t>& dims) {
  return Node(name, "VariableV2", {}, {{"dtype", TypeAttr(kFloat)}, {"shape", ShapeAttr(dims)}});
}

MetaWriter& MetaWriter::Saver(
    const std::vector<std::pair<std::string, std::string>>& variable_and_key,
    const std::string& scope) {
  std::vector<std::string> keys, triggers;
  for (const auto& [variable, key] : variable_and_key) keys.push_back(key);
  Const(scope + "/Const", StringTensor({"model"}), kString);
  Const(scope + "/names", StringTensor(keys), kString);
  Const(scope + "/slices", StringTensor(std::vector<std::string>(keys.size())), kString);
  const std::string restore = scope + "/RestoreV2";
  Node(restore, "RestoreV2", {scope + "/Const", scope + "/names", scope + "/slices"});
  for (size_t i = 0; i < keys.size(); ++i) {
    std::string assign = scope + "/Assign_" + std::to_string(i);
    Node(assign, "Assign", {variable_and_key[i].first, restore + ":" + std::to_string(i)});
    triggers.push_back("^" + assign);
  }
  Node(scope + "/restore_all", "NoOp", triggers);
  if (saver_.empty()) saver_ = BytesField(3, scope + "/restore_all");
  return *this;
}

std::string MetaWriter::Bytes() const {
  return BytesField(2, nodes_) + (saver_.empty() ? "" : BytesField(3, saver_));
}

std::string BundleHeader(int64_t shards, int64_t endianness, int64_t min_consumer) {
  return NumberField(1, static_cast<uint64_t>(shards)) +
         NumberField(2, static_cast<uint64_t>(endianness)) +
         BytesField(3, NumberField(1, 1) + NumberField(2, static_cast<uint64_t>(min_consumer)));
}

std::string BundleEntryProto(int64_t type, const std::vector<int64_t>& dims, int64_t shard,
                             int64_t offset, int64_t size, uint32_t masked_crc) {
  return NumberField(1, static_cast<uint64_t>(type)) + BytesField(2, ShapeProto(dims)) +
         NumberField(3, static_cast<uint64_t>(shard)) +
         NumberField(4, static_cast<uint64_t>(offset)) +
         NumberField(5, static_cast<uint64_t>(size)) + Fixed32Field(6, masked_crc);
}

void WriteIndex(const std::string& path, const std::vector<IndexEntry>& rows) {
  leveldb::WritableFile* raw = nullptr;
  ASSERT_TRUE(leveldb::Env::Default()->NewWritableFile(path, &raw).ok());
  std::unique_ptr<leveldb::WritableFile> file(raw);
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  leveldb::TableBuilder builder(options, file.get());
  for (const IndexEntry& row : rows) builder.Add(row.key, row.value);
  ASSERT_TRUE(builder.Finish().ok());
  ASSERT_TRUE(file->Close().ok());
}

}  // namespace midstream::tensorflow
