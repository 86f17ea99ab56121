#include "core/formats/tensorflow/table_writer.h"

#include <gtest/gtest.h>
#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <random>
#include <set>

#include "tests/core/formats/files_testing.h"

namespace midstream::tensorflow {
namespace {

class MemoryFile : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice& data) override {
    bytes.append(data.data(), data.size());
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

  std::string bytes;
};

std::string LevelDbTable(const TableRows& rows) {
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = 262144;
  MemoryFile file;
  leveldb::TableBuilder builder(options, &file);
  for (const auto& [key, value] : rows) builder.Add(key, value);
  EXPECT_TRUE(builder.Finish().ok());
  return file.bytes;
}

// Keys of few different bytes, the lowest and the highest among them, so that they share prefixes
// and end each other.
TableRows RandomRows(size_t count, size_t largest_value, std::mt19937& random) {
  std::set<std::string> keys;
  while (keys.size() < count) {
    std::string key;
    for (uint32_t length = random() % 30; length > 0; --length)
      key += "ab\xff\xfe\0z"[random() % 6];
    keys.insert(key);
  }
  TableRows rows;
  for (const std::string& key : keys) {
    rows.emplace_back(key, std::string(random() % largest_value, static_cast<char>(random())));
  }
  return rows;
}

TEST(TableWriter, WritesLevelDbsBytes) {
  formats::TempDir dir;
  std::mt19937 random(25);
  for (size_t count : {0u, 1u, 2u, 15u, 16u, 17u, 32u, 33u, 1000u, 5000u}) {
    for (size_t largest : {1u, 100u, 3000u}) {
      const TableRows rows = RandomRows(count, largest, random);
      const std::string table = FormatTable(rows);
      EXPECT_TRUE(table == LevelDbTable(rows)) << count << " rows of up to " << largest;
      auto read = ReadTable(dir.Write("table", table));
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      EXPECT_TRUE(*read == rows) << count;
    }
  }
}

}  // namespace
}  // namespace midstream::tensorflow
