#include "core/session/runner.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>

#include "core/base/trace.h"
#include "core/session/batch.h"

namespace midstream::session {
namespace {

Status InOutput(const Status& status, const plan::Program& program, size_t index) {
  return status.WithContext("output '" + program.graph().output_names()[index] + "'");
}

Status OutOfMemory() {
  static const Status kStatus = ResourceExhausted("out of memory while the request was executed");
  return kStatus;
}

int64_t RowsOf(std::span<const Tensor> inputs) {
  return inputs.empty() || inputs[0].shape().rank() == 0 ? 1 : inputs[0].shape()[0];
}

// Whether an output of `rows` rows is that of single requests, one behind the other: no dimension
// but the first follows the number of rows.
bool Splits(const Shape& all, int64_t rows, const Shape& single, int64_t single_rows) {
  return all.rank() > 0 && all.rank() == single.rank() && all[0] == rows &&
         single[0] == single_rows &&
         std::equal(all.dims().begin() + 1, all.dims().end(), single.dims().begin() + 1);
}

// What throws fails alone.
template <typename Body>
Status Caught(Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::exception& exception) {
    return Internal(exception.what());
  }
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::Create(std::shared_ptr<const plan::Program> program,
                                               std::shared_ptr<weights::Store> store) {
  std::unique_ptr<Runner> runner(new Runner);
  runner->program_ = std::move(program);
  runner->store_ = std::move(store);
  MS_ASSIGN_OR_RETURN(runner->number_, runner->store_->Attach(runner->program_));
  runner->attached_ = true;
  return runner;
}

Runner::~Runner() {
  if (attached_) store_->Detach(number_);
}

Status Runner::Check(const weights::Version& version) const {
  const std::string name = "version " + std::to_string(version.id) + " of the weights";
  if (version.model != store_->number()) {
    return FailedPrecondition(name + " was pinned of another model");
  }
  if (version.Has(number_)) return OkStatus();
  return FailedPrecondition(name +
                            " holds none for this session: it was replaced before the session "
                            "was created, or the model is unloaded");
}

Status Runner::Prepare(Lane& lane) const {
  if (lane.context != nullptr) return OkStatus();
  MS_ASSIGN_OR_RETURN(lane.context, plan::ExecContext::Create(program_));
  return OkStatus();
}

Status Runner::Execute(Lane& lane, const std::shared_ptr<const plan::ShapedPlan>& plan,
                       const weights::Version& version, std::span<const Tensor> inputs,
                       std::span<Tensor> outputs) const {
  if (!version.Has(number_)) return FailedPrecondition("the model is unloaded");
  MS_RETURN_IF_ERROR(Prepare(lane));
  const trace::Span span("session", "execute",
                         {{"version", static_cast<int64_t>(version.id)}, {"rows", RowsOf(inputs)}});
  std::vector<plan::TimedWork> times;
  const bool profiled = activity_->profiling();
  Status status = lane.context->Run(plan, *version.programs[number_].sets, inputs, outputs,
                                    profiled ? &times : nullptr);
  if (status.ok()) {
    activity_->CountTraffic(*plan);
    if (profiled) activity_->AddTimes(*program_, *plan, times, lane.number);
    return status;
  }
  // The next run gets a context without a failure behind it.
  if (lane.context->stuck()) {
    std::vector<Tensor> batches = std::move(lane.gathered);
    std::move(lane.scattered.begin(), lane.scattered.end(), std::back_inserter(batches));
    lane.gathered.clear();
    lane.scattered.clear();
    plan::ExecContext::Abandon(std::move(lane.context), std::move(batches));
  }
  lane.context.reset();
  return status;
}

Status Runner::Run(Lane& lane, const weights::Version* pinned, std::span<const Tensor> inputs,
                   std::vector<Tensor>* outputs, uint64_t* version) const {
  return Caught([&] { return RunOrThrow(lane, pinned, inputs, outputs, version); });
}

Status Runner::RunBatch(Lane& lane, const weights::Version& version,
                        std::span<const std::shared_ptr<Request>> requests) const {
  return Caught([&] { return RunBatchOrThrow(lane, version, requests); });
}

Status Runner::RunOrThrow(Lane& lane, const weights::Version* pinned,
                          std::span<const Tensor> inputs, std::vector<Tensor>* outputs,
                          uint64_t* version) const {
  MS_ASSIGN_OR_RETURN(auto plan, program_->PlanFor(inputs));
  outputs->resize(plan->output_shapes.size());
  for (size_t i = 0; i < outputs->size(); ++i) {
    const DType dtype = program_->graph().value(program_->graph().outputs()[i]).dtype;
    Status status = MakeWritable(dtype, plan->output_shapes[i], &(*outputs)[i]);
    if (!status.ok()) return InOutput(status, *program_, i);
  }
  std::shared_ptr<const weights::Version> current;
  if (pinned == nullptr) {
    current = store_->Pin();
    pinned = current.get();
  }
  *version = pinned->id;
  return Execute(lane, plan, *pinned, inputs, *outputs);
}

Status Runner::RunBatchOrThrow(Lane& lane, const weights::Version& version,
                               std::span<const std::shared_ptr<Request>> requests) const {
  int64_t rows = 0;
  for (const auto& request : requests) rows += request->rows;
  std::vector<Tensor> inputs(requests[0]->inputs.size());
  lane.gathered.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    MS_ASSIGN_OR_RETURN(inputs[i], GatherRows(requests, i, rows, &lane.gathered[i]));
  }
  MS_ASSIGN_OR_RETURN(auto plan, program_->PlanFor(inputs));
  MS_ASSIGN_OR_RETURN(auto single, program_->PlanFor(requests[0]->inputs));
  const std::vector<ValueId>& ids = program_->graph().outputs();
  std::vector<Tensor> outputs(ids.size());
  lane.scattered.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const Shape& shape = plan->output_shapes[i];
    if (!Splits(shape, rows, single->output_shapes[i], requests[0]->rows)) {
      return InOutput(FailedPrecondition("does not split into rows"), *program_, i);
    }
    auto output = TensorIn(&lane.scattered[i], program_->graph().value(ids[i]).dtype, shape);
    if (!output.ok()) return InOutput(output.status(), *program_, i);
    outputs[i] = *std::move(output);
  }
  MS_RETURN_IF_ERROR(Execute(lane, plan, version, inputs, outputs));
  for (const auto& request : requests) request->outputs.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    MS_RETURN_IF_ERROR(ScatterRows(outputs[i], i, requests));
  }
  return OkStatus();
}

}  // namespace midstream::session
