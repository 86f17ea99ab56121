// Which backend computes which operator in which dtype: taken from the schemas and the plugins'
// claims, held against the table of docs/operators.md and the list of what cpu_blas leaves out.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/graph/op_schema.h"
#include "tests/plugins/ops/compare.h"

namespace midstream::op_cases {
namespace {

using plugin_testing::BuiltNode;
using plugin_testing::OpenPlugin;
using Device = std::shared_ptr<backend::Device>;

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,
                             DType::kI16, DType::kI32, DType::kI64, DType::kU8,   DType::kU16,
                             DType::kU32, DType::kU64, DType::kBool};

// Operators that cpu_blas leaves to the reference in some dtype, and why.
const std::map<std::string, std::string> kLeftOut = {
    {"BitwiseAnd", "rare, and on small tensors"},
    {"BitwiseNot", "rare, and on small tensors"},
    {"BitwiseOr", "rare, and on small tensors"},
    {"BitwiseXor", "rare, and on small tensors"},
    {"CumSum", "16-bit floats and small integers are not summed up"},
    {"TopK", "only float32, int32 and int64 are ranked"},
    {"midstream.CumProd", "rare, and on small tensors"},
};

std::string KeyOf(const OpSchema& schema) {
  std::string name(schema.name);
  return schema.domain.empty() ? name : std::string(schema.domain) + "." + name;
}

bool Has(const OpCase& one, DType dtype) {
  return std::any_of(one.args.begin(), one.args.end(),
                     [&](const Arg& arg) { return arg.dtype == dtype; });
}

// A node of the operator whose data has the dtype; nullopt when the schema refuses it.
std::optional<BuiltNode> Sample(const std::string& key, DType dtype) {
  for (const OpCase& one : AllCases()) {
    if (one.Key() != key) continue;
    OpCase wanted = one;
    if (DataDType(one) != dtype) {
      if (!Has(one, DType::kF32) && one.op != "ConstantOfShape") continue;
      wanted = InDType(one, dtype);
    }
    Random random(1);
    std::vector<Tensor> values;
    for (const Arg& arg : wanted.args) values.push_back(MakeValue(arg, &random));
    auto built =
        BuiltNode::Build(ToNode(wanted, values, std::vector<bool>(wanted.args.size(), false)));
    if (built.ok()) return *built;
  }
  return std::nullopt;
}

// '+': both backends, 'r': the reference alone, '-': nobody, ' ': no such node.
class Matrix {
 public:
  static Matrix Make(const Device& reference, const Device& cpu_blas) {
    Matrix matrix;
    for (const OpSchema& schema : AllSchemas()) {
      if (schema.opaque) continue;
      std::string& row = matrix.rows_[KeyOf(schema)];
      for (DType dtype : kDTypes) {
        auto sample = Sample(KeyOf(schema), dtype);
        bool slow = sample && Claims(reference, *sample),
             fast = sample && Claims(cpu_blas, *sample);
        row += !sample ? ' ' : !slow ? '-' : fast ? '+' : 'r';
      }
    }
    return matrix;
  }

  const std::map<std::string, std::string>& rows() const { return rows_; }

  // Operators that are alike share a row.
  std::string ToMarkdown() const {
    std::map<std::string, std::string> names;
    for (const auto& [key, row] : rows_) names[row] += (names[row].empty() ? "" : " ") + key;
    std::map<std::string, std::string> ordered;  // by the first operator
    for (const auto& [row, text] : names) ordered[text] = row;
    std::string table = "| Operators |";
    for (DType dtype : kDTypes) table += " " + std::string(DTypeName(dtype)) + " |";
    table += "\n|---|";
    for (size_t i = 0; i < std::size(kDTypes); ++i) table += "---|";
    for (const auto& [text, row] : ordered) {
      table += "\n| " + text + " |";
      for (char mark : row) table += mark == ' ' ? " |" : " " + std::string(1, mark) + " |";
    }
    return table + "\n";
  }

 private:
  static bool Claims(const Device& device, const BuiltNode& node) {
    auto claims = device->Claim(node.graph);
    return claims.ok() && (*claims)[0].mine;
  }

  std::map<std::string, std::string> rows_;
};

class DTypeMatrix : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto reference = OpenPlugin("reference"), cpu_blas = OpenPlugin("cpu_blas");
    ASSERT_TRUE(reference.ok()) << reference.status().ToString();
    ASSERT_TRUE(cpu_blas.ok()) << cpu_blas.status().ToString();
    matrix_ = Matrix::Make(*reference, *cpu_blas);
  }
  static inline Matrix matrix_;
};

TEST_F(DTypeMatrix, ReferenceTakesWhatTheSchemasTake) {
  for (const auto& [key, row] : matrix_.rows()) {
    EXPECT_EQ(row.find('-'), std::string::npos) << key << " [" << row << "]";
    EXPECT_NE(row.find_first_not_of(' '), std::string::npos) << "no case for " << key;
  }
}

TEST_F(DTypeMatrix, CpuBlasTakesWhatTheReferenceTakes) {
  for (const auto& [key, row] : matrix_.rows()) {
    const bool complete = row.find('r') == std::string::npos;
    EXPECT_EQ(complete, kLeftOut.count(key) == 0) << key << " [" << row << "]";
  }
}

TEST_F(DTypeMatrix, EveryClaimedDTypeIsCompared) {
  std::set<std::pair<std::string, DType>> compared;
  for (const OpCase& one : AllCases()) compared.insert({one.Key(), DataDType(one)});
  for (const auto& [key, row] : matrix_.rows()) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i] != '+') continue;
      EXPECT_EQ(compared.count({key, kDTypes[i]}), 1u) << key << " of " << DTypeName(kDTypes[i]);
    }
  }
}

TEST_F(DTypeMatrix, DocumentedTableIsTrue) {
  std::ifstream file(std::string(MS_SOURCE_DIR) + "/docs/operators.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(matrix_.ToMarkdown()), std::string::npos)
      << "docs/operators.md should hold this table:\n"
      << matrix_.ToMarkdown();
}

}  // namespace
}  // namespace midstream::op_cases
