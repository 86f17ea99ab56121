#include "core/policy/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.h"

namespace midstream::policy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Assets : public ::testing::Test {
 protected:
  Assets() { fs::create_directories(Path("step/params/params")); }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Add(const std::string& id) const {
    const std::string folder = Path("step/assets/" + id);
    fs::create_directories(folder);
    std::ofstream(folder + "/norm_stats.json") << "{}";
    return folder + "/norm_stats.json";
  }

  TemporaryFolder folder_;
};

TEST_F(Assets, LieBesideTheWeightsOrAboveThem) {
  const std::string file = Add("physical-intelligence/libero");
  std::ofstream(Path("step/model.safetensors")) << "x";
  for (const char* checkpoint : {"step", "step/", "step/params", "step/params/",
                                 "step/params/params", "step/model.safetensors"}) {
    for (const char* id : {"physical-intelligence/libero", "physical-intelligence/libero/", ""}) {
      const auto found = FindNormStats(Path(checkpoint), id);
      ASSERT_TRUE(found.ok()) << checkpoint << ": " << found.status().message();
      EXPECT_TRUE(fs::equivalent(*found, file));
    }
  }
}

TEST_F(Assets, AreListedWhereTheIdIsNotThere) {
  Add("droid");
  Add("trossen");
  const auto other = FindNormStats(Path("step"), "libero");
  EXPECT_EQ(other.status().code(), Code::kNotFound);
  EXPECT_THAT(other.status().message(), HasSubstr("it has droid, trossen"));
  const auto open = FindNormStats(Path("step"), "");
  EXPECT_EQ(open.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(open.status().message(), HasSubstr("droid, trossen: expected policy.asset_id"));
  EXPECT_TRUE(FindNormStats(Path("step"), "droid").ok());
}

TEST_F(Assets, AreFoundByIdAmongManyAndBehindLinks) {
  for (int i = 0; i < 150; ++i) Add("id" + std::to_string(i));
  for (const char* id : {"id0", "id77", "id149"}) {
    EXPECT_TRUE(FindNormStats(Path("step"), id).ok()) << id;
  }
  fs::create_directory_symlink(Path("step/assets/id3"), Path("step/assets/link"));
  EXPECT_TRUE(FindNormStats(Path("step"), "link").ok());
  EXPECT_FALSE(FindNormStats(Path("step"), "../assets/id3").ok());
}

TEST_F(Assets, MayBeMissing) {
  EXPECT_THAT(FindNormStats(Path("step"), "droid").status().message(),
              HasSubstr("policy.norm_stats"));
  fs::create_directories(Path("step/assets"));
  EXPECT_EQ(FindNormStats(Path("step"), "").status().code(), Code::kNotFound);
  EXPECT_EQ(FindNormStats(Path("nowhere/x"), "").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace midstream::policy
