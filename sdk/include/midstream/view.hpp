// C++ views of the C ABI: errors, the host, the graph, tensors. Header-only, owns nothing.
//
// Errors inside a plugin are thrown as Error; Guard() turns every exception into a code at the
// boundary.
#ifndef MIDSTREAM_VIEW_HPP_
#define MIDSTREAM_VIEW_HPP_

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "midstream/backend.h"

namespace midstream::sdk {

class Error : public std::exception {
 public:
  Error(ms_code code, std::string message) : code_(code), message_(std::move(message)) {}
  ms_code code() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ms_code code_;
  std::string message_;
};

// Fills *error (cutting the text to what fits) and returns code.
inline ms_code Fail(ms_error* error, ms_code code, std::string_view message) noexcept {
  if (error != nullptr) {
    error->code = code;
    size_t n = std::min(message.size(), sizeof error->message - 1);
    std::memcpy(error->message, message.data(), n);
    error->message[n] = '\0';
  }
  return code;
}

// Runs body; nothing is thrown past this point.
template <typename Body>
ms_code Guard(ms_error* error, Body&& body) noexcept {
  try {
    body();
    return MS_OK;
  } catch (const Error& e) {
    return Fail(error, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return Fail(error, MS_RESOURCE_EXHAUSTED, "out of memory");
  } catch (const std::exception& e) {
    return Fail(error, MS_UNKNOWN, e.what());
  } catch (...) {
    return Fail(error, MS_UNKNOWN, "an exception of unknown type");
  }
}

constexpr ms_dtype kF16{MS_DTYPE_FLOAT, 16, 1};
constexpr ms_dtype kF32{MS_DTYPE_FLOAT, 32, 1};
constexpr ms_dtype kF64{MS_DTYPE_FLOAT, 64, 1};
constexpr ms_dtype kBF16{MS_DTYPE_BFLOAT, 16, 1};
constexpr ms_dtype kI32{MS_DTYPE_INT, 32, 1};
constexpr ms_dtype kI64{MS_DTYPE_INT, 64, 1};
constexpr ms_dtype kU8{MS_DTYPE_UINT, 8, 1};
constexpr ms_dtype kBool{MS_DTYPE_BOOL, 8, 1};

constexpr bool Same(ms_dtype a, ms_dtype b) {
  return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}
constexpr uint64_t ByteWidth(ms_dtype d) { return d.bits / 8u; }
inline std::string_view View(ms_str s) { return {s.data, s.size}; }
inline ms_str Str(std::string_view s) { return {s.data(), s.size()}; }

inline int64_t Count(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t dim : shape) count *= dim;
  return count;
}

// The services of the core; see ms_host.
class Host {
 public:
  explicit Host(const ms_host* host) : host_(host) {}
  const ms_host* raw() const { return host_; }

  void Log(int32_t level, std::string_view text) const {
    host_->log(host_->self, level, Str(text));
  }
  uint32_t thread_count() const { return host_->thread_count(host_->self); }
  // body(uint32_t index), on up to thread_count() threads; it must not throw.
  template <typename Body>
  void ParallelFor(uint32_t n, Body&& body) const {
    auto call = [](void* user, uint32_t idx) {
      (*static_cast<std::remove_reference_t<Body>*>(user))(idx);
    };
    host_->parallel_for(host_->self, n, call, const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  const ms_host* host_;
};

// Copies on as many threads as the host lends.
inline void CopyBytes(const Host& host, void* to, const void* from, uint64_t bytes) {
  constexpr uint64_t kPiece = 512 << 10;  // smaller ones are not worth waking a thread
  const uint64_t pieces = bytes / kPiece;
  if (pieces < 2 || host.thread_count() == 1) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return;
  }
  host.ParallelFor(static_cast<uint32_t>(pieces), [&](uint32_t i) {
    const uint64_t begin = i * kPiece;
    const uint64_t end = i + 1 == pieces ? bytes : begin + kPiece;
    std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                end - begin);
  });
}

// Memory from the host's counted and recycled allocator, or memory that somebody handed over.
class Block {
 public:
  Block() = default;
  // `released(user)` is called when the block goes.
  Block(void* data, uint64_t bytes, void (*released)(void*), void* user)
      : data_(static_cast<std::byte*>(data)), bytes_(bytes), released_(released), user_(user) {}
  // Throws Error(MS_RESOURCE_EXHAUSTED).
  Block(const ms_host* host, uint64_t bytes) : host_(host), bytes_(bytes) {
    if (bytes == 0) return;
    data_ = static_cast<std::byte*>(host->mem_alloc(host->self, bytes));
    if (data_ == nullptr) {
      throw Error(MS_RESOURCE_EXHAUSTED, "out of memory: " + std::to_string(bytes) + " bytes");
    }
  }
  Block(Block&& other) noexcept
      : host_(other.host_),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(other.bytes_),
        released_(std::exchange(other.released_, nullptr)),
        user_(other.user_) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(released_, other.released_);
    std::swap(user_, other.user_);
    return *this;
  }
  ~Block() {
    if (released_ != nullptr) {
      released_(user_);
    } else if (data_ != nullptr) {
      host_->mem_free(host_->self, data_, bytes_);
    }
  }
  std::byte* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const ms_host* host_ = nullptr;
  std::byte* data_ = nullptr;
  uint64_t bytes_ = 0;
  void (*released_)(void*) = nullptr;  // set: the memory is not the host's
  void* user_ = nullptr;
};

// A contiguous tensor in host memory. A null data pointer is an absent optional input.
struct TensorView {
  void* data = nullptr;
  const int64_t* dims = nullptr;
  uint32_t rank = 0;
  ms_dtype dtype{};

  bool present() const { return dims != nullptr; }
  std::span<const int64_t> shape() const { return {dims, rank}; }
  int64_t dim(size_t axis) const { return dims[axis]; }
  int64_t count() const { return Count(shape()); }
  uint64_t bytes() const { return static_cast<uint64_t>(count()) * ByteWidth(dtype); }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// The struct with its size set and everything else zero.
template <typename T>
T Sized() {
  T value{};
  value.struct_size = sizeof(T);
  return value;
}

// What the core sent must be all that this plugin knows, and nothing more that it would have to obey.
template <typename T>
void CheckSized(const T& value, const char* name) {
  if (value.struct_size < sizeof(T)) {
    throw Error(MS_INVALID_ARGUMENT, std::string(name) + " is shorter than this backend needs");
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  if (std::any_of(bytes + sizeof(T), bytes + value.struct_size,
                  [](unsigned char b) { return b != 0; })) {
    throw Error(MS_FAILED_PRECONDITION,
                std::string(name) + " asks for more than this backend knows");
  }
}

class ValueView {
 public:
  explicit ValueView(const ms_value_info& info) : info_(info) {}
  ms_dtype dtype() const { return info_.dtype; }
  std::string_view name() const { return View(info_.name); }
  bool rank_known() const { return (info_.flags & MS_VALUE_RANK_UNKNOWN) == 0; }
  std::span<const int64_t> shape() const { return {info_.shape, info_.rank}; }
  bool shape_known() const {
    return rank_known() &&
           std::none_of(info_.shape, info_.shape + info_.rank, [](int64_t d) { return d < 0; });
  }
  bool is_weight() const { return info_.kind == MS_VALUE_WEIGHT; }
  bool is_constant() const { return info_.data != nullptr; }
  const ms_value_info& info() const { return info_; }

 private:
  ms_value_info info_;
};

class GraphView;

class NodeView {
 public:
  NodeView(const GraphView* graph, uint32_t id, const ms_node_info& info)
      : graph_(graph), id_(id), info_(info) {}
  uint32_t id() const { return id_; }
  std::string_view op() const { return View(info_.op); }
  std::string_view domain() const { return View(info_.domain); }
  std::string_view name() const { return View(info_.name); }
  std::span<const uint32_t> inputs() const { return {info_.inputs, info_.n_inputs}; }
  std::span<const uint32_t> outputs() const { return {info_.outputs, info_.n_outputs}; }
  bool HasInput(size_t i) const { return i < info_.n_inputs && info_.inputs[i] != MS_NONE; }
  ValueView input(size_t i) const;  // requires HasInput(i)
  ValueView output(size_t i) const;

  // The attribute, or the default when it is absent or of another kind.
  int64_t Int(std::string_view name, int64_t fallback) const;
  double Float(std::string_view name, double fallback) const;
  std::string String(std::string_view name, std::string_view fallback) const;
  std::vector<int64_t> Ints(std::string_view name) const;
  std::vector<double> Floats(std::string_view name) const;

 private:
  bool Attr(std::string_view name, uint32_t kind, ms_attr* out) const;

  const GraphView* graph_;
  uint32_t id_;
  ms_node_info info_;
};

// Valid during the ABI call that received the graph.
class GraphView {
 public:
  GraphView(const ms_host* host, const ms_graph* graph)
      : host_(host), graph_(graph), info_(Sized<ms_graph_info>()) {
    Check(host->graph_info(graph, &info_));
  }
  uint32_t node_count() const { return info_.n_nodes; }
  uint32_t value_count() const { return info_.n_values; }
  std::span<const uint32_t> inputs() const { return {info_.inputs, info_.n_inputs}; }
  std::span<const uint32_t> outputs() const { return {info_.outputs, info_.n_outputs}; }
  std::span<const uint32_t> slots() const { return {info_.slots, info_.n_slots}; }
  NodeView node(uint32_t id) const {
    auto info = Sized<ms_node_info>();
    Check(host_->node_info(graph_, id, &info));
    return {this, id, info};
  }
  ValueView value(uint32_t id) const {
    auto info = Sized<ms_value_info>();
    Check(host_->value_info(graph_, id, &info));
    return ValueView(info);
  }
  const ms_host* host() const { return host_; }
  const ms_graph* raw() const { return graph_; }

 private:
  static void Check(ms_code code) {
    if (code != MS_OK) throw Error(MS_INTERNAL, "the core refused a graph accessor");
  }
  const ms_host* host_;
  const ms_graph* graph_;
  ms_graph_info info_;
};

inline ValueView NodeView::input(size_t i) const { return graph_->value(info_.inputs[i]); }
inline ValueView NodeView::output(size_t i) const { return graph_->value(info_.outputs[i]); }

inline bool NodeView::Attr(std::string_view name, uint32_t kind, ms_attr* out) const {
  *out = Sized<ms_attr>();
  return graph_->host()->node_attr(graph_->raw(), id_, Str(name), out) == MS_OK &&
         out->kind == kind;
}
inline int64_t NodeView::Int(std::string_view name, int64_t fallback) const {
  ms_attr attr;
  return Attr(name, MS_ATTR_INT, &attr) ? attr.i : fallback;
}
inline double NodeView::Float(std::string_view name, double fallback) const {
  ms_attr attr;
  return Attr(name, MS_ATTR_FLOAT, &attr) ? attr.f : fallback;
}
inline std::string NodeView::String(std::string_view name, std::string_view fallback) const {
  ms_attr attr;
  return std::string(Attr(name, MS_ATTR_STRING, &attr) ? View(attr.s) : fallback);
}
inline std::vector<int64_t> NodeView::Ints(std::string_view name) const {
  ms_attr attr;
  if (!Attr(name, MS_ATTR_INTS, &attr)) return {};
  return {attr.ints, attr.ints + attr.count};
}
inline std::vector<double> NodeView::Floats(std::string_view name) const {
  ms_attr attr;
  if (!Attr(name, MS_ATTR_FLOATS, &attr)) return {};
  return {attr.floats, attr.floats + attr.count};
}

}  // namespace midstream::sdk

#endif  // MIDSTREAM_VIEW_HPP_
