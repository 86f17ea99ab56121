// The parts of the plugin that need no interpreter: options, memory, the shim's image, finding Python.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "plugins/python/arena.h"
#include "plugins/python/child.h"
#include "plugins/python/files.h"
#include "plugins/python/libpython.h"
#include "plugins/python/options.h"
#include "plugins/python/region.h"
#include "plugins/python/shim_image.h"

namespace midstream::python {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string ErrorOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const sdk::Error& e) {
    return e.what();
  }
  return "";
}

Options Parse(const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<ms_kv> options;
  for (const auto& [key, value] : values) options.push_back({sdk::Str(key), sdk::Str(value)});
  return ParseOptions(options);
}

TEST(PythonOptions, AreRead) {
  const Options options = Parse({{"isolation", "process"},
                                 {"interpreters", "64"},
                                 {"python", "3.12"},
                                 {"site", "/tmp"},
                                 {"timeout_ms", "5"},
                                 {"load_timeout_ms", "6"},
                                 {"threads", "0"},
                                 {"preload", "numpy, torch.nn"},
                                 {"spin_us", "7"}});
  EXPECT_EQ(options.isolation, Isolation::kProcess);
  EXPECT_EQ(options.Count(), 64u);
  EXPECT_EQ(options.python, "3.12");
  EXPECT_EQ(options.site, "/tmp");
  EXPECT_EQ(options.timeout.count(), 5);
  EXPECT_EQ(options.load_timeout.count(), 6);
  EXPECT_EQ(options.threads, 0u);
  EXPECT_EQ(options.preload, "numpy,torch.nn");
  EXPECT_EQ(options.spin_us, 7u);
  EXPECT_GE(Parse({}).Count(), 1u);
  EXPECT_LE(Parse({}).Count(), 15u);
}

TEST(PythonOptions, OfBadValuesSayWhatIsExpected) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"isolation", "both", "expected shared or process"},
      {"interpreters", "-1", "expected an integer from 0 to 64"},
      {"interpreters", "16", "at most 15 with isolation shared"},
      {"python", "2.7", "expected a version such as 3.11, or the absolute path"},
      {"python", "bin/python", "expected a version"},
      {"site", "packages", "expected the absolute path of a folder that exists"},
      {"site", "/no/such/folder", "expected the absolute path of a folder that exists"},
      {"timeout_ms", "0", "expected an integer from 1 to 86400000"},
      {"load_timeout_ms", "1s", "expected an integer from 1 to 86400000"},
      {"threads", "many", "expected an integer from 0 to 1024"},
      {"preload", "numpy;torch", "names of modules, separated by commas"},
      {"preload", "numpy,,torch", "names of modules, separated by commas"},
      {"preload", "numpy,", "names of modules, separated by commas"},
      {"preload", "torch.2", "names of modules, separated by commas"},
      {"preload", "numpy", "needs isolation process"},
      {"spin_us", "10001", "expected an integer from 0 to 10000"},
      {"worker", "1", "python has no option 'worker'; it knows isolation"}};
  for (const auto& [key, value, expected] : cases) {
    const std::string text = ErrorOf([&] { Parse({{key, value}}); });
    EXPECT_THAT(text, HasSubstr(expected)) << key;
    EXPECT_THAT(text, HasSubstr(key));
  }
}

TEST(PythonArena, JoinsWhatIsFreed) {
  Arena arena(100, 100000);
  std::vector<uint64_t> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(arena.Allocate(1000));
  for (uint64_t block : blocks) {
    EXPECT_NE(block, 0u);
    EXPECT_EQ(block % Arena::kAlignment, 0u);
  }
  EXPECT_EQ(arena.used(), 10u * 1024);
  for (int i : {1, 3, 2, 9, 8, 0, 5, 4, 7, 6}) arena.Free(blocks[static_cast<size_t>(i)]);
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(arena.FreeRanges().size(), 1u);
  EXPECT_EQ(arena.Allocate(arena.room() + 1), 0u);
  EXPECT_NE(arena.Allocate(arena.room()), 0u);
  EXPECT_EQ(arena.Allocate(0), 0u);
}

TEST(PythonRegion, GivesPagesBackAndSaysWhenItIsFull) {
  for (bool for_processes : {false, true}) {
    Region region(for_processes, uint64_t{256} << 20);
    const uint64_t block = region.Allocate(64 << 20);
    std::memset(region.At(block), 1, 64 << 20);
    region.Free(block);
    const uint64_t again = region.Allocate(64 << 20);
    EXPECT_EQ(again, block);
    EXPECT_EQ(static_cast<int>(region.At(again)[4096]), 0);
    EXPECT_THAT(ErrorOf([&] { region.Allocate(uint64_t{1} << 40); }),
                HasSubstr("no room for 1099511627776 bytes"));
  }
}

TEST(PythonFiles, HaveAnEntryEachAsLongAsTheyAreUsed) {
  Region region(true, uint64_t{256} << 20);
  FileTable table(&region);
  const std::string stem = testing::TempDir() + "python_file_" + std::to_string(getpid()) + "_";
  const auto make = [&](uint32_t i) {
    std::ofstream(stem + std::to_string(i)) << i;
    return table.Open(stem + std::to_string(i));
  };
  std::vector<std::shared_ptr<MappedFile>> files;
  for (uint32_t i = 0; i < MP_MAX_FILES; ++i) {
    files.push_back(make(i));
    ASSERT_NE(files[i], nullptr);
    EXPECT_EQ(files[i]->index(), i);
  }
  EXPECT_EQ(make(7), files[7]);
  EXPECT_EQ(make(MP_MAX_FILES), nullptr);
  files[5].reset();
  const auto other = make(MP_MAX_FILES);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->index(), 5u);
  const std::string path = region.header().files[5].path;
  std::ifstream content(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(content), {}), std::to_string(MP_MAX_FILES));
  for (uint32_t i = 0; i <= MP_MAX_FILES; ++i) std::filesystem::remove(stem + std::to_string(i));
}

TEST(PythonShimImage, NamesAnotherLibrary) {
  std::ifstream file(std::string(MS_PLUGIN_DIR) + "/libmidstream_python_shim.so", std::ios::binary);
  const std::string shim{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string image = shim;
  EXPECT_EQ(NameLibpython(image, "/opt/lib/libpython3.11.so.1.0"), "");
  EXPECT_EQ(image.size(), shim.size());
  EXPECT_NE(image.find(std::string("/opt/lib/libpython3.11.so.1.0\0", 30)), std::string::npos);
  EXPECT_THAT(NameLibpython(image, "/other"), HasSubstr("needs no library with the name"));
  image = shim;
  EXPECT_THAT(NameLibpython(image, "/" + std::string(255, 'x')),
              HasSubstr("longer than the 255 characters"));
}

TEST(PythonShimImage, OfADamagedFileIsRefused) {
  std::ifstream file(std::string(MS_PLUGIN_DIR) + "/libmidstream_python_shim.so", std::ios::binary);
  const std::string shim{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (size_t size : {size_t{0}, size_t{3}, size_t{63}, size_t{64}, size_t{500}}) {
    std::string image = shim.substr(0, size);
    EXPECT_NE(NameLibpython(image, "/lib/x"), "") << size;
  }
  for (size_t at = 0; at < 600; ++at) {  // of the headers: refused or not, nothing is read outside
    std::string image = shim;
    image[at] = static_cast<char>(~image[at]);
    NameLibpython(image, "/lib/x");
  }
}

TEST(PythonLibrary, IsFound) {
  const Python python = FindPython("/usr/bin/python3");
  EXPECT_THAT(python.version, StartsWith("3."));
  EXPECT_EQ(python.home, "/usr");
  EXPECT_THAT(python.library, StartsWith("/"));
  EXPECT_EQ(FindPython("/usr").library, python.library);  // as a folder with bin/python3
  EXPECT_EQ(FindPython(python.minor()).minor(), python.minor());
}

// A program that answers as it is told.
std::string Script(const std::string& name, const std::string& body) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << "#!/bin/sh\n" << body;
  chmod(path.c_str(), 0755);
  return path;
}
std::string Lines(const std::string& name, const std::string& version, const std::string& no_gil,
                  const std::string& shared) {
  return "echo " + name + "; echo " + version + "; echo " + no_gil + "; echo " + shared +
         "; echo /nowhere; echo libpythonX.so.1.0; echo x; echo /nowhere; echo /nowhere/python\n";
}

TEST(PythonLibrary, ThatIsMissingIsNamed) {
  const auto error = [](const std::string& wanted) { return ErrorOf([&] { FindPython(wanted); }); };
  EXPECT_THAT(error("/no/such/python"), HasSubstr("/no/such/python/bin/python3 neither"));
  EXPECT_THAT(error("3.99"), HasSubstr("there is no python3.99 on PATH nor in /usr/bin"));
  EXPECT_THAT(error(Script("p1", Lines("cpython", "3.11.2", "0", "1"))),
              HasSubstr("expected as /nowhere/libpythonX.so.1.0, which is missing"));
  EXPECT_THAT(error(Script("p2", Lines("cpython", "3.11.2", "0", "0"))),
              HasSubstr("--enable-shared"));
  EXPECT_THAT(error(Script("p3", Lines("cpython", "3.9.1", "0", "1"))),
              HasSubstr("is Python 3.9.1; it takes 3.10 or later"));
  EXPECT_THAT(error(Script("p4", Lines("cpython", "3.13.0", "1", "1"))),
              HasSubstr("free-threaded build"));
  EXPECT_THAT(error(Script("p5", Lines("pypy", "3.10.0", "0", "1"))), HasSubstr("takes CPython"));
  EXPECT_THAT(error(Script("p6", "exit 3\n")), HasSubstr("ended with exit code 3"));
  EXPECT_THAT(error(Script("p7", "echo hello\n")), HasSubstr("is no Python"));
}

TEST(PythonChild, ThatDoesNotAnswerIsKilled) {
  const ChildOutput output = RunChild({"/bin/sleep", "1000"}, std::chrono::seconds(1));
  EXPECT_EQ(output.problem, "did not answer within 1 s");
}

TEST(PythonChild, GetsOnlyTheDescriptorsItIsGiven) {
  const Fd leaked(fcntl(STDERR_FILENO, F_DUPFD, 300));  // without FD_CLOEXEC
  const ChildOutput output =
      RunChild({"/bin/sh", "-c", "test -e /proc/self/fd/300 && echo leaked; echo done"},
               std::chrono::seconds(20));
  EXPECT_EQ(output.text, "done\n");
}

}  // namespace
}  // namespace midstream::python
