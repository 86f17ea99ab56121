// Archives of torch.package: their sources, other files, external modules and tensors, for conversion
// into a package. Pickles are read and never run (pickle.h).
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_PACKAGE_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_PACKAGE_H_

#include <map>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/formats/tensor_file.h"

namespace midstream::package {

struct TorchPackage {
  std::map<std::string, std::string> files;  // "code/net.py" -> bytes; resources lie there too
  std::vector<std::string> externs;          // top-level modules
  std::vector<formats::TensorInfo> tensors;  // of `pickle`, named as by state_dict()
  formats::TensorProvider read;
  std::string pickle;                 // that the tensors are of; empty: none has any
  std::vector<std::string> left_out;  // other pickles, of which nothing is converted
};

// pickle: "model/model.pkl", whose tensors are wanted; empty: the only one that has any. Errors: those
// of the file; DATA_LOSS; UNIMPLEMENTED for what cannot be converted, as TorchScript; NOT_FOUND and
// INVALID_ARGUMENT about `pickle`, listing those there are.
Result<TorchPackage> ReadTorchPackage(const std::string& path, const std::string& pickle = "");

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_TORCH_PACKAGE_H_
