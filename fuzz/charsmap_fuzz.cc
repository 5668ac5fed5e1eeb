// Any bytes as the compiled replacement rules of a SentencePiece model: an error, or rules that stay inside their data and the
// text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/aligned_text.h"
#include "text/normalizer.h"
#include "text/precompiled_charsmap.h"

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kText = "a\u0301 \uFB01\u0301 \u2460\u3000Ab\r\n\u1100\u1161\xFF \u0958\u093F";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto charsmap = sterna::PrecompiledCharsmap::Parse({reinterpret_cast<const char*>(data), size}, "rules");
  if (!charsmap.ok()) return 0;
  for (size_t at = 0; at < kText.size(); ++at) {
    for (const auto& rule : {charsmap->Longest(kText.substr(at)), charsmap->Shortest(kText.substr(at))}) {
      if (rule) Demand(rule->bytes <= kText.size() - at && rule->content.size() < size);
    }
  }
  const auto step = sterna::MakePrecompiledStep(std::move(charsmap).value());
  sterna::AlignedText plain = sterna::AlignedText::Plain(kText);
  sterna::AlignedText tracked = sterna::AlignedText::Tracked(kText, 0);
  Demand(step->Apply(&plain).ok() && step->Apply(&tracked).ok());
  Demand(plain.text == tracked.text && tracked.origins.size() == tracked.text.size());
  return 0;
}
