#include "core/graph/tensor_digest.h"

namespace midstream {
namespace {

void AddText(std::string_view text, Sha256* hash) {
  hash->AddNumber(text.size());
  hash->Add(text.data(), text.size());
}

}  // namespace

Result<Sha256Digest> SetDigest::Add(const std::string& name, const Tensor& tensor) {
  MS_ASSIGN_OR_RETURN(Sha256Digest digest, Sha256Of(tensor.data(), tensor.byte_size()));
  rows_[name] = {tensor.dtype(), tensor.shape(), digest};
  return digest;
}

Result<Sha256Digest> SetDigest::Finish() const {
  Sha256 hash;
  for (const auto& [name, row] : rows_) {
    AddText(name, &hash);
    AddText(DTypeName(row.dtype), &hash);
    hash.AddNumber(row.shape.rank());
    for (int64_t dim : row.shape.dims()) hash.AddNumber(static_cast<uint64_t>(dim));
    hash.Add(row.digest.data(), row.digest.size());
  }
  return hash.Finish();
}

}  // namespace midstream
