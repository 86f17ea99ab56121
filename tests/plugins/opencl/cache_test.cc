// What the plugin keeps between runs is used when it is sound, and made again when it is not.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/log.h"
#include "tests/plugins/opencl/opencl_testing.h"

namespace midstream::plugin_testing {
namespace {

namespace fs = std::filesystem;

class OpenClCache : public OpenCl {
 protected:
  void SetUp() override {
    OpenCl::SetUp();
    folder_ = fs::path(testing::TempDir()) / ("opencl_cache_" + std::to_string(getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<std::vector<Tensor>> Run() {
    MS_ASSIGN_OR_RETURN(auto device, Open(plugin_, {{"cache_dir", folder_.string()}}));
    return RunNode(device, Product());
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "opencl")) files.push_back(entry);
    std::sort(files.begin(), files.end());
    return files;
  }
  static std::string Read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  fs::path folder_;
};

TEST_F(OpenClCache, KeepsProgramsAndLeavesThemAlone) {
  auto first = Run();
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const std::vector<fs::path> files = Files();
  ASSERT_GE(files.size(), 2u);  // the product and the packing
  std::vector<std::string> texts;
  for (const fs::path& file : files) texts.push_back(Read(file));
  auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_TRUE(BitEqual((*first)[0], (*second)[0]));
  ASSERT_EQ(Files(), files);
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(Read(files[i]), texts[i]) << files[i];
}

TEST_F(OpenClCache, MakesDamagedFilesAgain) {
  auto first = Run();
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const std::vector<fs::path> files = Files();
  using Damage = std::function<std::string(std::string)>;
  const std::vector<std::pair<const char*, Damage>> damages = {
      {"empty", [](const std::string&) { return std::string(); }},
      {"cut", [](const std::string& text) { return text.substr(0, text.size() / 2); }},
      {"one bit",
       [](std::string text) {
         text[text.size() - text.size() / 3] ^= 0x10;
         return text;
       }},
      {"other", [](const std::string&) { return std::string(3000, 'x'); }},
      {"longer", [](const std::string& text) { return text + "more"; }},
  };
  for (const auto& [name, damage] : damages) {
    SCOPED_TRACE(name);
    for (const fs::path& file : files) Write(file, damage(Read(file)));
    auto again = Run();
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_TRUE(BitEqual((*first)[0], (*again)[0]));
    for (const fs::path& file : files) EXPECT_GT(Read(file).size(), 100u) << file;
    EXPECT_NE(Read(files[0]), damage(Read(files[0])));
  }
}

// A choice was made for kernels as they were built then.
TEST_F(OpenClCache, TuningIsOfTheSourcesAndTheFlags) {
  auto device = Open(plugin_, {{"cache_dir", folder_.string()}, {"kernels", "tiles"}});
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  auto ran = RunNode(
      *device, {"MatMul",
                "",
                {},
                {{Floats({64, 256}, -2), Via::kInput}, {Floats({256, 512}, 1), Via::kInput}}});
  ASSERT_TRUE(ran.ok()) << ran.status().ToString();
  const std::vector<fs::path> files = Files();
  const auto tuning = std::find_if(files.begin(), files.end(), [](const fs::path& file) {
    return file.filename().string().starts_with("tuning-");
  });
  ASSERT_NE(tuning, files.end());
  const std::string text = Read(*tuning);
  EXPECT_NE(text.find("\nsources "), std::string::npos);
  EXPECT_NE(text.find("-cl-std=CL1.2 -DMS_TILES"), std::string::npos);
}

TEST_F(OpenClCache, SaysOnceThatTheFolderCannotBeWritten) {
  Write(folder_, "a file");
  std::vector<std::string> lines;
  SetLogSink([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
  auto ran = Run();
  SetLogSink({});
  ASSERT_TRUE(ran.ok()) << ran.status().ToString();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("the cache cannot be written"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find(folder_.string()), std::string::npos) << lines[0];
}

TEST_F(OpenClCache, DoesWithoutAFolderItCannotWrite) {
  auto device = Open(plugin_, {{"cache_dir", "/proc/no/such/folder"}});
  ASSERT_TRUE(device.ok()) << device.status().ToString();
  EXPECT_TRUE(RunNode(*device, Product()).ok());
}

}  // namespace
}  // namespace midstream::plugin_testing
