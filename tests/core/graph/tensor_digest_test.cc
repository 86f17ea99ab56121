#include "core/graph/tensor_digest.h"

#include <gtest/gtest.h>

#include <string>

namespace midstream {
namespace {

Tensor Floats(std::vector<float> values, Shape shape) {
  return *Tensor::Copy(DType::kF32, std::move(shape), std::as_bytes(std::span(values)));
}

std::string DigestOf(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  SetDigest set;
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(set.Add(name, tensor).ok());
  auto digest = set.Finish();
  return digest.ok() ? Hex(*digest) : digest.status().ToString();
}

// Computed by the Python lines of docs/weights.md.
TEST(SetDigest, IsWhatTheDocumentationDefines) {
  const Tensor a = Tensor::Scalar<int64_t>(DType::kI64, 7);
  const Tensor b = Floats({1, 2}, {2});
  EXPECT_EQ(DigestOf({{"b", b}, {"a", a}}),
            "00597633e93e3ca1f13aaad9ac5e592fcfdfe9155df147cd45d1c7bf1eaa424f");
  EXPECT_EQ(DigestOf({{"a", a}, {"b", b}}), DigestOf({{"b", b}, {"a", a}}));
  SetDigest set;
  EXPECT_EQ(Hex(*set.Add("b", b)),
            "b9c80b5adeca450753a16950c3cc655d271f7bef7a485bc83f112b72fef21d37");
}

TEST(SetDigest, DependsOnNameDTypeShapeAndBytes) {
  const Tensor b = Floats({1, 2}, {2});
  const std::string digest = DigestOf({{"b", b}});
  EXPECT_NE(digest, DigestOf({{"c", b}}));
  EXPECT_NE(digest, DigestOf({{"b", Floats({1, 2}, {1, 2})}}));
  EXPECT_NE(digest, DigestOf({{"b", Floats({1, 3}, {2})}}));
  EXPECT_NE(digest, DigestOf({{"b", *Tensor::Copy(DType::kI32, {2}, b.bytes())}}));
  EXPECT_NE(digest, DigestOf({{"b", b}, {"c", b}}));
  EXPECT_NE(digest, DigestOf({}));
}

}  // namespace
}  // namespace midstream
