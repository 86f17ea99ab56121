#include "core/policy/open_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/policy/observation_file.h"
#include "tests/core/policy/openpi_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::policy {
namespace {

namespace fs = std::filesystem;
using openpi::Family;
using ::testing::HasSubstr;

constexpr const char* kEight = "[0, 0, 0, 0, 0, 0, 0, 0]";
constexpr const char* kOnes = "[1, 1, 1, 1, 1, 1, 1, 1]";

std::string Statistics(const std::string& percentiles) {
  return std::string("{\"mean\": ") + kEight + ", \"std\": " + kOnes + percentiles + "}";
}

class OpenPipelineTest : public ::testing::Test {
 protected:
  OpenPipelineTest() {
    sizes_.vision.image = 8;
    sizes_.vocabulary = 1024;
    sizes_.action_dim = 8;
    fs::create_directories(folder_.path() + "/step/assets/mine");
    fs::create_directories(folder_.path() + "/step/params");
    fs::copy_file(OwnFile("tokenizer.model"), folder_.path() + "/t.model");
  }

  void WriteStats(const std::string& fields) const {
    std::ofstream(folder_.path() + "/step/assets/mine/norm_stats.json")
        << "{\"norm_stats\": {" << fields << "}}";
  }

  Result<Pipeline> Open(const std::string& text, Family family = Family::kPi0) {
    const std::string file = folder_.path() + "/c.toml";
    std::ofstream(file) << "[policy]\nrobot = \"libero\"\nmax_token_len = 16\n" << text;
    MS_ASSIGN_OR_RETURN(const Config config, config::LoadConfig(file));
    MS_ASSIGN_OR_RETURN(const Settings settings, ResolveSettings(config.policy, family));
    MS_RETURN_IF_ERROR(NeedPipeline(settings, config));
    sizes_.family = family;
    return OpenPipeline(settings, config, folder_.path() + "/step/params", sizes_);
  }

  TemporaryFolder folder_;
  openpi::Sizes sizes_;
};

TEST_F(OpenPipelineTest, FindsStatisticsBesideTheWeightsAndTheTokenizerBesideTheConfiguration) {
  WriteStats("\"state\": " + Statistics("") + ", \"actions\": " + Statistics(""));
  const auto pipeline = Open("tokenizer = \"t.model\"\n");
  ASSERT_TRUE(pipeline.ok()) << pipeline.status().message();
  const auto inputs = pipeline->Prepare(*ReadObservation(OwnFile("observation.npz")));
  ASSERT_TRUE(inputs.ok()) << inputs.status().message();
  EXPECT_NEAR(inputs->state.as<float>()[0], -0.3, 1e-5);
  EXPECT_EQ(inputs->tokens.size(), 16u);
}

TEST_F(OpenPipelineTest, TakesStatisticsThatTheConfigurationNames) {
  WriteStats("\"state\": " + Statistics("") + ", \"actions\": " + Statistics(""));
  fs::rename(folder_.path() + "/step/assets/mine/norm_stats.json", folder_.path() + "/n.json");
  EXPECT_EQ(Open("tokenizer = \"t.model\"\n").status().code(), Code::kNotFound);
  const auto pipeline = Open("tokenizer = \"t.model\"\nnorm_stats = \"n.json\"\n");
  EXPECT_TRUE(pipeline.ok()) << pipeline.status().message();
}

TEST_F(OpenPipelineTest, NamesWhatIsMissing) {
  EXPECT_THAT(Open("").status().message(), HasSubstr("policy.tokenizer"));
  const std::string tokenizer = "tokenizer = \"t.model\"\n";
  WriteStats("\"state\": " + Statistics(""));
  EXPECT_THAT(Open(tokenizer).status().message(),
              HasSubstr("norm_stats.json: has no statistics of 'actions'"));
  const std::string null = ", \"q01\": null, \"q99\": null";
  WriteStats("\"state\": " + Statistics(null) + ", \"actions\": " + Statistics(null));
  EXPECT_TRUE(Open(tokenizer).ok());
  const auto pi05 = Open(tokenizer, Family::kPi05);
  EXPECT_THAT(pi05.status().message(), HasSubstr("norm_stats.json: 'state': has no percentiles"));
  EXPECT_TRUE(Open(tokenizer + "normalization = \"z_score\"\n", Family::kPi05).ok());
}

}  // namespace
}  // namespace midstream::policy
