// Random inputs for a case, and the comparison of what two backends make of them.
#ifndef MIDSTREAM_TESTS_PLUGINS_OPS_COMPARE_H_
#define MIDSTREAM_TESTS_PLUGINS_OPS_COMPARE_H_

#include <random>
#include <string>
#include <vector>

#include "tests/plugins/ops/op_case.h"
#include "tests/plugins/plugin_runner.h"

namespace midstream::op_cases {

using Random = std::mt19937_64;

// A value for the argument; the same seed gives the same bytes on every machine.
Tensor MakeValue(const Arg& arg, Random* random);

// The node with its arguments; `weights` tells which of them become weight slots.
plugin_testing::NodeCase ToNode(const OpCase& one, const std::vector<Tensor>& values,
                                const std::vector<bool>& weights);

// "" when every element of `got` is near `want` (equal, for integers and bool), else the worst
// place. The bounds stand in one table in compare_testing.cc.
std::string Difference(const Tensor& got, const Tensor& want, double slack);

}  // namespace midstream::op_cases

#endif  // MIDSTREAM_TESTS_PLUGINS_OPS_COMPARE_H_
