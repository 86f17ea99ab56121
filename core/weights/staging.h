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

  struct Sets {
    std::shared_ptr<const plan::ProgramWeights> sets;
    std::vector<std::shared_ptr<const SegmentCharges>> charges;
  };

  Staging(AttachedProgram& attached, Source source, Evaluator& evaluator, Ledger& ledger)
      : attached_(attached), source_(std::move(source)), evaluator_(evaluator), ledger_(ledger) {}

  // What is packed for the first time.
  Result<Sets> All();
  // What differs from `base`, the program's sets in the version below.
  Result<Sets> Changed(const UpdateValues& update, const Sets& base);
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
  Result<Sets> Pack(const Puts& puts, const Sets* base);
  Result<std::shared_ptr<const backend::WeightSet>> PackSegment(uint32_t segment,
                                                                const std::vector<Put>& puts,
                                                                const backend::WeightSet* base);
  Status PutOne(backend::WeightSet& set, backend::Queue& queue, const Put& put,
                std::vector<Tensor>* borrowed);

  AttachedProgram& attached_;
  const Source source_;
  Evaluator& evaluator_;
  Ledger& ledger_;
  std::map<std::string, Tensor> derived_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_STAGING_H_
