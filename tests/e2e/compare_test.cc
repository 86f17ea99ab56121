// midstream compare: what it prints and writes, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/e2e/command_testing.h"
#include "tests/temporary_folder.h"

namespace midstream::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Each process has its own: two browsers cannot share a profile.
std::string Temporary(const std::string& name) {
  static const TemporaryFolder folder;
  return folder.path() + "/" + name;
}

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = Temporary(name);
  std::ofstream(path) << text;
  return path;
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

CommandResult Compare(std::vector<std::string> more,
                      const std::vector<std::string>& arms = {"reference", "cpu_blas"}) {
  std::vector<std::string> args = {"compare"};
  args.insert(args.end(), arms.begin(), arms.end());
  args.insert(args.end(), {"--model", DigitsCheckpoint(4000)});
  args.insert(args.end(), more.begin(), more.end());
  return RunCommand(args);
}

size_t WidestLine(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

TEST(Compare, ShowsArmsInOneTable) {
  const CommandResult result = Compare({"--calls", "3", "--rounds", "2", "--batch", "4"});
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Placeholder float32[4,784]"));
  EXPECT_THAT(result.out, HasSubstr("Accuracy against reference"));
  EXPECT_THAT(result.out, HasSubstr("median [95 % CI]"));
  EXPECT_THAT(result.out, HasSubstr("6 calls"));
  EXPECT_LE(WidestLine(result.out), 100u);
}

TEST(Compare, WritesEveryFigureAsJson) {
  const CommandResult result =
      Compare({"--calls", "4", "--rounds", "2", "--layers", "--json", "-", "--weights",
               DigitsCheckpoint(0), "--weights", DigitsCheckpoint(100)});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto json = result.json();
  ASSERT_FALSE(json.is_discarded()) << result.out;
  EXPECT_EQ(json["baseline"], "reference");
  ASSERT_EQ(json["arms"].size(), 2u);
  const auto& arm = json["arms"][1];
  ASSERT_EQ(arm["versions"].size(), 3u);
  for (const auto& version : arm["versions"]) {
    EXPECT_EQ(version["compiles"], 0);
    const auto& output = version["outputs"][0];
    EXPECT_TRUE(output["within"]) << output;
    EXPECT_GT(output["max_ulp"], 0);
    EXPECT_GT(output["nmse"], 0);
    EXPECT_EQ(output["argmax_flips"], 0);
    EXPECT_GT(output["cosine"], 0.999999);
  }
  EXPECT_EQ(arm["versions"][2]["weights"], DigitsCheckpoint(100));
  EXPECT_EQ(arm["layers"]["finding"], "nothing");
  EXPECT_EQ(arm["layers"]["nodes"], arm["layers"]["values"].size());
  EXPECT_EQ(arm["speed"]["calls"], 4);
  EXPECT_LE(arm["speed"]["ratio"]["low"], arm["speed"]["ratio"]["high"]);
  EXPECT_GT(arm["backend_bytes"], 0);
  EXPECT_EQ(arm["traffic"]["to_device_bytes"], 0);  // it computes in the host's memory
  EXPECT_GT(arm["nodes"].size(), 2u);  // views take no time, and a kernel may compute several nodes
  for (const auto& node : arm["nodes"]) EXPECT_GT(node["mean_ns"], 0) << node;
  EXPECT_EQ(json["arms"][0]["speed"]["ratio"]["value"], 1);
}

TEST(Compare, GivesEveryArmTheSameSeededInputs) {
  const std::vector<std::string> same = {"--accuracy-only", "--json", "-", "--seed", "7"};
  const CommandResult first = Compare(same), second = Compare(same);
  ASSERT_EQ(first.exit, 0) << first.err;
  EXPECT_EQ(first.json()["arms"][1]["versions"][0]["outputs"],
            second.json()["arms"][1]["versions"][0]["outputs"]);
  // Of one arm twice, nothing differs.
  const std::string twin = WriteFile("twin.toml", "backend = \"cpu_blas\"\n");
  const CommandResult same_arm = Compare(
      {"--accuracy-only", "--json", "-", "--val-range", "Placeholder:-3,3"}, {"cpu_blas", twin});
  ASSERT_EQ(same_arm.exit, 0) << same_arm.err;
  EXPECT_EQ(same_arm.json()["arms"][1]["name"], "twin");
  EXPECT_EQ(same_arm.json()["arms"][1]["versions"][0]["outputs"][0]["different"], 0);
}

TEST(Compare, AnArmOfTheConfigurationThatCannotRunIsARow) {
  const std::string config = WriteFile(
      "arms.toml", "[compare]\narms = [\"reference\", \"absent\", \"cpu_blas\"]\nmodel = \"" +
                       DigitsCheckpoint(4000) + "\"\n");
  const std::vector<std::string> args = {"compare", "--config", config, "--accuracy-only"};
  const CommandResult result = RunCommand(args);
  ASSERT_EQ(result.exit, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("unavailable"));
  EXPECT_THAT(result.out, HasSubstr("absent.so"));
  EXPECT_THAT(result.out, HasSubstr("ok"));
  std::vector<std::string> strict = args;
  strict.emplace_back("--require-all");
  const CommandResult required = RunCommand(strict);
  EXPECT_EQ(required.exit, 5);
  EXPECT_THAT(required.err, HasSubstr("absent.so"));
}

TEST(Compare, NoOtherBackendPassesForTheOneOfAnArm) {
  const std::string config =
      WriteFile("allow.toml",
                "[placement]\norder = [\"cpu_blas\", \"reference\"]\nfallback = \"allow\"\n"
                "[compare]\narms = [\"cpu_blas\", \"opencl\"]\nmodel = \"" +
                    DigitsCheckpoint(4000) + "\"\n");
  setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
  const CommandResult result = RunCommand({"compare", "--config", config, "--accuracy-only"});
  unsetenv("OCL_ICD_VENDORS");
  EXPECT_EQ(result.exit, 5) << result.err;
  EXPECT_THAT(result.out, HasSubstr("unavailable"));
}

TEST(Compare, RunsTheConfigurationOfTheRepository) {
  const CommandResult result =
      Compare({"--config", std::string(MS_SOURCE_DIR) + "/configs/compare.toml", "--calls", "2",
               "--rounds", "1", "--json", "-"},
              {});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto arms = result.json()["arms"];
  ASSERT_EQ(arms.size(), 3u);
  EXPECT_EQ(arms[2]["name"], "opencl");
  for (const auto& arm : arms) {
    if (!arm["ran"]) {
      EXPECT_TRUE(arm["unavailable"]) << arm["problem"];
      continue;
    }
    for (const auto& output : arm["versions"][0]["outputs"])
      EXPECT_TRUE(output["within"]) << output;
  }
}

TEST(Compare, HasExitCodesForScripts) {
  const CommandResult differs = Compare({"--accuracy-only", "--atol", "0", "--rtol", "0"});
  EXPECT_EQ(differs.exit, 6);
  EXPECT_THAT(differs.err, HasSubstr("cpu_blas: output 'fc2/add'"));
  EXPECT_THAT(differs.out, HasSubstr("DIFFERS"));
  EXPECT_EQ(Compare({"--accuracy-only", "--atol", "0.1"}).exit, 0);
  EXPECT_EQ(Compare({"--accuracy-only", "--max-rel", "0"}).exit, 6);
  EXPECT_EQ(Compare({"--accuracy-only", "--max-rel", "0.5"}).exit, 0);
  const std::vector<std::string> few = {"--calls", "6", "--rounds", "6", "--max-slowdown"};
  std::vector<std::string> args = few;
  args.emplace_back("1.5");
  const CommandResult slower = Compare(args, {"cpu_blas", "reference"});
  EXPECT_EQ(slower.exit, 7);
  EXPECT_THAT(slower.err, HasSubstr("--max-slowdown allows 1.5"));
  EXPECT_EQ(Compare(args, {"reference", "cpu_blas"}).exit, 0);
  // The baseline is not slower than itself.
  args.back() = "0.9";
  EXPECT_EQ(Compare(args, {"reference", "cpu_blas"}).exit, 0);
}

TEST(Compare, SaysWhatIsWrong) {
  const std::string broken = WriteFile("broken.toml", "backend = 3\n");
  const std::string wide = WriteFile("wide.toml", "[inputs.Placeholder]\nshape = [9, 784]\n");
  const std::string model = DigitsCheckpoint(4000);
  const struct {
    std::vector<std::string> args;
    int exit;
    std::string message;
  } cases[] = {
      {{"reference", "nosuch", "--model", model, "--accuracy-only"}, 5, "nosuch.so"},
      {{"nosuch", "reference", "--model", model}, 5, "nosuch"},
      {{"reference", "cpu_blas", "--model", "/nonexistent/model"}, 3, "/nonexistent/model"},
      {{"reference", "cpu_blas"}, 2, "there is no model"},
      {{"reference", "--model", model}, 2, "two or more arms are needed"},
      {{"reference", "reference", "--model", model}, 2, "'reference' is given twice"},
      {{"reference", "cpu_blas", "--baseline", "x", "--model", model}, 2, "'x' is no arm"},
      {{"reference", "cpu_blas", "--model", model, "--atol", "small"},
       2,
       "'small' is no tolerance"},
      {{"reference", "cpu_blas", "--model", model, "--rtol", "fc2/add:"}, 2, "is no tolerance"},
      {{"reference", "cpu_blas", "--model", model, "--rtol", "x:1"}, 3, "there is no output 'x'"},
      {{"reference", "cpu_blas", "--model", model, "--val-range", "3"}, 2, "'3' is no range"},
      {{"reference", "cpu_blas", "--model", model, "--val-range", "x:0,1"}, 3, "no input 'x'"},
      {{"reference", broken, "--model", model}, 4, "broken.toml"},
      {{"reference", wide, "--model", model, "--accuracy-only"}, 3, "[9,784]"},
      {{"reference", "cpu_blas", "--model", model, "--accuracy-only", "--weights", "/no.npz"},
       3,
       "/no.npz"},
      {{"reference", "cpu_blas", "--model", model, "--accuracy-only", "--seconds", "1"},
       2,
       "--seconds"},
      {{"reference", "cpu_blas", "--model", model, "--accuracy-only", "--html", "/no/such/x.html"},
       1,
       "/no/such"},
      {{"reference", "cpu_blas", "--model", model, "--max-slowdown", "nan"}, 2, "'nan'"},
      {{"reference", "cpu_blas", "--model", model, "--max-rel", "nan"}, 2, "'nan'"},
      {{"reference", "cpu_blas", "--model", model, "--seconds", "nan"}, 2, "'nan'"},
      {{"reference", "cpu_blas", "--model", model, "--seed", "-1"}, 2, "'-1'"},
      {{"reference", "cpu_blas", "--model", model, "--rounds", "5", "--max-slowdown", "2"},
       2,
       "6 rounds or more"},
      {{"reference", "cpu_blas", "--model", model, "--json", "-", "--html", "-"},
       2,
       "--json and --html both go to '-'"},
      {{"reference", "/tmp", "--model", model}, 2, "'/tmp' is neither the name of a backend"},
      {{wide, "/." + wide, "--model", model}, 2, "is given twice"},
  };
  for (const auto& wrong : cases) {
    std::vector<std::string> args = {"compare"};
    args.insert(args.end(), wrong.args.begin(), wrong.args.end());
    const CommandResult result = RunCommand(args);
    EXPECT_EQ(result.exit, wrong.exit) << wrong.message << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr(wrong.message));
  }
}

TEST(Compare, WritesMarkdown) {
  const std::string path = Temporary("report.md");
  const CommandResult result = Compare({"--accuracy-only", "--markdown", path});
  ASSERT_EQ(result.exit, 0) << result.err;
  const std::string text = ReadText(path);
  EXPECT_THAT(text, HasSubstr("# midstream compare"));
  EXPECT_THAT(text, HasSubstr("| cpu_blas | fc2/add |"));
}

// ---- The page, in a browser

std::string FindBrowser() {
  for (const char* name : {"/usr/bin/chromium", "/usr/bin/google-chrome"}) {
    if (std::filesystem::exists(name)) return name;
  }
  return "";
}

TEST(ComparePage, NeedsNothingFromOutside) {
  const std::string path = Temporary("plain.html");
  const CommandResult result = Compare({"--calls", "4", "--rounds", "2", "--html", path});
  ASSERT_EQ(result.exit, 0) << result.err;
  const std::string page = ReadText(path);
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

struct Rendered {
  CommandResult result;         // the DOM on out, what the page logs on err
  std::set<std::string> hosts;  // that it asked for something, whether or not they can be reached
};

// Of the URLs in a net log: "url":"https://example.org:80/".
std::set<std::string> HostsIn(const std::string& log) {
  const std::string_view key = "\"url\":\"";
  std::set<std::string> hosts;
  for (size_t at = log.find(key); at != std::string::npos; at = log.find(key, at)) {
    at += key.size();
    const std::string url = log.substr(at, log.find('"', at) - at);
    const size_t scheme = url.find("://");
    const std::string name = url.substr(0, scheme);
    if (scheme == std::string::npos ||
        (name != "http" && name != "https" && name != "ws" && name != "wss"))
      continue;
    hosts.insert(url.substr(scheme + 3, url.find_first_of("/:", scheme + 3) - scheme - 3));
  }
  return hosts;
}

// Without a sandbox, because the tests may run as root; no name resolves.
Rendered Render(const std::string& browser, const std::string& page) {
  const std::string log = Temporary("net.json");
  RunningCommand chromium(
      {"--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
       "--disable-background-networking", "--disable-component-update", "--no-first-run",
       "--host-resolver-rules=MAP * ~NOTFOUND", "--log-net-log=" + log,
       "--user-data-dir=" + Temporary("profile"), "--dump-dom", "file://" + page},
      browser);
  Rendered rendered{chromium.Wait(), {}};
  for (const std::string& host : HostsIn(ReadText(log))) {
    bool own = false;  // what the browser asks for itself
    for (const char* name : {"google.com", "googleapis.com", "gvt1.com"}) {
      own |= host == name || host.ends_with(std::string(".") + name);
    }
    if (!own) rendered.hosts.insert(host);
  }
  return rendered;
}

class InBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = FindBrowser();
    if (browser_.empty()) {
      GTEST_SKIP() << "there is no chromium here: scripts/install_deps.sh --browser installs it";
    }
  }
  std::string browser_;
};

TEST_F(InBrowser, ThePageRendersItsPlotsWithoutErrorsOrRequests) {
  const std::string path = Temporary("page.html");
  const CommandResult result =
      Compare({"--calls", "20", "--rounds", "4", "--layers", "--html", path});
  ASSERT_EQ(result.exit, 0) << result.err;
  const auto [page, hosts] = Render(browser_, path);
  ASSERT_EQ(page.exit, 0) << page.err;
  for (const char* plot : {"latency", "ratio", "accuracy", "layers", "nodes-0", "nodes-1"}) {
    const size_t figure = page.out.find("<figure id=\"" + std::string(plot) + "\">");
    ASSERT_NE(figure, std::string::npos) << plot;
    const size_t end = page.out.find("</figure>", figure);
    const std::string content = page.out.substr(figure, end - figure);
    EXPECT_THAT(content, HasSubstr("<svg")) << plot;
    EXPECT_THAT(content, HasSubstr("</svg>")) << plot;
    const bool bars = std::string(plot).starts_with("nodes");
    EXPECT_THAT(content, HasSubstr(bars ? "<rect" : "<circle")) << plot;
    EXPECT_THAT(content, HasSubstr("class=\"name\"")) << plot;
  }
  EXPECT_THAT(page.out, HasSubstr("<polyline"));
  EXPECT_THAT(page.err, Not(HasSubstr("CONSOLE")));
  EXPECT_TRUE(hosts.empty()) << *hosts.begin();
}

TEST_F(InBrowser, ErrorsAndRequestsOfAPageWouldBeSeen) {
  const std::string path = WriteFile("bad.html",
                                     "<html><body><img src=\"http://example.invalid/x.png\">"
                                     "<script>throw new Error(\"seen\")</script></body></html>");
  const auto [page, hosts] = Render(browser_, path);
  EXPECT_THAT(page.err, HasSubstr("CONSOLE"));
  EXPECT_EQ(hosts, std::set<std::string>{"example.invalid"});
}

}  // namespace
}  // namespace midstream::e2e
