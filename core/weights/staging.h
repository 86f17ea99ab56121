// Staging: the weight sets of one program for a version that is being made.
//
// An update stages what it reaches: its recipes run again, their results and the new values are
// packed on every backend of the program, and every other slot is shared with the base. A program
// that joins stages everything.
//
// Threads: the store's stager alone. Runs beside requests and touches nothing that they use.
#ifndef MIDSTREAM_CORE_WEIGHTS_STAGING_H_
#define MIDSTREAM_CORE_WEIGHTS_STAGING_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/weights/attached_program.h"
#include "core/weights/update_values.h"

namespace midstream::weights {

class Staging {
 public:
  // The value of a weight in the new version, in its declared dtype. May be asked again.
  using Source = std::function<Result<Tensor>(const std::string& name)>;

  Staging(std::shared_ptr<AttachedProgram> program, Source source, Evaluator& evaluator,
          Ledger& ledger)
      : program_(std::move(program)),
        attached_(*program_),
        source_(std::move(source)),
        evaluator_(evaluator),
        ledger_(ledger) {}

  // What is packed for the first time.
  Result<ProgramSets> All();
  // What differs from `base`, the program's sets in the version below.
  Result<ProgramSets> Changed(const UpdateValues& update, const ProgramSets& base);
  // Upper bound of the memory that Changed takes.
  static uint64_t Cost(const AttachedProgram& attached, const UpdateValues& update);

 private:
  struct Put {
    SlotRef ref;
    Tensor value;                      // derived, or empty: the weight's own
    const NewValue* update = nullptr;  // where the value comes from an update
    const std::string* name = nullptr;
  };
  using Puts = std::vector<std::vector<Put>>;  // by segment

  Status RunRecipes(const std::vector<size_t>& recipes);
  void AddPuts(const std::string& name, const NewValue* update, Puts* puts);
  Result<ProgramSets> Pack(const Puts& puts, const ProgramSets* base);
  Result<std::shared_ptr<const backend::WeightSet>> PackSegment(
      uint32_t segment, const std::vector<Put>& puts,
      const std::shared_ptr<const backend::WeightSet>& base);
  Status PutOne(backend::WeightSet& set, backend::Queue& queue, const Put& put,
                std::vector<Tensor>* borrowed);

  const std::shared_ptr<AttachedProgram> program_;
  AttachedProgram& attached_;
  const Source source_;
  Evaluator& evaluator_;
  Ledger& ledger_;
  std::map<std::string, Tensor> derived_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_STAGING_H_
