#include "core/plan/claimed_operators.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/graph/op_schema.h"
#include "core/plan/operator_forms.h"
#include "tests/plugins/plugin_runner.h"

namespace midstream::plan {
namespace {

// Without a form, a table would call an operator unsupported that nobody was asked about.
TEST(OperatorForms, ThereIsOneForEveryOperator) {
  for (const OpSchema& schema : AllSchemas()) {
    const bool any = std::any_of(DataDTypes().begin(), DataDTypes().end(),
                                 [&](DType dtype) { return !MakeForms(schema, dtype).empty(); });
    EXPECT_TRUE(any) << schema.domain << "." << schema.name;
  }
}

TEST(OperatorForms, AreOfTheDTypeThatIsAskedFor) {
  for (const OpSchema& schema : AllSchemas()) {
    for (const DType dtype : DataDTypes()) {
      for (const Graph& graph : MakeForms(schema, dtype)) {
        bool found = schema.name == "Shape" || schema.name == "Size";
        for (const Value& value : graph.values()) found |= value.dtype == dtype;
        EXPECT_TRUE(found) << schema.name << " of " << DTypeName(dtype);
      }
    }
  }
}

TEST(ClaimedOperators, OfTheReferenceAreAll) {
  const auto device = plugin_testing::OpenPlugin("reference");
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  const auto opaque = std::count_if(AllSchemas().begin(), AllSchemas().end(),
                                    [](const OpSchema& schema) { return schema.opaque; });
  EXPECT_EQ(ClaimedOperators(**device).size() + static_cast<size_t>(opaque), AllSchemas().size());
  for (const OperatorDTypes& one : ClaimedDTypes(**device)) {
    const size_t dot = one.name.rfind('.');
    const OpSchema* schema = dot == std::string::npos
                                 ? FindSchema("", one.name)
                                 : FindSchema(one.name.substr(0, dot), one.name.substr(dot + 1));
    ASSERT_NE(schema, nullptr) << one.name;
    for (const DType dtype : DataDTypes()) {
      const bool listed =
          std::find(one.dtypes.begin(), one.dtypes.end(), dtype) != one.dtypes.end();
      EXPECT_EQ(listed, !schema->opaque && !MakeForms(*schema, dtype).empty())
          << one.name << " of " << DTypeName(dtype);
    }
  }
}

}  // namespace
}  // namespace midstream::plan
