#include "core/cli/package_folder.h"

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "core/formats/file.h"
#include "core/formats/package/package.h"

namespace midstream::cli {
namespace {

namespace fs = std::filesystem;

// Those of CPython 3.10 and every later one, however it is built. The same are in
// sdk/python/midstream/package/_standard.py.
constexpr std::string_view kCoreModules =
    " _abc _ast _codecs _collections _collections_abc _frozen_importlib _frozen_importlib_external "
    "_functools _imp _io _locale _operator _signal _sitebuiltins _sre _stat _string _symtable "
    "_thread _tracemalloc _warnings _weakref abc atexit builtins codecs encodings errno "
    "faulthandler gc genericpath io itertools marshal midstream_model os posix posixpath pwd site "
    "stat sys time zipimport ";

bool IsCoreModule(std::string_view name) {
  return kCoreModules.find(" " + std::string(name) + " ") != std::string_view::npos;
}

bool IsHidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

// What a link inside the folder leads to is packed under the link's name.
Status CheckLink(const fs::path& link, const fs::path& real_folder) {
  std::error_code error;
  const fs::path target = fs::canonical(link, error);
  if (error) return ErrnoStatus(error.value(), link.string() + ", a link");
  const std::string what = link.string() + " is a link to " + target.string();
  if (fs::is_directory(target, error)) {
    return InvalidArgument(what + ", a folder, which is not followed: put its files there instead");
  }
  if (*target.lexically_relative(real_folder).begin() != "..") return OkStatus();
  return InvalidArgument(what + ", which leads out of the folder: put the file there instead");
}

// "os" of "code/os.py" and "code/os/path.py"; nothing for what is no module.
std::string_view TopModule(std::string_view file) {
  if (!file.starts_with(package::kCodeFolder) || !file.ends_with(".py")) return {};
  file.remove_prefix(package::kCodeFolder.size());
  file.remove_suffix(3);
  return file.substr(0, file.find('/'));
}

}  // namespace

Status AddFolder(const std::string& folder, std::string_view prefix, Files* files) {
  if (!formats::IsDirectory(folder)) return NotFound(folder + " is no folder");
  std::error_code error;
  const fs::path real_folder = fs::canonical(folder, error);
  fs::recursive_directory_iterator at(folder, error), end;
  for (; !error && at != end; at.increment(error)) {
    const bool cache = at->path().filename() == "__pycache__";
    if (at->is_directory() && (cache || IsHidden(at->path()))) at.disable_recursion_pending();
    if (cache || IsHidden(at->path()) || at->path().extension() == ".pyc") continue;
    if (at->is_symlink()) MS_RETURN_IF_ERROR(CheckLink(at->path(), real_folder));
    if (at->is_directory()) continue;
    const std::string path = at->path().string();
    if (at->path().extension() == ".so") {
      return InvalidArgument(path +
                             " is a compiled extension, which a package cannot hold: leave " +
                             "it out and name its module by --extern");
    }
    const std::string name =
        std::string(prefix) + at->path().lexically_relative(folder).generic_string();
    MS_ASSIGN_OR_RETURN((*files)[name], ReadFile(path, package::kLargestFiles));
  }
  return error ? ErrnoStatus(error.value(), folder) : OkStatus();
}

std::vector<std::string> TakeOutCoreModules(std::string_view entry, Files* files) {
  const std::string_view kept = entry.substr(0, std::min(entry.find(':'), entry.find('.')));
  std::vector<std::string> taken;
  std::erase_if(*files, [&](const auto& file) {
    const std::string_view top = TopModule(file.first);
    if (top.empty() || top == kept || !IsCoreModule(top)) return false;
    taken.push_back(file.first);
    return true;
  });
  return taken;
}

}  // namespace midstream::cli
