// UpdateValues: what one update brings, held to what the model declares.
//
// A value comes in one of three ways: as a tensor, as something to read when it is needed (so that
// a large checkpoint is never in memory as a whole), or as rows of a value that is there already.
// Problems are collected, not returned, so that one answer can name all of them.
//
// Threads: one at a time.
#ifndef MIDSTREAM_CORE_WEIGHTS_UPDATE_VALUES_H_
#define MIDSTREAM_CORE_WEIGHTS_UPDATE_VALUES_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/shape_inference.h"
#include "core/weights/rejection.h"
#include "core/weights/update_options.h"
#include "core/weights/version.h"

namespace midstream::weights {

struct RowPatch {
  int64_t begin = 0;
  Tensor rows;
};

struct NewValue {
  Tensor value;                          // as given; empty: `read` has it, or there are only rows
  std::function<Result<Tensor>()> read;  // may be asked more than once
  bool adopt = false;                    // the bytes may be kept, they never change
  std::vector<RowPatch> rows;            // on top, in this order

  bool whole() const { return !value.empty() || read != nullptr; }
};

using Declared = std::map<std::string, WeightDecl>;

class UpdateValues {
 public:
  UpdateValues(const Declared* declared, const UpdateOptions& options);

  // Names with or without ":0", before renaming.
  void Add(std::string_view name, Tensor value, bool adopt);
  void AddReader(std::string_view name, std::function<Result<Tensor>()> read);
  void AddRows(std::string_view name, int64_t begin, Tensor rows);
  void AddProblem(Problem problem) { problems_.push_back(std::move(problem)); }

  const UpdateOptions& options() const { return options_; }
  const std::vector<Problem>& problems() const { return problems_; }
  bool empty() const { return values_.empty() && problems_.empty(); }
  const std::map<std::string, NewValue>& values() const { return values_; }
  // Whether it was given, taken or not.
  bool Mentions(const std::string& name) const { return mentioned_.count(name) != 0; }
  // Null: the update does not touch it.
  const NewValue* Find(const std::string& name) const;

  // The whole new value in the declared dtype. base: the value below, for rows. Errors: those of
  // reading; INVALID_ARGUMENT for what was read and does not fit.
  Result<Tensor> Fetch(const std::string& name, const std::function<Result<Tensor>()>& base,
                       Evaluator& evaluator) const;
  // Gives rows their declared dtype, and looks at every value for what the options ask: finite
  // values, the digest. Adds problems.
  void Prepare(Evaluator& evaluator);
  // Reads everything that is read on demand, to tell all that cannot be.
  std::vector<Problem> Unreadable() const;

 private:
  // The declaration, null after a problem.
  const WeightDecl* Resolve(std::string_view name, std::string* key);
  // Why a value of this dtype and shape cannot be taken.
  std::optional<Problem> Misfit(const std::string& key, const WeightDecl& want, DType dtype,
                                const Shape& shape) const;
  // Where the whole value of a weight goes; null after a problem.
  NewValue* Fresh(const std::string& key);
  Result<Tensor> Read(const std::string& name, const NewValue& value) const;
  Result<Tensor> Convert(const std::string& name, Tensor value, Evaluator& evaluator) const;
  void InspectWhole(Evaluator& evaluator);
  void InspectFinite(const std::string& name, const Tensor& tensor, int64_t first_row);

  const Declared* declared_;
  UpdateOptions options_;
  std::map<std::string, NewValue> values_;
  std::set<std::string> mentioned_;  // whole values
  std::vector<Problem> problems_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_UPDATE_VALUES_H_
