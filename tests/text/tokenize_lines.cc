// Answers questions about tokenizers, a JSON object a line, so that a program in another language can compare.
//
//   {"load": "json", "tokenizer": "…", "config": "…"}       {"load": "sentencepiece", "path": "…"}   {"load": "tiktoken", "path":
//   "…"}
//   {"text": "…", "add_special": false, "parse_special": true}   -> {"ids": […], "spans": [[first character, end], …]}
//   (with "spans": false, no spans)
//   {"decode": […], "skip_special": false, "clean_up": false}    -> {"decoded": "…"}
//
// A question that fails gives {"error": "…"}.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "text/tokenizer.h"

namespace sterna {
namespace {

using Json = nlohmann::json;
using Loaded = std::shared_ptr<const Tokenizer>;

constexpr size_t kMaxFileBytes = size_t{1} << 29;

Result<Loaded> Load(const Json& question) {
  const std::string kind = question.at("load");
  if (kind == "json") return Tokenizer::FromJson(question.at("tokenizer").get<std::string>(), question.value("config", ""));
  STERNA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(question.at("path").get<std::string>(), kMaxFileBytes));
  return kind == "tiktoken" ? Tokenizer::FromTiktoken(bytes) : Tokenizer::FromSentencePiece(bytes);
}

Result<Json> Encode(const Tokenizer& tokenizer, const Json& question) {
  EncodeOptions options;
  options.add_special = question.value("add_special", false);
  options.parse_special = question.value("parse_special", true);
  const std::string text = question.at("text");
  STERNA_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer.Encode(text, options));
  if (!question.value("spans", true)) return Json{{"ids", ids}};
  STERNA_ASSIGN_OR_RETURN(const TokenizedText tokenized, tokenizer.EncodeWithSpans(text, options));
  if (tokenized.ids != ids) return Internal("EncodeWithSpans and Encode disagree");
  Json spans = Json::array();
  for (const TokenSpan& span : tokenized.spans) spans.push_back({span.begin_character, span.end_character});
  return Json{{"ids", ids}, {"spans", spans}};
}

Result<Json> Decode(const Tokenizer& tokenizer, const Json& question) {
  const auto ids = question.at("decode").get<std::vector<TokenId>>();
  const DecodeOptions options{question.value("skip_special", false), question.value("clean_up", false)};
  STERNA_ASSIGN_OR_RETURN(const std::string text, tokenizer.Decode(ids, options));
  return Json{{"decoded", text}};
}

Result<Json> Answer(const Json& question, Loaded* tokenizer) {
  if (question.contains("load")) {
    *tokenizer = nullptr;
    STERNA_ASSIGN_OR_RETURN(*tokenizer, Load(question));
    return Json{{"loaded", (*tokenizer)->description()}};
  }
  if (*tokenizer == nullptr) return InvalidArgument("no tokenizer is loaded");
  return question.contains("decode") ? Decode(**tokenizer, question) : Encode(**tokenizer, question);
}

bool ReadLine(std::string* line) {
  line->clear();
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c == '\n') return true;
    line->push_back(static_cast<char>(c));
  }
  return !line->empty();
}

}  // namespace
}  // namespace sterna

int main() {
  sterna::Loaded tokenizer;
  std::string line;
  while (sterna::ReadLine(&line)) {
    const auto answer = sterna::Answer(sterna::Json::parse(line), &tokenizer);
    const sterna::Json json = answer.ok() ? *answer : sterna::Json{{"error", answer.status().message()}};
    std::puts(json.dump(-1, ' ', true, sterna::Json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return 0;
}
