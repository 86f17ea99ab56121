#include "core/formats/orbax/tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/formats/file.h"
#include "core/formats/json.h"
#include "core/formats/orbax/key_text.h"

namespace midstream::orbax {
namespace {

using formats::Quoted;
using Json = nlohmann::json;
using Path = std::vector<std::string>;

constexpr size_t kMostLeaves = 1'000'000;

Status Malformed(const std::string& key, const std::string& what) {
  return DataLoss("its entry " + Quoted(key) + " " + what);
}

// Names of dicts, and positions in sequences.
Result<Path> PathOf(const std::string& key, const Json& entry) {
  const auto listed = entry.find("key_metadata");
  if (listed == entry.end()) {
    auto path = ParseKeyText(key);
    return path.ok() ? std::move(path) : Malformed(key, "is no tuple of names");
  }
  Path path;
  if (!listed->is_array()) return Malformed(key, "has key_metadata that is no list");
  for (const Json& part : *listed) {
    const Json name = part.is_object() ? part.value("key", Json()) : Json();
    if (name.is_string()) {
      path.push_back(name.get<std::string>());
    } else if (name.is_number_integer()) {
      path.push_back(name.dump());
    } else {
      return Malformed(key, "has key_metadata without a key");
    }
  }
  if (path.empty()) return Malformed(key, "has no names");
  return path;
}

// Whether the entry stands for an array, and not for an empty dict or list.
Result<bool> IsArray(const std::string& key, const Json& entry) {
  const auto value = entry.find("value_metadata");
  if (value == entry.end()) return true;
  if (!value->is_object()) return Malformed(key, "has value_metadata that is no object");
  const Json skip = value->value("skip_deserialize", Json(false));
  if (!skip.is_boolean()) return Malformed(key, "has a skip_deserialize that is no boolean");
  return !skip.get<bool>();
}

std::string Joined(const Path& path, char separator) {
  std::string text;
  for (const std::string& part : path) {
    if (&part != path.data()) text += separator;
    text += part;
  }
  return text;
}

// The root "params" and the ending "value" are dropped if every leaf has them: the first is the item
// that openpi saves, the second the attribute of a variable. A leaf that lacks either shows that they
// are names like others.
std::vector<Leaf> NameLeaves(std::vector<Path> paths) {
  const bool root = std::all_of(paths.begin(), paths.end(), [](const Path& path) {
    return path.size() > 1 && path.front() == "params";
  });
  const bool value = std::all_of(paths.begin(), paths.end(), [&](const Path& path) {
    return path.size() > (root ? 2 : 1) && path.back() == "value";
  });
  std::vector<Leaf> leaves;
  for (Path& path : paths) {
    Leaf leaf{Joined(path, '.'), ""};
    if (value) path.pop_back();
    if (root) path.erase(path.begin());
    leaf.name = Joined(path, '/');
    leaves.push_back(std::move(leaf));
  }
  std::sort(leaves.begin(), leaves.end(),
            [](const Leaf& a, const Leaf& b) { return a.name < b.name; });
  return leaves;
}

}  // namespace

Result<Tree> ParseTree(std::string_view text) {
  const Json json = formats::ParseJson(text);
  if (!json.is_object()) return DataLoss("it is no JSON object");
  if (json.value("use_zarr3", Json(false)) != false) {
    return Unimplemented(
        "the arrays are stored with Zarr's third version (use_zarr3); its second "
        "is read, which openpi writes");
  }
  const auto entries = json.find("tree_metadata");
  if (entries == json.end() || !entries->is_object()) return DataLoss("it has no tree_metadata");
  if (entries->size() > kMostLeaves) return DataLoss("it lists too many parameters");
  std::vector<Path> paths;
  for (const auto& [key, entry] : entries->items()) {
    if (!entry.is_object()) return Malformed(key, "is no object");
    MS_ASSIGN_OR_RETURN(const bool is_array, IsArray(key, entry));
    if (!is_array) continue;
    MS_ASSIGN_OR_RETURN(Path path, PathOf(key, entry));
    paths.push_back(std::move(path));
  }
  if (paths.empty()) return DataLoss("it lists no parameters");
  Tree tree{NameLeaves(std::move(paths)),
            json.value("store_array_data_equal_to_fill_value", Json(false)) == true};
  const auto twice =
      std::adjacent_find(tree.leaves.begin(), tree.leaves.end(),
                         [](const Leaf& a, const Leaf& b) { return a.name == b.name; });
  if (twice == tree.leaves.end()) return tree;
  return DataLoss("it lists the parameter " + Quoted(twice->name) + " twice");
}

}  // namespace midstream::orbax
