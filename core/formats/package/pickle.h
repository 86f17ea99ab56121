// A pickle as plain values. Nothing is called and nothing imported: what the pickle would call is kept
// as a name with its arguments, for whoever looks at the values to know or to refuse.
//
// Values refer to each other by index, so those that contain themselves are no trouble here; whoever
// walks them bounds the walk.
#ifndef MIDSTREAM_CORE_FORMATS_PACKAGE_PICKLE_H_
#define MIDSTREAM_CORE_FORMATS_PACKAGE_PICKLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace midstream::package {

constexpr uint64_t kLargestPickle = uint64_t{64} << 20;
constexpr size_t kMostPickledValues = size_t{4} << 20;

class Pickle {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0;  // of None

  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kBytes,
    kTuple,       // items
    kList,        // items; sets too
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // text: "module name"
    kCall,        // items: what is called, its arguments (a tuple), what it was built with (state)
    kPersistent,  // items: the one id
  };
  struct Value {
    Kind kind = Kind::kNone;
    int64_t number = 0;  // kBool, kInt
    std::string text;
    std::vector<Id> items;
  };

  // Protocols 2 to 5. Errors: DATA_LOSS for what is malformed, UNIMPLEMENTED for an instruction that
  // is not read, both with the byte where it is; too many values.
  static Result<Pickle> Parse(std::string_view bytes);

  const Value& operator[](Id id) const { return values_[id]; }
  Id root() const { return root_; }

  // The value of a text key of a kDict; kNone where there is none.
  Id Find(Id dict, std::string_view key) const;
  // "module name" of the class or function of a kCall; empty for anything else.
  std::string_view Callee(Id call) const;
  // The arguments of a kCall.
  const std::vector<Id>& Arguments(Id call) const { return values_[values_[call].items[1]].items; }
  // The state of a kCall, the dict where it is a pair of one and slots.
  Id State(Id call) const;

 private:
  friend class PickleMachine;

  std::vector<Value> values_;
  Id root_ = kNone;
};

}  // namespace midstream::package

#endif  // MIDSTREAM_CORE_FORMATS_PACKAGE_PICKLE_H_
