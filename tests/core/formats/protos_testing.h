// Writes the protobuf messages that the importer reads, good and bad ones, so that tests need no
// TensorFlow: MetaGraphDef with nodes and attributes, TensorProto, and the index of a checkpoint.
#ifndef MIDSTREAM_TESTS_CORE_FORMATS_PROTOS_TESTING_H_
#define MIDSTREAM_TESTS_CORE_FORMATS_PROTOS_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace midstream::tensorflow {

std::string Varint(uint64_t value);
std::string NumberField(uint32_t field, uint64_t value);
std::string Fixed32Field(uint32_t field, uint32_t value);
std::string BytesField(uint32_t field, const std::string& bytes);
std::string FloatField(uint32_t field, float value);

// tensorflow.DataType, as far as tests use it.
enum ProtoType : int64_t { kFloat = 1, kInt32 = 3, kString = 7, kInt64 = 9, kBool = 10 };

std::string ShapeProto(const std::vector<int64_t>& dims);
std::string FloatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values);
std::string IntTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values,
                      int64_t type = kInt32);
std::string StringTensor(const std::vector<std::string>& values);

// AttrValue messages.
std::string TypeAttr(int64_t type);
std::string IntAttr(int64_t value);
std::string FloatAttr(float value);
std::string BoolAttr(bool value);
std::string StringAttr(const std::string& value);
std::string ShapeAttr(const std::vector<int64_t>& dims);
std::string TensorAttr(const std::string& tensor);
std::string IntsAttr(const std::vector<int64_t>& values);
std::string PlaceholderAttr(const std::string& name);  // in a function: the caller's attribute

using Attrs = std::vector<std::pair<std::string, std::string>>;

std::string FunctionAttr(const std::string& name, const Attrs& attrs = {});
std::string FunctionsAttr(const std::vector<std::string>& names);

// A FunctionDef. Tensors of the body are written "node:output:0".
class FunctionWriter {
 public:
  explicit FunctionWriter(const std::string& name);
  FunctionWriter& Arg(const std::string& name, int64_t type = 1);
  // Fields of an OpDef.ArgDef, as BytesField(4, "T") for a type_attr.
  FunctionWriter& ArgFields(const std::string& name, const std::string& fields);
  FunctionWriter& Result(const std::string& name, const std::string& tensor, int64_t type = 1);
  FunctionWriter& Node(const std::string& name, const std::string& op,
                       const std::vector<std::string>& inputs = {}, const Attrs& attrs = {});
  std::string Bytes() const;

 private:
  std::string signature_;
  std::string rest_;
};

// A MetaGraphDef, node by node. Operators have no definitions, so attributes have no defaults.
class MetaWriter {
 public:
  MetaWriter& Node(const std::string& name, const std::string& op,
                   const std::vector<std::string>& inputs = {}, const Attrs& attrs = {});
  MetaWriter& Placeholder(const std::string& name, const std::vector<int64_t>& dims,
                          int64_t type = kFloat);
  MetaWriter& Const(const std::string& name, const std::string& tensor, int64_t type);
  MetaWriter& Floats(const std::string& name, const std::vector<int64_t>& dims,
                     const std::vector<float>& values);
  MetaWriter& Ints(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<int64_t>& values);
  MetaWriter& Variable(const std::string& name, const std::vector<int64_t>& dims);
  MetaWriter& Function(const FunctionWriter& function);
  // A Saver that restores each variable from a key; the SaverDef names the first one.
  MetaWriter& Saver(const std::vector<std::pair<std::string, std::string>>& variable_and_key,
                    const std::string& scope = "save");

  std::string Bytes() const;

 private:
  std::string nodes_;
  std::string saver_;
};

struct IndexEntry {
  std::string key;
  std::string value;
};

std::string BundleHeader(int64_t shards = 1, int64_t endianness = 0, int64_t min_consumer = 0);
std::string BundleEntryProto(int64_t type, const std::vector<int64_t>& dims, int64_t shard,
                             int64_t offset, int64_t size, uint32_t masked_crc);
// A table with these rows, which must be sorted, as LevelDB writes it.
void WriteIndex(const std::string& path, const std::vector<IndexEntry>& rows);

}  // namespace midstream::tensorflow

#endif  // MIDSTREAM_TESTS_CORE_FORMATS_PROTOS_TESTING_H_
