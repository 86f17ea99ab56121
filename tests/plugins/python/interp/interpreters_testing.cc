#include "tests/plugins/python/interp/interpreters_testing.h"

#include <map>

namespace midstream::python_testing {

ShimHost& SharedHost(bool process) {
  static auto* hosts = new std::map<bool, ShimHost*>;  // reachable to the end
  ShimHost*& host = (*hosts)[process];
  if (host == nullptr) {
    Options options;
    options.process = process;
    options.python = Probe("/usr/bin/python3");
    options.preload = "numpy";
    host = new ShimHost(options);
  }
  return *host;
}

Package OneTensorPackage(const std::string& source) {
  Package package;
  package.entry = "policy:act";
  package.files["code/policy.py"] = source;
  package.inputs = {{"x", "float32", {"n", "m"}}};
  package.outputs = {{"y", "float32", {"n", "m"}}};
  return package;
}

}  // namespace midstream::python_testing
