// What a pool's interpreters may hold: models, sets of weights, values. And the table that frees
// each of them when neither the host nor an interpreter uses it any more.
//
// Objects are shared_ptr's of the host. When the last one goes, the object is retired in the region
// and waits in the table until no worker holds it (protocol.h, "Objects"); Sweep then destroys it,
// and with it what it refers to. So memory that the core handed over is given back on the thread
// that sweeps. Threads: any. The table must outlive every shared_ptr.
#ifndef MIDSTREAM_PLUGINS_PYTHON_OBJECTS_H_
#define MIDSTREAM_PLUGINS_PYTHON_OBJECTS_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "midstream/view.hpp"
#include "plugins/python/files.h"
#include "plugins/python/region.h"

namespace midstream::python {

// A block of the region.
class RegionBlock {
 public:
  RegionBlock() = default;
  RegionBlock(Region* region, uint64_t bytes) : region_(region), offset_(region->Allocate(bytes)) {}
  RegionBlock(RegionBlock&& other) noexcept
      : region_(other.region_), offset_(std::exchange(other.offset_, 0)) {}
  RegionBlock& operator=(RegionBlock&& other) noexcept {
    std::swap(region_, other.region_);
    std::swap(offset_, other.offset_);
    return *this;
  }
  ~RegionBlock() {
    if (offset_ != 0) region_->Free(offset_);
  }
  uint64_t offset() const { return offset_; }
  std::byte* data() const { return region_->At(offset_); }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data());
  }

 private:
  Region* region_ = nullptr;
  uint64_t offset_ = 0;
};

class Object {
 public:
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  uint64_t offset() const { return block_.offset(); }
  bool IsHeld() const;
  void ClearHolds(uint32_t worker);
  // Tells the workers that nobody asks for it any more.
  virtual void Retire() {}

 protected:
  explicit Object(RegionBlock block) : block_(std::move(block)) {}

  RegionBlock block_;
  uint32_t* holds_ = nullptr;  // in the block
};

class ModelObject : public Object {
 public:
  // header: JSON, as mp_model says; contents: of the files, one behind the other.
  ModelObject(Region* region, uint64_t id, std::string name, std::string_view header,
              const std::vector<std::string_view>& contents);
  void Retire() override { __atomic_store_n(&raw()->state, MP_RETIRED, __ATOMIC_SEQ_CST); }
  const std::string& name() const { return name_; }  // for messages
  uint64_t id() const { return raw()->id; }

 private:
  mp_model* raw() const { return block_.as<mp_model>(); }
  std::string name_;
  RegionBlock blob_;
};

// The memory of a value: exactly one of these is used.
struct ValueMemory {
  sdk::Block host;                    // shared isolation: a copy
  const std::byte* handed = nullptr;  // shared isolation: what the core handed over
  RegionBlock region;                 // worker processes: a copy
  std::shared_ptr<MappedFile> file;   // worker processes: the bytes of a container
  uint64_t file_offset = 0;
};

class ValueObject : public Object {
 public:
  ValueObject(Region* region, const sdk::TensorView& shape, ValueMemory memory);
  ~ValueObject() override;
  // Calls released(user) when the memory is not used any more.
  void Own(void (*released)(void*), void* user) { released_ = released, user_ = user; }
  const std::byte* data() const { return data_; }
  uint64_t bytes() const { return raw()->tensor.bytes; }
  // mp_tensor.at for a job; not for values in files.
  uint64_t reference() const { return raw()->tensor.at; }

 private:
  mp_value* raw() const { return block_.as<mp_value>(); }
  ValueMemory memory_;
  const std::byte* data_ = nullptr;
  void (*released_)(void*) = nullptr;
  void* user_ = nullptr;
};

class SetObject : public Object {
 public:
  SetObject(Region* region, uint64_t id, const ModelObject& model,
            std::vector<std::shared_ptr<ValueObject>> values);
  void Retire() override { __atomic_store_n(&raw()->state, MP_RETIRED, __ATOMIC_SEQ_CST); }
  const std::vector<std::shared_ptr<ValueObject>>& values() const { return values_; }

 private:
  mp_set* raw() const { return block_.as<mp_set>(); }
  std::vector<std::shared_ptr<ValueObject>> values_;
  RegionBlock offsets_;
};

class ObjectTable {
 public:
  explicit ObjectTable(Region* region) : region_(region) {}
  ~ObjectTable();
  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;

  template <typename T, typename... Args>
  std::shared_ptr<T> Make(Args&&... args) {
    auto object = std::make_unique<T>(region_, std::forward<Args>(args)...);
    Place* place = Add(object.get());
    return std::shared_ptr<T>(object.release(), [this, place](T*) { Release(place); });
  }

  // Destroys what is retired and not held. False: nothing is retired any more.
  bool Sweep();
  // A worker is gone, and with it what it held.
  void ClearHolds(uint32_t worker);
  size_t size() const;  // alive or not yet swept

 private:
  struct Place {
    Object* object = nullptr;
    bool retired = false;
  };
  Place* Add(Object* object);
  void Release(Place* place);

  Region* region_;
  mutable std::mutex mutex_;
  std::list<Place> places_;
  size_t retired_ = 0;
};

}  // namespace midstream::python

#endif  // MIDSTREAM_PLUGINS_PYTHON_OBJECTS_H_
