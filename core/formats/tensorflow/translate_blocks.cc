// Operators that fold blocks of space into batch or channels and back. TensorFlow writes dilated
// convolutions with them.
#include "core/formats/file.h"
#include "core/formats/tensorflow/sizes.h"
#include "core/formats/tensorflow/translate.h"

namespace midstream::tensorflow {
namespace {

constexpr int64_t kLargestBlock = 1 << 16;

// The arguments of SpaceToBatchND and BatchToSpaceND.
struct Blocks {
  std::vector<int64_t> sizes;   // one for each axis behind the batch that is cut
  std::vector<int64_t> before;  // padding or crops of those axes
  std::vector<int64_t> after;
};

Result<Blocks> ReadBlocks(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(3));
  auto sizes = context.ConstantInts(1), margins = context.ConstantInts(2);
  if (!sizes || !margins) return context.Unsupported("has blocks or margins that are not constant");
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("has an input of unknown rank");
  if (margins->size() != 2 * sizes->size() || sizes->size() >= shape.rank()) {
    return context.Invalid("has blocks for other axes than its input has");
  }
  Blocks blocks{*sizes, {}, {}};
  for (size_t i = 0; i < sizes->size(); ++i) {
    int64_t before = (*margins)[2 * i], after = (*margins)[2 * i + 1];
    if ((*sizes)[i] < 1 || (*sizes)[i] > kLargestBlock || before < 0 || after < 0 ||
        before > kLargestBlock || after > kLargestBlock) {
      return context.Invalid("has a senseless block or margin");
    }
    blocks.before.push_back(before);
    blocks.after.push_back(after);
  }
  return blocks;
}

Status SpaceToBatch(OpContext& context) {
  MS_ASSIGN_OR_RETURN(Blocks blocks, ReadBlocks(context));
  size_t rank = context.shape(0).rank(), cut = blocks.sizes.size();
  std::vector<int64_t> pads(2 * rank, 0);
  Shape padded = context.shape(0);
  for (size_t i = 0; i < cut; ++i) {
    pads[i + 1] = blocks.before[i];
    pads[rank + i + 1] = blocks.after[i];
    int64_t& dim = padded.mutable_dims()[i + 1];
    if (dim >= 0) dim += blocks.before[i] + blocks.after[i];
    if (dim >= 0 && dim % blocks.sizes[i] != 0) {
      return context.Invalid("cuts axis " + std::to_string(i + 1) + " into unequal blocks");
    }
  }
  ValueId x = context.Helper("Pad", "padded", {context.input(0), context.Ints("pads", pads)},
                             {{"mode", "constant"}});
  SizeMaker maker(&context);
  std::vector<Size> dims = maker.Of(x, padded);
  std::vector<Size> split = {dims[0]}, joined = {dims[0]};
  std::vector<int64_t> perm;
  for (size_t i = 0; i < cut; ++i) {
    Size block = Size::Of(blocks.sizes[i]), rest = maker.Quotient(dims[i + 1], block);
    split.push_back(rest);
    split.push_back(block);
    joined[0] = maker.Product(joined[0], block);
    joined.push_back(rest);
    perm.push_back(static_cast<int64_t>(2 * i + 2));
  }
  perm.push_back(0);
  for (size_t i = 0; i < cut; ++i) perm.push_back(static_cast<int64_t>(2 * i + 1));
  for (size_t i = cut + 1; i < rank; ++i) {
    perm.push_back(static_cast<int64_t>(i + cut));
    split.push_back(dims[i]);
    joined.push_back(dims[i]);
  }
  ValueId blocks_apart = maker.Reshape(x, split, "split");
  ValueId turned = context.Helper("Transpose", "turned", {blocks_apart}, {{"perm", perm}});
  return context.Emit("Reshape", {turned, maker.Vector(joined, true)}, {{"allowzero", int64_t{1}}});
}

Status BatchToSpace(OpContext& context) {
  MS_ASSIGN_OR_RETURN(Blocks blocks, ReadBlocks(context));
  size_t rank = context.shape(0).rank(), cut = blocks.sizes.size();
  SizeMaker maker(&context);
  std::vector<Size> dims = maker.Of(context.input(0), context.shape(0));
  int64_t product = 1;
  for (int64_t block : blocks.sizes) {
    if (__builtin_mul_overflow(product, block, &product)) return context.Invalid("has huge blocks");
  }
  Size batch = maker.Quotient(dims[0], Size::Of(product));
  std::vector<Size> split, joined = {batch};
  std::vector<int64_t> perm = {static_cast<int64_t>(cut)};
  for (int64_t block : blocks.sizes) split.push_back(Size::Of(block));
  split.push_back(batch);
  for (size_t i = 0; i < cut; ++i) {
    perm.push_back(static_cast<int64_t>(cut + 1 + i));
    perm.push_back(static_cast<int64_t>(i));
    joined.push_back(maker.Product(dims[i + 1], Size::Of(blocks.sizes[i])));
  }
  for (size_t i = 1; i < rank; ++i) split.push_back(dims[i]);
  for (size_t i = cut + 1; i < rank; ++i) {
    perm.push_back(static_cast<int64_t>(cut + i));
    joined.push_back(dims[i]);
  }
  ValueId apart = maker.Reshape(context.input(0), split, "split");
  ValueId turned = context.Helper("Transpose", "turned", {apart}, {{"perm", perm}});
  ValueId whole = maker.Reshape(turned, joined, "whole");
  std::vector<int64_t> crops(2 * rank, 0);  // negative pads cut off
  for (size_t i = 0; i < cut; ++i) {
    crops[i + 1] = -blocks.before[i];
    crops[rank + i + 1] = -blocks.after[i];
  }
  return context.Emit("Pad", {whole, context.Ints("crops", crops)}, {{"mode", "constant"}});
}

// Images [N, H, W, C] and a block of b x b places.
Status DepthAndSpace(OpContext& context) {
  MS_RETURN_IF_ERROR(context.ExpectInputs(1));
  if (context.String("data_format", "NHWC") != "NHWC") {
    return context.Unsupported("has the data_format " +
                               formats::Quoted(context.String("data_format", "")));
  }
  int64_t number = context.Int("block_size", 0);
  if (number < 1 || number > kLargestBlock) return context.Invalid("has a senseless block_size");
  const Shape& shape = context.shape(0);
  if (!shape.rank_known()) return context.Unsupported("has an input of unknown rank");
  if (shape.rank() != 4) return context.Invalid("has an input that is no image");
  SizeMaker maker(&context);
  std::vector<Size> d = maker.Of(context.input(0), shape);
  Size block = Size::Of(number), area = Size::Of(number * number);
  bool to_depth = context.op() == "SpaceToDepth";
  std::vector<Size> split, joined;
  if (to_depth) {
    Size h = maker.Quotient(d[1], block), w = maker.Quotient(d[2], block);
    split = {d[0], h, block, w, block, d[3]};
    joined = {d[0], h, w, maker.Product(d[3], area)};
  } else {
    Size c = maker.Quotient(d[3], area);
    split = {d[0], d[1], d[2], block, block, c};
    joined = {d[0], maker.Product(d[1], block), maker.Product(d[2], block), c};
  }
  ValueId apart = maker.Reshape(context.input(0), split, "split");
  ValueId turned = context.Helper("Transpose", "turned", {apart},
                                  {{"perm", std::vector<int64_t>{0, 1, 3, 2, 4, 5}}});
  return context.Emit("Reshape", {turned, maker.Vector(joined, true)}, {{"allowzero", int64_t{1}}});
}

}  // namespace

void AddBlockTranslations(TranslationTable* table) {
  table->insert(table->end(), {{"SpaceToBatchND", SpaceToBatch},
                               {"BatchToSpaceND", BatchToSpace},
                               {"SpaceToDepth", DepthAndSpace},
                               {"DepthToSpace", DepthAndSpace}});
}

}  // namespace midstream::tensorflow
