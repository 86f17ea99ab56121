#include "tests/core/policy/openpi_testing.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/formats/npy/npz.h"

namespace midstream::policy {

nlohmann::json ReadJson(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

std::map<std::string, Tensor> ReadArrays(const std::string& path) {
  std::map<std::string, Tensor> arrays;
  const auto read = formats::ReadNpz(path);
  EXPECT_TRUE(read.ok()) << read.status().message();
  if (read.ok()) arrays.insert(read->begin(), read->end());
  return arrays;
}

Tokenizer TinyTokenizer() {
  Result<Tokenizer> tokenizer = Tokenizer::Open(OwnFile("tokenizer.model"));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *std::move(tokenizer);
}

Tensor Floats(Shape shape, const std::vector<float>& values) {
  return *Tensor::Copy(DType::kF32, std::move(shape), std::as_bytes(std::span(values)));
}

Tensor Doubles(Shape shape, const std::vector<double>& values) {
  return *Tensor::Copy(DType::kF64, std::move(shape), std::as_bytes(std::span(values)));
}

Tensor Bytes(Shape shape, uint8_t value) {
  Tensor tensor = *Tensor::Allocate(DType::kU8, std::move(shape));
  std::memset(tensor.mutable_data(), value, tensor.byte_size());
  return tensor;
}

}  // namespace midstream::policy
