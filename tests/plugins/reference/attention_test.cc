// Attention, rotation, normalisation of rows and Gelu of the reference against numbers worked out by
// hand.
#include "tests/plugins/reference/reference_testing.h"

namespace midstream::plugin_testing {
namespace {

using testing::HasSubstr;

TEST(ReferenceAttention, WeighsValuesByScores) {
  // Scores 0 and log(3): weights 1/4 and 3/4.
  const float far = std::log(3.0f);
  Tensor q = F32({1, 1, 1, 2}, {1, 0}), k = F32({1, 1, 2, 2}, {0, 5, far, -7});
  Tensor v = F32({1, 1, 2, 1}, {4, 8});
  EXPECT_THAT(Values<float>(Compute("Attention", {{q}, {k}, {v}}, {{"scale", Real(1)}})),
              Near({7}));
  // Without a scale: 1 / sqrt(width); here 1 / 2 of twice the score.
  Tensor wide_q = F32({1, 1, 1, 4}, {2, 0, 0, 0}),
         wide_k = F32({1, 1, 2, 4}, {0, 0, 0, 0, far, 0, 0, 0});
  EXPECT_THAT(Values<float>(Compute("Attention", {{wide_q}, {wide_k}, {v}})), Near({7}));
  // The mask is added, or hides.
  EXPECT_THAT(Values<float>(Compute("Attention", {{q}, {k}, {v}, {F32({2}, {far, 0})}},
                                    {{"scale", Real(1)}})),
              Near({6}));
  EXPECT_THAT(Values<float>(
                  Compute("Attention", {{q}, {k}, {v}, {Bool({2}, {0, 1})}}, {{"scale", Real(1)}})),
              Near({8}));
  EXPECT_THAT(Values<float>(Compute("Attention", {{q}, {k}, {v}, {Bool({2}, {0, 0})}})), Near({0}));
}

TEST(ReferenceAttention, HeadsShareKeysInGroupsAndBothLayoutsAgree) {
  // One key: every query gets its value. Heads 0 and 1 read group 0, heads 2 and 3 group 1.
  Tensor q = F32({1, 1, 4}, {1, 2, 3, 4}), kv = F32({1, 1, 2}, {5, 6});
  Attributes heads = {{"q_num_heads", Int(4)}, {"kv_num_heads", Int(2)}};
  Tensor y = Compute("Attention", {{q}, {kv}, {kv}}, heads);
  EXPECT_EQ(y.shape(), Shape({1, 1, 4}));
  EXPECT_THAT(Values<float>(y), Near({5, 5, 6, 6}));
  // [B,S,N*H] has the heads of a position side by side, [B,N,S,H] its positions.
  Tensor two = F32({1, 2, 2}, {1, 2, 3, 4}), split = F32({1, 2, 2, 1}, {1, 3, 2, 4});
  Tensor joined = Compute("Attention", {{two}, {two}, {two}},
                          {{"q_num_heads", Int(2)}, {"kv_num_heads", Int(2)}});
  std::vector<float> apart = Values<float>(Compute("Attention", {{split}, {split}, {split}}));
  EXPECT_THAT(Values<float>(joined), Near({apart[0], apart[2], apart[1], apart[3]}));
}

TEST(ReferenceAttention, RotaryEmbedding) {
  Tensor x = F32({1, 1, 4}, {1, 2, 3, 4});
  Tensor cosine = F32({1, 1, 2}, {0, 0.5f}), sine = F32({1, 1, 2}, {1, 2});
  Attributes attrs = {{"num_heads", Int(1)}};
  // Pairs (1,3) and (2,4), or (1,2) and (3,4).
  EXPECT_THAT(Values<float>(Compute("RotaryEmbedding", {{x}, {cosine}, {sine}}, attrs)),
              Near({-3, -7, 1, 6}));
  attrs["interleaved"] = Int(1);
  EXPECT_THAT(Values<float>(Compute("RotaryEmbedding", {{x}, {cosine}, {sine}}, attrs)),
              Near({-2, 1, -6.5f, 8}));
  attrs["rotary_embedding_dim"] = Int(2);
  Tensor rows_c = F32({3, 1}, {1, 1, 0}), rows_s = F32({3, 1}, {0, 0, 1});
  EXPECT_THAT(Values<float>(
                  Compute("RotaryEmbedding", {{x}, {rows_c}, {rows_s}, {I64({1, 1}, {2})}}, attrs)),
              Near({-2, 1, 3, 4}));
  auto device = OpenPlugin("reference");
  ASSERT_TRUE(device.ok());
  auto outside = RunNode(
      *device, {"RotaryEmbedding", "", attrs, {{x}, {rows_c}, {rows_s}, {I64({1, 1}, {3})}}});
  EXPECT_THAT(outside.status().ToString(), HasSubstr("position 3 is outside a cache of 3 rows"));
}

TEST(ReferenceNormalization, Rows) {
  Tensor x = F32({2, 2}, {1, 3, 0, 4}), scale = F32({2}, {1, 10}), shift = F32({2}, {5, 6});
  Attributes attrs = {{"epsilon", Real(0)}};
  EXPECT_THAT(Values<float>(Compute("LayerNormalization", {{x}, {scale}, {shift}}, attrs)),
              Near({4, 16, 4, 16}));
  EXPECT_THAT(Values<float>(Compute("LayerNormalization", {{x}, {F32({2, 1}, {1, 2})}}, attrs)),
              Near({-1, 1, -2, 2}));
  const float root = std::sqrt(5.0f), other = std::sqrt(8.0f);
  EXPECT_THAT(Values<float>(Compute("RMSNormalization", {{x}, {scale}}, attrs)),
              Near({1 / root, 30 / root, 0, 40 / other}));
  // Over all: mean 2, variance 2.5; the epsilon is added to it.
  attrs = {{"epsilon", Real(1.5)}, {"axis", Int(0)}};
  EXPECT_THAT(Values<float>(Compute("LayerNormalization", {{x}, {F32({}, {2})}}, attrs)),
              Near({-1, 1, -2, 2}));
}

TEST(ReferenceElementwise, Gelu) {
  Tensor x = F32({3}, {0, 1, -2});
  EXPECT_THAT(Values<float>(Compute("Gelu", {{x}})), Near({0, 0.84134475f, -0.04550026f}));
  EXPECT_THAT(Values<float>(Compute("Gelu", {{x}}, {{"approximate", Text("tanh")}})),
              Near({0, 0.84119199f, -0.04540231f}));
  Tensor identity = F32({1, 1}, {1});
  EXPECT_THAT(Values<float>(RunMs("MatMul", {{F32({1, 1}, {1})}, {identity}},
                                  {{"activation", Text("Gelu")}})),
              Near({0.84119199f}));
}

}  // namespace
}  // namespace midstream::plugin_testing
