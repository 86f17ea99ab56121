#include "core/formats/tensorflow/scalar.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/graph/element.h"

namespace midstream::tensorflow {
namespace {

struct Row {
  std::string_view op;
  bool (*compute)(double a, double b);
};

constexpr std::array<Row, 8> kBinary = {{
    {"LogicalAnd", [](double a, double b) { return a != 0 && b != 0; }},
    {"LogicalOr", [](double a, double b) { return a != 0 || b != 0; }},
    {"Equal", [](double a, double b) { return a == b; }},
    {"NotEqual", [](double a, double b) { return a != b; }},
    {"Less", [](double a, double b) { return a < b; }},
    {"LessEqual", [](double a, double b) { return a <= b; }},
    {"Greater", [](double a, double b) { return a > b; }},
    {"GreaterEqual", [](double a, double b) { return a >= b; }},
}};

const Row* FindRow(std::string_view op) {
  const auto* row =
      std::find_if(kBinary.begin(), kBinary.end(), [&](const Row& r) { return r.op == op; });
  return row == kBinary.end() ? nullptr : row;
}

}  // namespace

std::optional<double> ScalarValue(const Tensor& tensor) {
  if (tensor.count() != 1) return std::nullopt;
  const double value = ElementAsDouble(tensor, 0);
  return std::isnan(value) && !IsFloat(tensor.dtype()) ? std::nullopt : std::optional(value);
}

bool IsPredicateOperator(std::string_view op) {
  return op == "LogicalNot" || FindRow(op) != nullptr;
}

std::optional<double> ComputePredicate(std::string_view op, std::span<const double> operands) {
  if (op == "LogicalNot") {
    return operands.size() == 1 ? std::optional(operands[0] == 0 ? 1.0 : 0.0) : std::nullopt;
  }
  if (operands.size() != 2) return std::nullopt;
  return FindRow(op)->compute(operands[0], operands[1]) ? 1.0 : 0.0;
}

}  // namespace midstream::tensorflow
