// Tokenizer::FromTiktoken: rank files, a token in base64 and its rank on every line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "text/base64.h"
#include "text/bpe_model.h"
#include "text/end_of_generation.h"
#include "text/pipeline_tokenizer.h"
#include "text/tokenizer.h"

namespace sterna {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 27;
constexpr size_t kMaxTokenBytes = 4096;
constexpr int64_t kMaxRank = (int64_t{1} << 22) - 1;

// The expressions as the vocabularies' own code has them (openai/tiktoken openai_public.py, meta-llama/llama3 tokenizer.py).
constexpr std::string_view kR50k = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100k =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Kind {
  TiktokenKind kind;
  std::string_view name;
  size_t ranks;
  std::string_view expression;
};
constexpr std::array<Kind, 5> kKinds = {{{TiktokenKind::kLlama3, "Llama 3", 128000, kLlama3},
                                         {TiktokenKind::kR50kBase, "r50k_base", 50256, kR50k},
                                         {TiktokenKind::kP50kBase, "p50k_base", 50280, kR50k},
                                         {TiktokenKind::kCl100kBase, "cl100k_base", 100256, kCl100k},
                                         {TiktokenKind::kO200kBase, "o200k_base", 199998, kO200k}}};

struct NamedToken {
  std::string text;
  int64_t id;
};

std::vector<NamedToken> SpecialTokens(TiktokenKind kind, int64_t first_free) {
  switch (kind) {
    case TiktokenKind::kLlama3: {
      std::vector<NamedToken> tokens;
      for (const std::string_view name :
           {"begin_of_text", "end_of_text", "reserved_special_token_0", "reserved_special_token_1", "finetune_right_pad_id",
            "step_id", "start_header_id", "end_header_id", "eom_id", "eot_id"}) {
        tokens.push_back({fmt::format("<|{}|>", name), first_free + static_cast<int64_t>(tokens.size())});
      }
      // Names of Llama 3.1; the numbers of the reserved ones go on where the named ones left off.
      for (int number = 2; tokens.size() < 256; ++number) {
        tokens.push_back({fmt::format("<|reserved_special_token_{}|>", number), first_free + static_cast<int64_t>(tokens.size())});
      }
      return tokens;
    }
    case TiktokenKind::kCl100kBase:
      return {{"<|endoftext|>", 100257},
              {"<|fim_prefix|>", 100258},
              {"<|fim_middle|>", 100259},
              {"<|fim_suffix|>", 100260},
              {"<|endofprompt|>", 100276}};
    case TiktokenKind::kO200kBase:
      return {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}};
    default:
      return {{"<|endoftext|>", 50256}};
  }
}

struct RankedToken {
  std::string bytes;
  int64_t rank;
};

Result<std::vector<RankedToken>> ReadLines(std::string_view text) {
  std::vector<RankedToken> tokens;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.ends_with('\r')) content.remove_suffix(1);
    if (content.empty()) continue;
    const size_t space = content.find(' ');
    const auto wrong = [&](std::string_view what) { return Malformed(fmt::format("rank file: line {}: {}", line, what)); };
    if (space == std::string_view::npos) return wrong("expected a token in base64, a space and a rank");
    auto bytes = DecodeBase64(content.substr(0, space));
    if (!bytes.ok()) return bytes.status().WithContext(fmt::format("rank file: line {}", line));
    if (bytes->empty() || bytes->size() > kMaxTokenBytes) {
      return wrong(fmt::format("a token of {} bytes, expected 1 to {}", bytes->size(), kMaxTokenBytes));
    }
    const std::string_view digits = content.substr(space + 1);
    int64_t rank = -1;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc() || stop != digits.data() + digits.size() || rank < 0 || rank > kMaxRank) {
      return wrong(fmt::format("expected a rank from 0 to {}", kMaxRank));
    }
    tokens.push_back({*std::move(bytes), rank});
  }
  if (tokens.empty()) return Malformed("rank file: no tokens");
  return tokens;
}

Result<const Kind*> FindKind(TiktokenKind kind, size_t ranks) {
  for (const Kind& known : kKinds) {
    if (kind == TiktokenKind::kDetect ? known.ranks == ranks : known.kind == kind) return &known;
  }
  return Unsupported(
      fmt::format("rank file: {} tokens are not those of a known vocabulary (Llama 3: 128000, r50k_base: 50256, "
                  "p50k_base: 50280, cl100k_base: 100256, o200k_base: 199998)",
                  ranks));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromTiktoken(std::string_view ranks, TiktokenKind kind) {
  if (ranks.size() > kMaxFileBytes) {
    return OutOfRange(fmt::format("rank file: {} bytes, at most {} are accepted", ranks.size(), kMaxFileBytes));
  }
  STERNA_ASSIGN_OR_RETURN(const std::vector<RankedToken> tokens, ReadLines(ranks));
  STERNA_ASSIGN_OR_RETURN(const Kind* known, FindKind(kind, tokens.size()));
  // Ranks are ids and may leave holes for special tokens only.
  int64_t last = -1;
  for (const RankedToken& token : tokens) last = std::max(last, token.rank);
  if (last >= static_cast<int64_t>(tokens.size()) + 256) {
    return Malformed(fmt::format("rank file: ranks up to {} for {} tokens only", last, tokens.size()));
  }
  const std::vector<NamedToken> special = SpecialTokens(known->kind, last + 1);
  for (const NamedToken& token : special) last = std::max(last, token.id);
  const auto ids = static_cast<size_t>(last + 1);

  std::vector<std::string_view> texts(ids);
  PipelineParts parts;
  parts.is_control.assign(ids, 0);
  parts.is_end.assign(ids, 0);
  for (const RankedToken& token : tokens) {
    std::string_view& text = texts[static_cast<size_t>(token.rank)];
    if (!text.empty()) return Malformed(fmt::format("rank file: rank {} is there twice", token.rank));
    text = token.bytes;
  }
  std::vector<AddedToken> added;
  for (const NamedToken& token : special) {
    const auto id = static_cast<size_t>(token.id);
    if (!texts[id].empty()) return Malformed(fmt::format("rank file: rank {} is that of the special token {}", id, token.text));
    texts[id] = token.text;
    parts.is_control[id] = 1;
    AddedToken matched;
    matched.text = token.text;
    matched.id = static_cast<int32_t>(id);
    matched.is_control = true;
    added.push_back(std::move(matched));
  }
  parts.index = TokenIndex(ids);
  TokenTable words;
  for (size_t id = 0; id < ids; ++id) {
    parts.texts.Append(texts[id]);
    parts.bytes.Append(texts[id]);
    words.Append(parts.is_control[id] ? std::string_view() : texts[id]);
    if (texts[id].empty() || parts.index.Insert(parts.texts, static_cast<int32_t>(id))) continue;
    return Malformed(fmt::format("rank file: the token of rank {} is there twice", id));
  }
  STERNA_ASSIGN_OR_RETURN(auto step, MakeRegexStep(known->expression, SplitBehavior::kIsolated, false));
  parts.pre_tokenizer.push_back(std::move(step));
  BpeOptions options;
  options.ignore_merges = true;
  STERNA_ASSIGN_OR_RETURN(parts.model, BpeModel::CreateFromRanks(std::move(words), parts.is_control, options, "rank file"));
  parts.added = AddedTokenMatcher(std::move(added));
  parts.joins_bytes = true;
  for (const int32_t id : KnownEndTokens(parts.texts, parts.index)) parts.is_end[static_cast<size_t>(id)] = 1;
  if (known->kind == TiktokenKind::kLlama3) {
    parts.bos = parts.index.Find(parts.texts, "<|begin_of_text|>");
    parts.eos = parts.index.Find(parts.texts, "<|end_of_text|>");
    parts.prefix = {*parts.bos};
  } else {
    parts.eos = parts.index.Find(parts.texts, "<|endoftext|>");
  }
  parts.is_end[static_cast<size_t>(*parts.eos)] = 1;
  parts.description = fmt::format("BPE tiktoken/{}, {} tokens", known->name, ids);
  return std::shared_ptr<const Tokenizer>(std::make_shared<PipelineTokenizer>(std::move(parts)));
}

}  // namespace sterna
