#include "core/formats/tensorflow/path.h"

#include <utility>

#include "core/formats/tensorflow/resolver.h"

namespace midstream::tensorflow {
namespace {

// A depth-first walk with its own stack: graphs are deep, and files may claim any depth.
class Walk {
 public:
  Walk(const TfGraph& graph, const std::set<TensorRef>& cut, Resolver* resolver, Path* path)
      : graph_(graph),
        cut_(cut),
        resolver_(*resolver),
        path_(*path),
        marks_(graph.nodes().size(), Mark::kNew) {}

  Status Visit(TensorRef output) {
    MS_RETURN_IF_ERROR(Enter(output));
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next < frame.step.inputs.size()) {
        TensorRef input = frame.step.inputs[frame.next++];  // Enter may move the frames
        MS_RETURN_IF_ERROR(Enter(input));
        continue;
      }
      marks_[frame.step.node] = Mark::kDone;
      path_.steps.push_back(std::move(frame.step));
      stack_.pop_back();
    }
    return OkStatus();
  }

 private:
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  struct Frame {
    Path::Step step;
    size_t next = 0;
  };

  Status Enter(TensorRef ref) {
    if (cut_.count(ref) > 0) {
      path_.cuts.insert(ref);
      return OkStatus();
    }
    if (marks_[ref.node] == Mark::kDone) return OkStatus();
    if (marks_[ref.node] == Mark::kOpen) {
      return InvalidArgument("the graph has a cycle through " + Describe(graph_.node(ref.node)));
    }
    Frame frame;
    frame.step.node = ref.node;
    auto inputs = resolver_.Inputs(ref.node);
    // What is not understood about a conditional is reported with the operators that are not.
    if (inputs.ok()) {
      frame.step.inputs = *std::move(inputs);
    } else if (inputs.status().code() != Code::kUnimplemented) {
      return inputs.status();
    }
    marks_[ref.node] = Mark::kOpen;
    stack_.push_back(std::move(frame));
    return OkStatus();
  }

  const TfGraph& graph_;
  const std::set<TensorRef>& cut_;
  Resolver& resolver_;
  Path& path_;
  std::vector<Mark> marks_;
  std::vector<Frame> stack_;
};

}  // namespace

Result<Path> FindPath(const TfGraph& graph, const std::set<TensorRef>& cut,
                      const std::map<TensorRef, double>& bound,
                      const std::vector<TensorRef>& outputs, bool keep_dropout) {
  Path path;
  Resolver resolver(graph, cut, bound, keep_dropout);
  Walk walk(graph, cut, &resolver, &path);
  for (TensorRef output : outputs) {
    MS_ASSIGN_OR_RETURN(TensorRef resolved, resolver.Resolve(output));
    path.outputs.push_back(resolved);
    MS_RETURN_IF_ERROR(walk.Visit(resolved));
  }
  for (const auto& [node, match] : resolver.dropouts()) path.dropouts.push_back({node, match});
  return path;
}

}  // namespace midstream::tensorflow
