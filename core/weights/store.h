// Store: the weights of one model: what is declared, which version is current, and how the next one
// is made.
//
//   put      a value is checked against its declaration; every problem is collected
//   stage    recipes that the new values reach are run, and the values are packed on every backend,
//            beside running requests
//   seal     the new sets are complete and never change again
//   commit   one pointer swap: requests admitted from now on pin the new version, running ones
//            keep theirs
//   retire   when nothing pins a version any more, the reaper frees it
//
// All or nothing: with one bad tensor nothing is staged and the current version stays.
//
// Threads: any may Pin, Put in its own transaction, or read. Staging is one at a time; it never
// blocks Pin.
#ifndef MIDSTREAM_CORE_WEIGHTS_STORE_H_
#define MIDSTREAM_CORE_WEIGHTS_STORE_H_

#include <functional>
#include <mutex>

#include "core/weights/reaper.h"
#include "core/weights/version.h"

namespace midstream::weights {

// The value that the model came with. Threads: called by one at a time.
using InitialReader = std::function<Result<Tensor>(const std::string& name)>;

class Transaction;

class Store {
 public:
  // evaluator and reaper must outlive the store.
  Store(std::map<std::string, WeightDecl> declared, InitialReader initial, Evaluator& evaluator,
        Reaper& reaper);

  // Makes the weight sets that `program` needs at the current version. Returns the program's
  // number, for Version::programs. Errors: naming the weight that cannot be read or staged.
  Result<size_t> Attach(std::shared_ptr<const plan::Program> program);
  // Drops the program's sets from the next pin on.
  void Detach(size_t program);

  std::shared_ptr<const Version> Pin() const;
  const std::map<std::string, WeightDecl>& declared() const { return declared_; }

  // The exact value of a weight in the current version. Errors: NOT_FOUND; those of reading the
  // model.
  Result<Tensor> Read(const std::string& name);

  // Whether a program that is attached depends on the weight.
  bool IsUsed(const std::string& name);

  Transaction Begin();

 private:
  friend class Transaction;
  using Values = std::map<std::string, Tensor>;

  struct Attached {
    std::shared_ptr<const plan::Program> program;
    std::vector<std::unique_ptr<backend::Queue>> queues;  // low priority, by device
  };

  // All below: staging_ is held.
  Result<Tensor> ValueOf(const Version& version, const std::string& name, const Values& fresh);
  Result<Tensor> ReadBack(const Version& version, const std::string& name);
  Result<std::shared_ptr<const plan::ProgramWeights>> StageProgram(Attached& attached,
                                                                   const Version& base,
                                                                   size_t number,
                                                                   const Values& fresh, bool all);
  Status RunRecipes(const plan::Program& program, const Version& base, const Values& fresh,
                    bool all, Values* derived);
  bool NeedsHostCopy(const std::string& name) const;
  Result<std::shared_ptr<Version>> Stage(const Values& fresh);
  void Publish(std::shared_ptr<Version> version);

  const std::map<std::string, WeightDecl> declared_;
  const InitialReader initial_;
  Evaluator& evaluator_;
  Reaper& reaper_;

  std::mutex staging_;  // one stager at a time
  std::vector<Attached> attached_;

  mutable std::mutex current_mutex_;  // guards current_ alone, held for a pointer copy
  std::shared_ptr<const Version> current_;
};

// The problems of one transaction, and its values until it is committed.
class Transaction {
 public:
  // `name` with or without ":0". The bytes of `value` are borrowed until Commit returns. A problem
  // does not stop the transaction; Commit reports them all.
  void Put(std::string_view name, Tensor value);
  // Validates, stages, seals and commits. Returns the new version. Errors: INVALID_ARGUMENT listing
  // every bad tensor; those of a backend. On any error the current version is what it was. The
  // transaction is empty afterwards.
  Result<uint64_t> Commit();

 private:
  friend class Store;
  explicit Transaction(Store* store) : store_(store) {}

  Store* store_;
  std::map<std::string, Tensor> values_;
  std::vector<std::string> problems_;
};

}  // namespace midstream::weights

#endif  // MIDSTREAM_CORE_WEIGHTS_STORE_H_
