#include <fmt/format.h>

#include <algorithm>

#include "formats/file_source_internal.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

class FileSource final : public WeightSource {
 public:
  explicit FileSource(FileSourceParts parts) : parts_(std::move(parts)) {
    by_name_.reserve(parts_.entries.size());
    for (const TensorEntry& entry : parts_.entries) by_name_.push_back(&entry);
    std::sort(by_name_.begin(), by_name_.end(), [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });
  }

  std::string_view format() const override { return parts_.format; }
  const std::string& path() const override { return parts_.path; }
  const Metadata& metadata() const override { return parts_.metadata; }
  std::span<const TensorEntry> entries() const override { return parts_.entries; }

  const TensorEntry* Find(std::string_view name) const override {
    const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                        [](const TensorEntry* entry, std::string_view wanted) { return entry->name < wanted; });
    return found != by_name_.end() && (*found)->name == name ? *found : nullptr;
  }

  Status StillUnchanged() const override {
    for (const auto& file : parts_.files) STERNA_RETURN_IF_ERROR(file->StillUnchanged());
    return Status::Ok();
  }

  void ReleasePages() const override {
    for (const auto& file : parts_.files) file->ReleasePages();
  }

 private:
  FileSourceParts parts_;
  std::vector<const TensorEntry*> by_name_;
};

}  // namespace

Result<std::shared_ptr<const WeightSource>> MakeFileSource(FileSourceParts parts) {
  if (const auto twice = FirstRepeatedName(parts.entries)) {
    return Malformed(
        fmt::format("{}: tensor name: expected each name once in all files, found {} again", parts.path, Quoted(*twice)));
  }
  return std::shared_ptr<const WeightSource>(std::make_shared<FileSource>(std::move(parts)));
}

}  // namespace sterna
