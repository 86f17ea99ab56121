#include "core/formats/tensorflow/text_proto.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/formats/model_source.h"
#include "tests/core/formats/files_testing.h"
#include "tests/core/formats/protos_testing.h"

namespace midstream::tensorflow {
namespace {

using testing::HasSubstr;

void ExpectEncodes(const std::string& text, TextMessage message, const std::string& want) {
  auto encoded = EncodeText(text, message);
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  EXPECT_EQ(*encoded, want) << text;
}

void ExpectRefused(const std::string& text, const std::string& why) {
  auto encoded = EncodeText(text, TextMessage::kAttrValue);
  EXPECT_EQ(encoded.status().code(), Code::kDataLoss) << text;
  EXPECT_THAT(std::string(encoded.status().message()), HasSubstr(why)) << text;
}

TEST(TextProto, Scalars) {
  ExpectEncodes("i: -1 f: 0.5 b: true type: DT_FLOAT", TextMessage::kAttrValue,
                NumberField(3, ~uint64_t{0}) + FloatField(4, 0.5f) + NumberField(5, 1) +
                    NumberField(6, kFloat));
  ExpectEncodes("i: 0x1F; i: 017, i: - 2 b: 0 type: 9 type: DT_HALF_REF", TextMessage::kAttrValue,
                NumberField(3, 31) + NumberField(3, 15) + NumberField(3, ~uint64_t{1}) +
                    NumberField(5, 0) + NumberField(6, 9) + NumberField(6, 119));
  ExpectEncodes("f: inf f: -Infinity f: 1.5f f: 3 f: 1e-50 f: 1e999", TextMessage::kAttrValue,
                FloatField(4, INFINITY) + FloatField(4, -INFINITY) + FloatField(4, 1.5f) +
                    FloatField(4, 3) + FloatField(4, 0) + FloatField(4, INFINITY));
}

TEST(TextProto, Strings) {
  ExpectEncodes("s: 'a\\n\\101\\x42\\\"' \"\\u00e9\" # comment\n 'z'", TextMessage::kAttrValue,
                BytesField(2, "a\nAB\"\xc3\xa9z"));
  ExpectEncodes("s: \"\\000\\377\"", TextMessage::kAttrValue,
                BytesField(2, std::string("\0\xff", 2)));
}

TEST(TextProto, MessagesListsAndMaps) {
  const std::string dims = ShapeProto({2, 3});
  ExpectEncodes("dim { size: 2 } dim < size: 3 >", TextMessage::kTensorShapeProto, dims);
  ExpectEncodes("dim: [{size: 2}, {size: 3}]", TextMessage::kTensorShapeProto, dims);
  ExpectEncodes("list { i: [1, 2] i: 3 i: [] }", TextMessage::kAttrValue,
                BytesField(1, NumberField(3, 1) + NumberField(3, 2) + NumberField(3, 3)));
  ExpectEncodes("attr { key: 'T' value { type: DT_BOOL } }", TextMessage::kNodeDef,
                BytesField(5, BytesField(1, "T") + BytesField(2, NumberField(6, kBool))));
}

TEST(TextProto, UnknownFieldsAreReadOver) {
  ExpectEncodes(
      "new: 1 newer { deep < list: [1, 'x', {}] > [type.googleapis.com/a.B] { c: -1 } }\n"
      "names: 'a' 'b' kind: SOME_ENUM i: 7",
      TextMessage::kAttrValue, NumberField(3, 7));
  ExpectEncodes("", TextMessage::kAttrValue, "");
}

TEST(TextProto, ErrorsSayWhere) {
  ExpectRefused("i: 1\n  s: 5", "line 2, column 6: expected a quoted string");
  ExpectRefused("i 5", "line 1, column 3: expected ':' after 'i'");
  ExpectRefused("i: five", "line 1, column 4: 'i' has a malformed value");
  ExpectRefused("i: 99999999999999999999", "malformed");
  ExpectRefused("f: 1.2.3", "malformed");
  ExpectRefused("b: maybe", "malformed");
  ExpectRefused("type: FLOAT", "malformed");
  ExpectRefused("s: 'x", "no end");
  ExpectRefused("s: '\\q'", "bad escape");
  ExpectRefused("list { i: 1", "line 1, column 12: a message has no end");
  ExpectRefused("list { i: 1 >", "expected the name");
  ExpectRefused("list: 3", "expected '{'");
  ExpectRefused("i: [1 2]", "expected ',' or ']'");
  ExpectRefused("}", "expected the name");
  ExpectRefused("other:", "expected a value");
  ExpectRefused(std::string("i: 1\0", 5), "unexpected character");
}

TEST(TextProto, NestingIsLimited) {
  std::string known, unknown;
  for (int i = 0; i < 100000; ++i) {
    known += "func { attr { key: 'a' value {";
    unknown += "x {";
  }
  ExpectRefused(known, "nested too deeply");
  ExpectRefused(unknown, "nested too deeply");
}

TEST(TextProto, TellsTextFromTheEncodedForm) {
  EXPECT_TRUE(IsText("meta_info_def {\n"));
  EXPECT_TRUE(IsText("\n# caf\xc3\xa9\r\n\tnode {}"));
  EXPECT_FALSE(IsText(""));
  EXPECT_FALSE(IsText(MetaWriter().Placeholder("x", {}).Bytes()));
}

// The same model from the encoded form, from its text, and from the text of its GraphDef alone.
TEST(TextProto, ATextGraphIsTheSameModel) {
  const std::string data = std::string(MS_TEST_DATA) + "/tf/";
  auto encoded = formats::OpenModel(data + "slices/rows.meta");
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  auto want = (*encoded)->BuildGraph({{}, {"y", "z"}, {}});
  ASSERT_TRUE(want.ok()) << want.status().ToString();
  for (const char* name : {"text/rows.meta", "text/rows.pbtxt"}) {
    SCOPED_TRACE(name);
    auto text = formats::OpenModel(data + name);
    ASSERT_TRUE(text.ok()) << text.status().ToString();
    auto got = (*text)->BuildGraph({{}, {"y", "z"}, {}});
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    EXPECT_EQ(got->graph.ToString(), want->graph.ToString());
    ASSERT_EQ((*text)->weights().size(), (*encoded)->weights().size());
  }
  auto text = formats::OpenModel(data + "text/rows.meta");
  auto weights = (*text)->OpenWeights(data + "slices/rows");
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  EXPECT_TRUE((*weights)->Read("emb/part_1").ok());
}

TEST(TextProto, ADamagedTextGraphNamesFileAndLine) {
  formats::TempDir dir;
  auto model = formats::OpenModel(dir.Write("m.meta", "graph_def {\n  node {\n"));
  EXPECT_EQ(model.status().code(), Code::kDataLoss);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("m.meta: line 3"));
}

}  // namespace
}  // namespace midstream::tensorflow
