#include "plugins/python/objects.h"

#include <algorithm>

#include "plugins/python/words.h"

namespace midstream::python {

namespace {

template <typename T>
RegionBlock Zeroed(Region* region) {
  RegionBlock block(region, sizeof(T));
  std::memset(block.data(), 0, sizeof(T));
  return block;
}

}  // namespace

bool Object::IsHeld() const {
  return std::any_of(holds_, holds_ + MP_MAX_WORKERS,
                     [](const uint32_t& hold) { return Load(hold) != 0; });
}

void Object::ClearHolds(uint32_t worker) { Store(holds_[worker], 0u); }

ModelObject::ModelObject(Region* region, uint64_t id, std::string name, std::string_view header,
                         const std::vector<std::string_view>& contents)
    : Object(Zeroed<mp_model>(region)), name_(std::move(name)) {
  uint64_t bytes = header.size();
  for (std::string_view content : contents) bytes += content.size();
  blob_ = RegionBlock(region, bytes);
  std::byte* at = blob_.data();
  const auto append = [&](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  append(header);
  for (std::string_view content : contents) append(content);
  raw()->id = id;
  raw()->blob = blob_.offset();
  raw()->header_bytes = header.size();
  raw()->blob_bytes = bytes;
  holds_ = raw()->holds;
}

ValueObject::ValueObject(Region* region, const sdk::TensorView& shape, ValueMemory memory)
    : Object(Zeroed<mp_value>(region)), memory_(std::move(memory)) {
  mp_tensor& tensor = raw()->tensor;
  if (memory_.file != nullptr) {
    raw()->file = memory_.file->index() + 1;
    tensor.at = memory_.file_offset;
    data_ = memory_.file->data() + memory_.file_offset;
  } else if (memory_.region.offset() != 0) {
    tensor.at = region->Reference(memory_.region.offset());
    data_ = memory_.region.data();
  } else {
    data_ = memory_.handed != nullptr ? memory_.handed : memory_.host.data();
    tensor.at = reinterpret_cast<uint64_t>(data_);
  }
  tensor.bytes = shape.bytes();
  tensor.dtype_code = shape.dtype.code;
  tensor.dtype_bits = shape.dtype.bits;
  tensor.rank = shape.rank;
  std::copy(shape.shape().begin(), shape.shape().end(), tensor.shape);
  holds_ = raw()->holds;
}

ValueObject::~ValueObject() {
  if (released_ != nullptr) released_(user_);
}

SetObject::SetObject(Region* region, uint64_t id, const ModelObject& model,
                     std::vector<std::shared_ptr<ValueObject>> values)
    : Object(Zeroed<mp_set>(region)),
      values_(std::move(values)),
      offsets_(region, values_.size() * sizeof(uint64_t)) {
  for (size_t i = 0; i < values_.size(); ++i) offsets_.as<uint64_t>()[i] = values_[i]->offset();
  raw()->id = id;
  raw()->model = model.id();
  raw()->n_values = static_cast<uint32_t>(values_.size());
  raw()->values = offsets_.offset();
  holds_ = raw()->holds;
}

ObjectTable::~ObjectTable() {
  // Whoever holds something now is gone: the pool has stopped its workers.
  while (!places_.empty()) {
    for (Place& place : places_) {
      for (uint32_t worker = 0; worker < MP_MAX_WORKERS; ++worker) place.object->ClearHolds(worker);
    }
    Sweep();
  }
}

ObjectTable::Place* ObjectTable::Add(Object* object) {
  std::lock_guard lock(mutex_);
  places_.push_back({object, false});
  return &places_.back();
}

void ObjectTable::Release(Place* place) {
  {
    std::lock_guard lock(mutex_);
    place->object->Retire();
    place->retired = true;
    ++retired_;
  }
  mp_region& header = region_->header();
  python::Add(header.retire_epoch, 1u);
  python::Add(header.work, 1u);
  Wake(header.work);
  python::Add(header.dropped, 1u);  // for whoever sweeps
  Wake(header.dropped);
}

bool ObjectTable::Sweep() {
  for (;;) {
    std::list<Place> free;
    {
      std::lock_guard lock(mutex_);
      for (auto it = places_.begin(); it != places_.end();) {
        const auto next = std::next(it);
        if (it->retired && !it->object->IsHeld()) free.splice(free.end(), places_, it);
        it = next;
      }
      retired_ -= free.size();
      if (free.empty()) return retired_ > 0;
    }
    // Not under the lock: a set lets go of values, and memory goes back to the core.
    for (Place& place : free) delete place.object;
  }
}

void ObjectTable::ClearHolds(uint32_t worker) {
  std::lock_guard lock(mutex_);
  for (Place& place : places_) place.object->ClearHolds(worker);
}

size_t ObjectTable::size() const {
  std::lock_guard lock(mutex_);
  return places_.size();
}

}  // namespace midstream::python
