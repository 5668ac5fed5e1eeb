#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "text/utf8.h"

namespace sterna {
namespace {

// A match takes a few steps a character; a pattern that needs thousands is not one that tokenizes.
constexpr uint32_t kMinMatchSteps = 1'000'000;
constexpr size_t kMatchStepsPerByte = 16;
constexpr uint32_t kMaxHeapKib = 512 * 1024;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};

std::string Pcre2Message(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// PCRE2's \s has U+180E besides, and its \w lacks marks; Oniguruma's \w has a few of the numbers that are not \p{Nd}.
std::string WithOnigurumaClasses(std::string_view pattern) {
  constexpr std::string_view kWordMembers = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\' || i + 1 == pattern.size()) {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      out += c;
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped == 's') {
      out += R"(\p{White_Space})";
    } else if (escaped == 'S') {
      out += R"(\P{White_Space})";
    } else if (escaped == 'w') {
      out.append(in_class ? "" : "[").append(kWordMembers).append(in_class ? "" : "]");
    } else if (escaped == 'W' && !in_class) {
      out.append("[^").append(kWordMembers).append("]");
    } else {
      out += c;
      out += escaped;
    }
  }
  return out;
}

class Pcre2Regex : public Regex {
 public:
  Pcre2Regex(std::string_view pattern, std::unique_ptr<pcre2_code, Free> code) : pattern_(pattern), code_(std::move(code)) {
    // Where the system forbids executable memory this fails, and matching interprets the pattern instead.
    has_jit_ = pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE) == 0;
  }

  Status Tile(std::string_view text, std::vector<Span>* spans) const override {
    const std::unique_ptr<pcre2_match_data, Free> data(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    const std::unique_ptr<pcre2_match_context, Free> context(pcre2_match_context_create(nullptr));
    if (data == nullptr || context == nullptr) return ResourceExhausted("no memory to match a regular expression");
    const size_t steps =
        std::max<size_t>(kMinMatchSteps, std::min<size_t>(text.size(), UINT32_MAX / kMatchStepsPerByte) * kMatchStepsPerByte);
    pcre2_set_match_limit(context.get(), static_cast<uint32_t>(std::min<size_t>(steps, UINT32_MAX)));
    pcre2_set_heap_limit(context.get(), kMaxHeapKib);
    size_t covered = 0;
    size_t run_begin = 0;
    while (run_begin < text.size()) {
      const size_t run_bytes = ValidUtf8Prefix(text.substr(run_begin));
      STERNA_RETURN_IF_ERROR(TileValid(text.substr(run_begin, run_bytes), run_begin, data.get(), context.get(), &covered, spans));
      run_begin += run_bytes + 1;
    }
    if (covered < text.size()) spans->push_back({covered, text.size(), false});
    return Status::Ok();
  }

 private:
  Status TileValid(std::string_view run, size_t base, pcre2_match_data* data, pcre2_match_context* context, size_t* covered,
                   std::vector<Span>* spans) const {
    size_t start = 0;
    size_t last_match_end = SIZE_MAX;
    while (start <= run.size()) {
      const int found = Match(run, start, data, context);
      if (found == PCRE2_ERROR_NOMATCH) return Status::Ok();
      if (found < 0) {
        return ResourceExhausted(fmt::format("regular expression '{}': gave up at byte {} of the text: {}", pattern_, base + start,
                                             Pcre2Message(found)));
      }
      const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data);
      const size_t begin = bounds[0];
      const size_t end = bounds[1];
      // \K inside a lookahead can set the start after the end.
      if (begin > end) return ResourceExhausted(fmt::format("regular expression '{}': match ends before it starts", pattern_));
      if (begin == end && end == last_match_end) {
        if (end == run.size()) return Status::Ok();
        start = end + DecodeUtf8(run, end).bytes;
        continue;
      }
      if (base + begin > *covered) spans->push_back({*covered, base + begin, false});
      spans->push_back({base + begin, base + end, true});
      *covered = base + end;
      last_match_end = end;
      start = end;
    }
    return Status::Ok();
  }

  int Match(std::string_view text, size_t start, pcre2_match_data* data, pcre2_match_context* context) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    if (has_jit_) {
      const int found = pcre2_match(code_.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK, data, context);
      if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
    }
    return pcre2_match(code_.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context);
  }

  std::string pattern_;
  std::unique_ptr<pcre2_code, Free> code_;
  bool has_jit_ = false;
};

}  // namespace

Result<std::shared_ptr<const Regex>> Regex::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Unsupported(fmt::format("regular expression of {} bytes, at most {} are accepted", pattern.size(), kMaxPatternBytes));
  }
  const std::unique_ptr<pcre2_compile_context, Free> context(pcre2_compile_context_create(nullptr));
  if (context == nullptr) return ResourceExhausted("no memory to compile a regular expression");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  const std::string translated = WithOnigurumaClasses(pattern);
  std::unique_ptr<pcre2_code, Free> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options, &error, &offset, context.get()));
  if (code == nullptr) {
    return Malformed(fmt::format("regular expression '{}': {} at byte {}", translated, Pcre2Message(error), offset));
  }
  return std::shared_ptr<const Regex>(std::make_shared<Pcre2Regex>(pattern, std::move(code)));
}

}  // namespace sterna
