// Any bytes as an answer of the hub: a list of files whose names, sizes and hashes are safe to use, or an error; headers likewise.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"
#include "hub/file_choice.h"
#include "hub/file_name.h"
#include "hub/listing.h"
#include "hub/model_reference.h"
#include "hub/response_headers.h"

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

void CheckHeaders(std::string_view text) {
  sterna::ResponseHeaders headers;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (!headers.AddLine(text.substr(0, end)).ok()) return;
    text.remove_prefix(end);
  }
  if (const auto range = sterna::ParseContentRange(headers.Text("Content-Range")); range.ok()) {
    Demand(range->first <= range->last && range->last < range->size);
  }
  if (const auto next = sterna::NextPage(headers.Text("Link"))) Demand(next->find('>') == std::string::npos);
  if (const auto seconds = sterna::RetryAfterSeconds(headers.Text("Retry-After"))) Demand(*seconds >= 0);
  (void)sterna::EtagValue(headers.Text("ETag"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<sterna::RepoFile> files;
  if (sterna::ParseTreePage(text, &files).ok() && sterna::FinishListing(&files).ok()) {
    std::vector<std::string> paths;
    for (const sterna::RepoFile& file : files) {
      Demand(sterna::CheckFileName(file.path).ok() && sterna::DigestKindOf(file.blob).ok() && file.size <= uint64_t{1} << 50);
      paths.push_back(file.path);
    }
    if (const auto choice = sterna::ChooseModelFiles(paths, ""); choice.ok()) Demand(!choice->paths.empty());
  }
  if (const auto commit = sterna::ParseRevision(text); commit.ok()) Demand(sterna::IsCommitHash(*commit));
  (void)sterna::ErrorTextOf(text);
  CheckHeaders(text);
  return 0;
}
