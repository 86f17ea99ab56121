// Attention and its position encoding: tensors of heads, as [B, S, N*H] or [B, N, S, H].
#include "core/graph/ops/infer.h"
#include "core/graph/ops/schemas.h"

namespace midstream::infer {
namespace {

struct Heads {
  bool split = true;  // [B, N, S, H]; else [B, S, N*H]
  int64_t batch = kUnknownDim, heads = kUnknownDim, length = kUnknownDim, width = kUnknownDim;
};

// The attribute counts the heads of a [B, S, N*H]; for a [B, N, S, H] it may be left out.
Result<Heads> HeadsOf(const InferContext& context, size_t input, std::string_view attr) {
  const Shape& shape = context.shape(input);
  const int64_t count = context.node().Int(attr, 0);
  if (!shape.rank_known()) return Heads{};
  if (shape.rank() == 4) {
    const bool agrees = count == 0 || shape[1] < 0 || shape[1] == count;
    if (agrees) return Heads{true, shape[0], count > 0 ? count : shape[1], shape[2], shape[3]};
    return context.Error("expected input " + std::to_string(input) + " of " +
                         std::to_string(count) + " heads (" + std::string(attr) + "), got " +
                         shape.ToString());
  }
  if (shape.rank() != 3) {
    return context.Error("expected input " + std::to_string(input) +
                         " as [batch,length,heads*width] or [batch,heads,length,width], got " +
                         shape.ToString());
  }
  if (count < 1) {
    return context.Error("expected " + std::string(attr) + " >= 1 for input " +
                         std::to_string(input) + " " + shape.ToString() + ", got " +
                         std::to_string(count));
  }
  if (shape[2] > 0 && shape[2] % count != 0) {
    return context.Error("expected input " + std::to_string(input) + " " + shape.ToString() +
                         " to divide into " + std::to_string(count) + " heads");
  }
  return Heads{false, shape[0], count, shape[1], shape[2] < 0 ? kUnknownDim : shape[2] / count};
}

// What this operator set has and the graph has not, refused rather than passed over.
Status CheckPlainAttention(const InferContext& context) {
  for (size_t i = 4; i < 6; ++i) {
    if (context.HasInput(i)) {
      return context.Error(
          "past_key and past_value are not supported; join them with K and V by Concat");
    }
  }
  if (context.output_count() > 1) {
    return context.Error("expected one output, got " + std::to_string(context.output_count()));
  }
  const Node& node = context.node();
  if (node.Int("is_causal", 0) != 0) {
    return context.Error("is_causal = 1 is not supported; give the mask as attn_mask");
  }
  if (node.Float("softcap", 0) != 0) {
    return context.Error("expected softcap = 0, got " + std::to_string(node.Float("softcap", 0)));
  }
  return OkStatus();
}

Status CheckMask(const InferContext& context, const Shape& scores) {
  if (!context.HasInput(3)) return OkStatus();
  MS_RETURN_IF_ERROR(CheckDType(context, 3, kFloats | kBools));
  const Shape& mask = context.shape(3);
  MS_ASSIGN_OR_RETURN(Shape all, Broadcast(context, scores, mask));
  const bool longer = all.rank_known() && all.rank() > 4;
  if (longer || (scores.IsFullyKnown() && all.IsFullyKnown() && all != scores)) {
    return context.Error("expected attn_mask to broadcast to " + scores.ToString() + ", got " +
                         mask.ToString());
  }
  return OkStatus();
}

Status Attention(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckPlainAttention(context));
  for (size_t i = 0; i < 3; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kFloats));
    MS_RETURN_IF_ERROR(CheckSameDType(context, 0, i));
  }
  MS_ASSIGN_OR_RETURN(Heads q, HeadsOf(context, 0, "q_num_heads"));
  MS_ASSIGN_OR_RETURN(Heads k, HeadsOf(context, 1, "kv_num_heads"));
  MS_ASSIGN_OR_RETURN(Heads v, HeadsOf(context, 2, "kv_num_heads"));
  context.output().dtype = context.dtype(0);
  const bool known = context.shape(0).rank_known() && context.shape(1).rank_known() &&
                     context.shape(2).rank_known();
  if (!known) return OkStatus();
  if (q.split != k.split || k.split != v.split) {
    return context.Error("expected Q, K and V of one rank, got " + context.shape(0).ToString() +
                         ", " + context.shape(1).ToString() + " and " +
                         context.shape(2).ToString());
  }
  MS_ASSIGN_OR_RETURN(int64_t batch, SameDim(context, "batches of K and V", k.batch, v.batch));
  MS_ASSIGN_OR_RETURN(batch, SameDim(context, "batches of Q and K", q.batch, batch));
  MS_ASSIGN_OR_RETURN(int64_t keys, SameDim(context, "lengths of K and V", k.length, v.length));
  MS_ASSIGN_OR_RETURN(int64_t groups, SameDim(context, "heads of K and V", k.heads, v.heads));
  MS_RETURN_IF_ERROR(SameDim(context, "widths of the heads of Q and K", q.width, k.width).status());
  const bool even = q.heads < 0 || groups < 0 || (groups > 0 && q.heads % groups == 0);
  if (!even) {
    return context.Error("expected the heads of Q to be a multiple of those of K, got " +
                         std::to_string(q.heads) + " and " + std::to_string(groups));
  }
  MS_RETURN_IF_ERROR(CheckMask(context, {batch, q.heads, q.length, keys}));
  if (q.split) {
    context.output().shape = {batch, q.heads, q.length, v.width};
    return OkStatus();
  }
  int64_t width = kUnknownDim;
  if (v.width >= 0) {
    MS_ASSIGN_OR_RETURN(width, Multiply(context, q.heads, v.width));
  }
  context.output().shape = {batch, q.length, width};
  return OkStatus();
}

// Half the width that is rotated; unknown with the width.
Result<int64_t> RotatedHalf(const InferContext& context, int64_t width) {
  const int64_t asked = context.node().Int("rotary_embedding_dim", 0);
  if (asked < 0 || asked % 2 != 0 || (width >= 0 && asked > width)) {
    return context.Error("expected an even rotary_embedding_dim up to the width of a head, got " +
                         std::to_string(asked));
  }
  if (asked > 0) return asked / 2;
  if (width < 0) return kUnknownDim;
  if (width % 2 == 0) return width / 2;
  return context.Error("expected heads of even width, got " + std::to_string(width));
}

Status RotaryEmbedding(InferContext& context) {
  MS_RETURN_IF_ERROR(CheckDType(context, 0, kFloats));
  MS_ASSIGN_OR_RETURN(Heads x, HeadsOf(context, 0, "num_heads"));
  MS_ASSIGN_OR_RETURN(int64_t half, RotatedHalf(context, x.width));
  const bool by_position = context.HasInput(3);
  for (size_t i = 1; i < 3; ++i) {
    MS_RETURN_IF_ERROR(CheckDType(context, i, kFloats));
    MS_RETURN_IF_ERROR(CheckRank(context, i, by_position ? 2 : 3));
    const Shape& cache = context.shape(i);
    if (!cache.rank_known()) continue;
    const std::string name = i == 1 ? "cos_cache" : "sin_cache";
    MS_RETURN_IF_ERROR(
        SameDim(context, "half widths of the heads and " + name, half, cache[cache.rank() - 1])
            .status());
    if (by_position) continue;
    MS_RETURN_IF_ERROR(SameDim(context, "batches of X and " + name, x.batch, cache[0]).status());
    MS_RETURN_IF_ERROR(SameDim(context, "lengths of X and " + name, x.length, cache[1]).status());
  }
  if (by_position) {
    const Shape& rows = context.shape(1);
    const Shape& other = context.shape(2);
    if (rows.rank_known() && other.rank_known()) {
      MS_RETURN_IF_ERROR(SameDim(context, "rows of the caches", rows[0], other[0]).status());
    }
    if (context.dtype(3) != DType::kI64) {
      return context.Error("expected position_ids to be int64, got " +
                           std::string(DTypeName(context.dtype(3))));
    }
    MS_RETURN_IF_ERROR(CheckRank(context, 3, 2));
    const Shape& ids = context.shape(3);
    if (ids.rank_known()) {
      MS_RETURN_IF_ERROR(
          SameDim(context, "batches of X and position_ids", x.batch, ids[0]).status());
      MS_RETURN_IF_ERROR(
          SameDim(context, "lengths of X and position_ids", x.length, ids[1]).status());
    }
  }
  context.output().dtype = context.dtype(0);
  context.output().shape = context.shape(0);
  return OkStatus();
}

}  // namespace

void AddAttentionSchemas(std::vector<OpSchema>* table) {
  table->push_back({kOnnxDomain, "Attention", 3, 6, 1, 4, Attention});
  table->push_back({kOnnxDomain, "RotaryEmbedding", 3, 4, 1, 1, RotaryEmbedding});
}

}  // namespace midstream::infer
