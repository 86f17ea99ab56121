#include "core/formats/package/pickle.h"

#include <utility>

#include "core/formats/file.h"
#include "core/formats/orbax/byte_reader.h"

namespace midstream::package {

// The stack machine. What an instruction takes from an empty stack makes it fail once and for all.
class PickleMachine {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;

  explicit PickleMachine(std::string_view bytes) : size_(bytes.size()), in_(bytes) {
    Make(Kind::kNone);
  }

  Result<Pickle> Run() {
    while (true) {
      const size_t at = size_ - in_.remaining();
      const std::string where = " at byte " + std::to_string(at);
      const uint8_t opcode = in_.U8();
      if (!in_.ok()) return DataLoss("ends without its end instruction");
      if (opcode == '.') break;
      if (!Execute(opcode)) {
        return Unimplemented("has the instruction " + std::to_string(opcode) + where +
                             ", which is not read");
      }
      if (!in_.ok() || failed_) return DataLoss("is malformed" + where);
      if (pickle_.values_.size() > kMostPickledValues || memo_.size() > kMostPickledValues) {
        return DataLoss("has more than " + std::to_string(kMostPickledValues) + " values");
      }
    }
    if (stack_.size() != 1 || !marks_.empty()) return DataLoss("leaves no single value");
    pickle_.root_ = stack_.back();
    return std::move(pickle_);
  }

 private:
  Id Make(Kind kind, std::string text = {}, std::vector<Id> items = {}, int64_t number = 0) {
    pickle_.values_.push_back({kind, number, std::move(text), std::move(items)});
    return static_cast<Id>(pickle_.values_.size() - 1);
  }
  void Push(Id id) { stack_.push_back(id); }
  void Push(Kind kind, std::string text = {}, std::vector<Id> items = {}, int64_t number = 0) {
    Push(Make(kind, std::move(text), std::move(items), number));
  }

  // Nothing is taken from below a mark.
  Id Pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
      failed_ = true;
      return Pickle::kNone;
    }
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> PopToMark() {
    if (marks_.empty()) {
      failed_ = true;
      return {};
    }
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<Id> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  std::vector<Id> PopSome(size_t count) {
    std::vector<Id> items(count);
    for (size_t i = count; i-- > 0;) items[i] = Pop();
    return items;
  }

  void Extend(const std::vector<Id>& items, Kind kind) {
    const Id to = Pop();
    if (failed_) return;
    Pickle::Value& value = pickle_.values_[to];
    if (value.kind == kind && (kind != Kind::kDict || items.size() % 2 == 0)) {
      value.items.insert(value.items.end(), items.begin(), items.end());
    } else if (value.kind != Kind::kCall) {  // an object of a class that is a list or a dict
      failed_ = true;
    }
    Push(to);
  }

  void Memoize(uint64_t index) {
    const Id id = Pop();
    if (failed_ || index > kMostPickledValues) {
      failed_ = true;
      return;
    }
    if (index >= memo_.size()) memo_.resize(index + 1, Pickle::kNone);
    memo_[index] = id;
    Push(id);
  }
  void Recall(uint64_t index) {
    if (index < memo_.size()) {
      Push(memo_[index]);
    } else {
      failed_ = true;
    }
  }

  std::string Line() {
    std::string line;
    for (uint8_t c = in_.U8(); in_.ok() && c != '\n'; c = in_.U8()) line += static_cast<char>(c);
    return line;
  }
  std::string Bytes(uint64_t count) { return std::string(in_.Bytes(count)); }

  // A little-endian number of two's complement; one of more than 8 bytes is none that means a size.
  void PushLong(uint64_t count) {
    const std::string_view bytes = in_.Bytes(count);
    if (bytes.size() > 8) return Push(Kind::kBytes, std::string(bytes));
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      number |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    }
    const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
    if (negative && bytes.size() < 8) number |= ~uint64_t{0} << (8 * bytes.size());
    Push(Kind::kInt, {}, {}, static_cast<int64_t>(number));
  }

  void Call(Id callee, Id arguments) {
    if (failed_ || pickle_.values_[arguments].kind != Kind::kTuple) {
      failed_ = true;
      return;
    }
    // Containers of the standard library are what they contain.
    const Pickle::Value& named = pickle_.values_[callee];
    const std::vector<Id>& items = pickle_.values_[arguments].items;
    if (named.kind == Kind::kGlobal && named.text == "collections OrderedDict" && items.empty()) {
      return Push(Kind::kDict);
    }
    if (named.kind == Kind::kGlobal && named.text == "builtins set" && items.size() == 1) {
      return Push(items[0]);
    }
    Push(Kind::kCall, {}, {callee, arguments, Pickle::kNone});
  }

  void Build() {
    const Id state = Pop();
    const Id object = Pop();
    if (failed_) return;
    // A dict or list that is built further has attributes, which mean nothing here.
    if (pickle_.values_[object].kind == Kind::kCall) pickle_.values_[object].items[2] = state;
    Push(object);
  }

  void PushGlobal(const std::string& module, const std::string& name) {
    Push(Kind::kGlobal, module + " " + name);
  }
  void StackGlobal() {
    const Id name = Pop(), module = Pop();
    const bool texts =
        pickle_.values_[name].kind == Kind::kText && pickle_.values_[module].kind == Kind::kText;
    if (!texts) {
      failed_ = true;
      return;
    }
    PushGlobal(std::string(pickle_.values_[module].text), std::string(pickle_.values_[name].text));
  }

  bool Execute(uint8_t opcode) { return Scalar(opcode) || Container(opcode) || Structure(opcode); }

  bool Scalar(uint8_t opcode) {
    switch (opcode) {
      case 'N':
        Push(Pickle::kNone);
        return true;
      case 0x88:
      case 0x89:
        Push(Kind::kBool, {}, {}, opcode == 0x88);
        return true;
      case 'J':
        Push(Kind::kInt, {}, {}, static_cast<int32_t>(in_.Fixed(4)));
        return true;
      case 'K':
        Push(Kind::kInt, {}, {}, in_.U8());
        return true;
      case 'M':
        Push(Kind::kInt, {}, {}, static_cast<int64_t>(in_.Fixed(2)));
        return true;
      case 0x8a:
        PushLong(in_.U8());
        return true;
      case 0x8b:
        PushLong(in_.Fixed(4));
        return true;
      case 'G':
        Push(Kind::kFloat, Bytes(8));
        return true;
      case 'X':
        Push(Kind::kText, Bytes(in_.Fixed(4)));
        return true;
      case 0x8c:
        Push(Kind::kText, Bytes(in_.U8()));
        return true;
      case 0x8d:
        Push(Kind::kText, Bytes(in_.Fixed(8)));
        return true;
      case 'B':
      case 'T':
        Push(Kind::kBytes, Bytes(in_.Fixed(4)));
        return true;
      case 'C':
      case 'U':
        Push(Kind::kBytes, Bytes(in_.U8()));
        return true;
      case 0x8e:
      case 0x96:
        Push(Kind::kBytes, Bytes(in_.Fixed(8)));
        return true;
      default:
        return false;
    }
  }

  bool Container(uint8_t opcode) {
    switch (opcode) {
      case ']':
      case 0x8f:
        Push(Kind::kList);
        return true;
      case 'l':
      case 0x91:
        Push(Kind::kList, {}, PopToMark());
        return true;
      case 'a':
        Extend(PopSome(1), Kind::kList);
        return true;
      case 'e':
      case 0x90:
        Extend(PopToMark(), Kind::kList);
        return true;
      case '}':
        Push(Kind::kDict);
        return true;
      case 's':
        Extend(PopSome(2), Kind::kDict);
        return true;
      case 'u':
        Extend(PopToMark(), Kind::kDict);
        return true;
      case ')':
        Push(Kind::kTuple);
        return true;
      case 0x85:
      case 0x86:
      case 0x87:
        Push(Kind::kTuple, {}, PopSome(opcode - 0x84));
        return true;
      case 't':
        Push(Kind::kTuple, {}, PopToMark());
        return true;
      default:
        return false;
    }
  }

  bool Structure(uint8_t opcode) {
    switch (opcode) {
      case 0x80:
        in_.U8();
        return true;
      case 0x95:
        in_.Fixed(8);
        return true;
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case '0':
        Pop();
        return true;
      case '1':
        PopToMark();
        return true;
      case 'q':
        Memoize(in_.U8());
        return true;
      case 'r':
        Memoize(in_.Fixed(4));
        return true;
      case 0x94:
        Memoize(memo_.size());
        return true;
      case 'h':
        Recall(in_.U8());
        return true;
      case 'j':
        Recall(in_.Fixed(4));
        return true;
      case 'c': {
        const std::string module = Line();
        PushGlobal(module, Line());
        return true;
      }
      case 0x93:
        StackGlobal();
        return true;
      case 'R':
      case 0x81: {
        const Id arguments = Pop();
        Call(Pop(), arguments);
        return true;
      }
      case 'b':
        Build();
        return true;
      case 'Q':
        Push(Kind::kPersistent, {}, PopSome(1));
        return true;
      default:
        return false;
    }
  }

  const size_t size_;
  orbax::ByteReader in_;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::vector<Id> memo_;
  bool failed_ = false;
};

Result<Pickle> Pickle::Parse(std::string_view bytes) { return PickleMachine(bytes).Run(); }

Pickle::Id Pickle::Find(Id dict, std::string_view key) const {
  const std::vector<Id>& items = values_[dict].items;
  if (values_[dict].kind != Kind::kDict) return kNone;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (values_[items[i]].kind == Kind::kText && values_[items[i]].text == key) return items[i + 1];
  }
  return kNone;
}

std::string_view Pickle::Callee(Id call) const {
  if (values_[call].kind != Kind::kCall) return {};
  const Value& callee = values_[values_[call].items[0]];
  return callee.kind == Kind::kGlobal ? std::string_view(callee.text) : std::string_view();
}

Pickle::Id Pickle::State(Id call) const {
  const Id state = values_[call].items[2];
  const Value& value = values_[state];
  const bool pair = value.kind == Kind::kTuple && value.items.size() == 2;
  return pair ? value.items[0] : state;
}

}  // namespace midstream::package
