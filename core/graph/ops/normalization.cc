// Normalisation and softmax: the output is like the first input.
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"
#include "core/graph/ops/window.h"

namespace midstream::infer {
namespace {

// The output is like input 0, whose channel axis has `*channels` entries (unknown with the rank).
Status LikeChannels(InferContext& context, size_t min_rank, int64_t* channels) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, min_rank));
  bool channels_last = false;
  if (context.node().domain == kMidstreamDomain) {
    MS_ASSIGN_OR_RETURN(channels_last, IsChannelsLast(context));
  }
  const Shape& x = context.shape(0);
  *channels = x.rank_known() ? x[LayoutOf(channels_last, x.rank()).channel] : kUnknownDim;
  context.output().dtype = context.dtype(0);
  context.output().shape = x;
  return OkStatus();
}

Status BatchNormalization(InferContext& context) {
  if (context.node().Int("training_mode", 0) != 0) {
    return context.Error("expected training_mode = 0, got 1");
  }
  int64_t channels = kUnknownDim;
  MS_RETURN_IF_ERROR(LikeChannels(context, 2, &channels));
  for (size_t i = 1; i < 5; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kFloats));
    MS_RETURN_IF_ERROR(CheckRank(context, i, 1));
    if (!context.shape(i).rank_known()) continue;
    MS_ASSIGN_OR_RETURN(
        channels, SameDim(context, "channels and entries of input " + std::to_string(i), channels,
                          context.shape(i)[0]));
  }
  return OkStatus();
}

Status Lrn(InferContext& context) {
  int64_t channels = kUnknownDim;
  MS_RETURN_IF_ERROR(LikeChannels(context, 3, &channels));
  int64_t size = context.node().Int("size", 0);
  if (size >= 1) return OkStatus();
  return context.Error("expected size >= 1, got " + std::to_string(size));
}

Status Softmax(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  const Shape& x = context.shape(0);
  context.output().dtype = context.dtype(0);
  context.output().shape = x;
  if (!x.rank_known()) return OkStatus();
  return NormalizeAxis(context, context.node().Int("axis", -1), x.rank()).status();
}

// Scale and shift broadcast to X and may have a float dtype of their own.
Status NormalizationFromAxis(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_RETURN_IF_ERROR(CheckMinRank(context, 0, 1));
  const Shape& x = context.shape(0);
  context.output().dtype = context.dtype(0);
  context.output().shape = x;
  for (size_t i = 1; i < 3; ++i) {
    if (!context.HasInput(i)) continue;
    MS_RETURN_IF_ERROR(CheckDType(context, i, kFloats));
    MS_ASSIGN_OR_RETURN(Shape all, Broadcast(context, x, context.shape(i)));
    const bool longer = x.rank_known() && all.rank_known() && all.rank() > x.rank();
    if (longer || (x.IsFullyKnown() && all.IsFullyKnown() && all != x)) {
      return context.Error("expected input " + std::to_string(i) + " to broadcast to X " +
                           x.ToString() + ", got " + context.shape(i).ToString());
    }
  }
  if (!x.rank_known()) return OkStatus();
  return NormalizeAxis(context, context.node().Int("axis", -1), x.rank()).status();
}

}  // namespace

void AddNormalizationSchemas(std::vector<OpSchema>* table) {
  for (std::string_view domain : {kOnnxDomain, kMidstreamDomain}) {
    table->push_back({domain, "BatchNormalization", 5, 5, 1, 1, BatchNormalization});
    table->push_back({domain, "LRN", 1, 1, 1, 1, Lrn});
  }
  table->push_back({kOnnxDomain, "Softmax", 1, 1, 1, 1, Softmax});
  table->push_back({kOnnxDomain, "LogSoftmax", 1, 1, 1, 1, Softmax});
  table->push_back({kOnnxDomain, "LayerNormalization", 2, 3, 1, 1, NormalizationFromAxis});
  table->push_back({kOnnxDomain, "RMSNormalization", 2, 2, 1, 1, NormalizationFromAxis});
}

}  // namespace midstream::infer
