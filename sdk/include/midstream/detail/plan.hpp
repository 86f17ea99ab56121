// Plan of a kernel-list backend: a module at concrete shapes. Included by backend.hpp.
//
// Planning decides once where every value lies: in an input or output of the segment, in a weight
// or constant, or at an offset of the scratch memory. Executing patches those addresses into
// prepared tensor views (which also live in the scratch memory, so that one plan may execute on
// several queues at once) and runs the kernels in order.
#ifndef MIDSTREAM_DETAIL_PLAN_HPP_
#define MIDSTREAM_DETAIL_PLAN_HPP_

#include <chrono>

#include "midstream/arena.hpp"
#include "midstream/detail/module.hpp"

namespace midstream::sdk::detail {

enum class Where : uint8_t { kNowhere, kInput, kOutput, kScratch, kSlot, kConstant };

struct Place {
  Where where = Where::kNowhere;
  uint64_t idx = 0;                 // which input, output or slot; byte offset for kScratch
  const std::byte* data = nullptr;  // kConstant
};

struct Step {
  uint32_t use;
  bool view;            // copy input 0 to output 0 instead of running the kernel
  uint32_t first_view;  // in Plan::views_: the inputs, then the outputs
  uint32_t n_inputs;
  uint32_t n_outputs;
  uint32_t node;  // that makes output 0
};

// When the steps of the plans of one queue ran, until the core reads it; see MS_EXT_PROFILE.
class Timeline {
 public:
  static constexpr size_t kMaxEvents = size_t{1} << 18;  // beyond it events are dropped

  static uint64_t Now() {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
  }
  void Add(const void* plan, uint32_t node, uint64_t begin_ns, uint64_t end_ns,
           std::string_view kernel) {
    if (events_.size() == kMaxEvents) return;
    auto* handle = static_cast<ms_plan*>(const_cast<void*>(plan));
    events_.push_back({sizeof(ms_profile_event), node, handle, begin_ns, end_ns, Str(kernel)});
  }
  std::vector<ms_profile_event> Take() { return std::exchange(events_, {}); }

 private:
  std::vector<ms_profile_event> events_;
};

class Plan {
 public:
  Plan(const Module* module, const GraphView& graph)
      : module_(module), places_(module->value_count()) {
    Describe(graph);
    PlaceFixed(graph);
    PlaceScratch(LiveUses());
    AddSteps(graph);
    for (uint32_t i = 0; i < module_->outputs().size(); ++i) {
      const Place& place = places_[Root(module_->outputs()[i])];
      if (place.where != Where::kOutput || place.idx != i) copies_.push_back(i);
    }
  }

  const Module* module() const { return module_; }
  uint64_t scratch_bytes() const {
    return views_offset_ + AlignUp(views_.size() * sizeof(TensorView));
  }

  // inputs and outputs in segment order; to_view finds a tensor's host address. times: null, or gets
  // when each step ran. Requires: weights sealed (or null without slots).
  template <typename ToView>
  void Execute(const Weights* weights, const ms_tensor* inputs, const ms_tensor* outputs,
               std::byte* scratch, const Host& host, ToView&& to_view, Timeline* times) const {
    auto* views = reinterpret_cast<TensorView*>(scratch + views_offset_);
    if (!views_.empty())
      std::memcpy(static_cast<void*>(views), views_.data(), views_.size() * sizeof(TensorView));
    auto address = [&](const Place& place) -> void* {
      switch (place.where) {
        case Where::kInput:
          return to_view(inputs[place.idx]).data;
        case Where::kOutput:
          return to_view(outputs[place.idx]).data;
        case Where::kScratch:
          return scratch + place.idx;
        case Where::kSlot:
          return const_cast<std::byte*>(weights->plain(static_cast<uint32_t>(place.idx)));
        case Where::kConstant:
          return const_cast<std::byte*>(place.data);
        case Where::kNowhere:
          break;
      }
      return nullptr;
    };
    for (size_t i = 0; i < views_.size(); ++i) views[i].data = address(view_places_[i]);
    const std::byte* const* packed =
        weights != nullptr ? weights->packed() : no_weights_packed_.data();
    uint64_t begin_ns = times != nullptr ? Timeline::Now() : 0;
    for (const Step& step : steps_) {
      TensorView* in = views + step.first_view;
      TensorView* out = in + step.n_inputs;
      const Kernel& kernel = *module_->uses()[step.use].kernel;
      if (step.view) {
        if (out->bytes() > 0) std::memcpy(out->data, in->data, out->bytes());
      } else {
        kernel.Run({in, out, step.n_inputs, step.n_outputs, packed + module_->use_offset(step.use),
                    scratch + kernel_offset_, &host});
      }
      if (times != nullptr) {
        const uint64_t end_ns = Timeline::Now();
        times->Add(this, step.node, begin_ns, end_ns, step.view ? "copy" : kernel.Variant());
        begin_ns = end_ns;
      }
    }
    for (uint32_t i : copies_) {
      const void* from = address(places_[Root(module_->outputs()[i])]);
      TensorView to = to_view(outputs[i]);
      if (to.bytes() > 0) std::memcpy(to.data, from, to.bytes());
    }
  }

 private:
  struct Described {
    ms_dtype dtype{};
    std::vector<int64_t> shape;
    bool known = false;
  };

  void Describe(const GraphView& graph) {
    described_.resize(places_.size());
    alias_.resize(places_.size());
    for (uint32_t id = 0; id < places_.size(); ++id) {
      alias_[id] = id;
      ValueView value = graph.value(id);
      described_[id].dtype = value.dtype();
      described_[id].known = value.shape_known();
      if (value.shape_known())
        described_[id].shape.assign(value.shape().begin(), value.shape().end());
    }
  }

  TensorView ViewOf(uint32_t id) const {
    if (id == MS_NONE) return {};
    const Described& d = described_[id];
    if (!d.known)
      throw Error(MS_INVALID_ARGUMENT,
                  "a plan needs every shape; value " + std::to_string(id) + " has none");
    static constexpr int64_t kScalar = 0;  // a scalar has no dimension but must not look absent
    return {nullptr, d.shape.empty() ? &kScalar : d.shape.data(),
            static_cast<uint32_t>(d.shape.size()), d.dtype};
  }

  uint32_t Root(uint32_t id) const {
    while (alias_[id] != id) id = alias_[id];
    return id;
  }

  void PlaceFixed(const GraphView& graph) {
    for (uint32_t i = 0; i < module_->inputs().size(); ++i)
      places_[module_->inputs()[i]] = {Where::kInput, i, nullptr};
    for (uint32_t i = 0; i < module_->slots().size(); ++i) {
      places_[module_->slots()[i].declared.value] = {Where::kSlot, i, nullptr};
    }
    for (size_t i = 0; i < module_->constants().size(); ++i) {
      places_[module_->constants()[i].declared.value] = {Where::kConstant, 0,
                                                         module_->constant_forms()[i].plain.data()};
    }
    for (uint32_t id = 0; id < places_.size(); ++id) {  // values that these shapes determine
      ValueView value = graph.value(id);
      if (value.info().kind != MS_VALUE_NODE || value.info().data == nullptr) continue;
      determined_.emplace_back(module_->host(), value.info().data_bytes);
      if (value.info().data_bytes > 0) {
        std::memcpy(determined_.back().data(), value.info().data, value.info().data_bytes);
      }
      places_[id] = {Where::kConstant, 0, determined_.back().data()};
    }
    for (uint32_t i = 0; i < module_->outputs().size(); ++i) {
      Place& place = places_[module_->outputs()[i]];
      if (place.where == Where::kNowhere) place = {Where::kOutput, i, nullptr};
    }
  }

  // Uses that have something to compute, with views resolved into aliases.
  std::vector<uint32_t> LiveUses() {
    std::vector<uint32_t> live;
    for (uint32_t u = 0; u < module_->uses().size(); ++u) {
      const KernelUse& use = module_->uses()[u];
      bool needed = std::any_of(use.outputs.begin(), use.outputs.end(),
                                [&](uint32_t id) { return places_[id].where != Where::kConstant; });
      if (!needed) continue;
      if (use.kernel->IsView() && places_[use.outputs[0]].where == Where::kNowhere) {
        alias_[use.outputs[0]] = use.inputs[0];
      } else {
        live.push_back(u);
      }
    }
    return live;
  }

  void PlaceScratch(const std::vector<uint32_t>& live) {
    std::vector<ArenaItem> items;
    std::map<uint32_t, size_t> item_of;
    for (uint32_t step = 0; step < live.size(); ++step) {
      const KernelUse& use = module_->uses()[live[step]];
      for (uint32_t id : use.outputs) {
        if (places_[id].where != Where::kNowhere) continue;
        item_of[id] = items.size();
        items.push_back({std::max<uint64_t>(ViewOf(id).bytes(), 1), step, step, 0});
      }
      for (uint32_t id : use.inputs) {
        if (id == MS_NONE) continue;
        if (auto it = item_of.find(Root(id)); it != item_of.end()) items[it->second].last = step;
      }
    }
    for (uint32_t id : module_->outputs()) {
      if (auto it = item_of.find(Root(id)); it != item_of.end())
        items[it->second].last = static_cast<uint32_t>(live.size());
    }
    kernel_offset_ = PlanArena(items);
    for (const auto& [id, idx] : item_of)
      places_[id] = {Where::kScratch, items[idx].offset, nullptr};
    live_ = live;
  }

  void AddSteps(const GraphView& graph) {
    uint64_t kernel_bytes = 0;
    Host host(module_->host());
    for (uint32_t u : live_) {
      const KernelUse& use = module_->uses()[u];
      Step step{u,
                use.kernel->IsView(),
                static_cast<uint32_t>(views_.size()),
                static_cast<uint32_t>(use.inputs.size()),
                static_cast<uint32_t>(use.outputs.size()),
                graph.value(use.outputs[0]).info().producer};
      for (uint32_t id : use.inputs) AddView(id);
      for (uint32_t id : use.outputs) AddView(id);
      const TensorView* in = views_.data() + step.first_view;
      if (!step.view) {
        kernel_bytes = std::max(
            kernel_bytes, use.kernel->ScratchBytes({in, in + step.n_inputs, step.n_inputs,
                                                    step.n_outputs, nullptr, nullptr, &host}));
      }
      steps_.push_back(step);
    }
    views_offset_ = kernel_offset_ + AlignUp(kernel_bytes);
    if (module_->slots().empty()) MakeConstantTable();
  }

  void AddView(uint32_t id) {
    views_.push_back(ViewOf(id));
    view_places_.push_back(id == MS_NONE ? Place{} : places_[Root(id)]);
  }

  // Packed constants for a module that has no weight set to carry them.
  void MakeConstantTable() {
    no_weights_packed_.assign(module_->use_offset(module_->uses().size()), nullptr);
    for (size_t i = 0; i < module_->constants().size(); ++i) {
      const Holder& holder = module_->constants()[i];
      for (size_t t = 0; t < holder.targets.size(); ++t) {
        no_weights_packed_[module_->use_offset(holder.targets[t].use) + holder.targets[t].input] =
            module_->constant_forms()[i].packed[t].data();
      }
    }
  }

  const Module* module_;
  std::vector<Described> described_;
  std::vector<uint32_t> alias_;  // value -> the value whose memory it shares
  std::vector<Place> places_;
  std::vector<Block> determined_;
  std::vector<uint32_t> live_;
  std::vector<Step> steps_;
  std::vector<TensorView> views_;
  std::vector<Place> view_places_;
  std::vector<uint32_t>
      copies_;  // outputs that are an input, a weight, a constant or another output
  std::vector<const std::byte*> no_weights_packed_;
  uint64_t kernel_offset_ = 0;
  uint64_t views_offset_ = 0;
};

}  // namespace midstream::sdk::detail

#endif  // MIDSTREAM_DETAIL_PLAN_HPP_
