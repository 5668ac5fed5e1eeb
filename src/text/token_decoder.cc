#include "text/token_decoder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/utf8.h"

namespace sterna {
namespace {

void Fuse(std::vector<std::string>* tokens) {
  std::string all;
  for (const std::string& token : *tokens) all += token;
  tokens->assign(1, std::move(all));
}

Status Rewrite(const NormalizerStep& step, std::string* token) {
  AlignedText text{std::move(*token), {}, 0, false};
  STERNA_RETURN_IF_ERROR(step.Apply(&text));
  *token = std::move(text.text);
  return Status::Ok();
}

void ReplaceAll(std::string_view from, std::string_view to, std::string* text) {
  size_t at = text->find(from);
  if (at == std::string::npos) return;
  std::string out;
  size_t covered = 0;
  for (; at != std::string::npos; at = text->find(from, covered)) {
    out.append(*text, covered, at - covered).append(to);
    covered = at + from.size();
  }
  *text = out.append(*text, covered);
}

class ByteLevelDecoder : public DecoderStep {
 public:
  Status Apply(std::vector<std::string>* tokens) const override {
    for (std::string& token : *tokens) STERNA_RETURN_IF_ERROR(ApplyInside(&token));
    Fuse(tokens);
    std::string valid;
    AppendLossyUtf8(tokens->front(), &valid);
    tokens->front() = std::move(valid);
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    std::string bytes;
    if (AppendBytesOfByteLevel(*token, &bytes)) *token = std::move(bytes);
    return Status::Ok();
  }
  bool fuses() const override { return true; }
};

class ByteFallbackDecoder : public DecoderStep {
 public:
  Status Apply(std::vector<std::string>* tokens) const override {
    std::vector<std::string> out;
    std::string run;
    const auto flush = [&] {
      if (run.empty()) return;
      if (ValidUtf8Prefix(run) == run.size()) {
        out.push_back(run);
      } else {
        out.insert(out.end(), run.size(), "\xEF\xBF\xBD");
      }
      run.clear();
    };
    for (std::string& token : *tokens) {
      const int byte = ByteOfFallbackToken(token);
      if (byte >= 0) {
        run.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens->swap(out);
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    const int byte = ByteOfFallbackToken(*token);
    if (byte >= 0) token->assign(1, static_cast<char>(byte));
    return Status::Ok();
  }
};

class FuseDecoder : public DecoderStep {
 public:
  Status Apply(std::vector<std::string>* tokens) const override {
    Fuse(tokens);
    return Status::Ok();
  }
  Status ApplyInside(std::string*) const override { return Status::Ok(); }
  bool fuses() const override { return true; }
};

class StripDecoder : public DecoderStep {
 public:
  StripDecoder(std::string_view content, size_t start, size_t stop) : content_(content), start_(start), stop_(stop) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    for (std::string& token : *tokens) STERNA_RETURN_IF_ERROR(ApplyInside(&token));
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    std::string_view rest = *token;
    for (size_t i = 0; i < start_ && rest.starts_with(content_); ++i) rest.remove_prefix(content_.size());
    for (size_t i = 0; i < stop_ && rest.ends_with(content_); ++i) rest.remove_suffix(content_.size());
    *token = std::string(rest);
    return Status::Ok();
  }

 private:
  std::string content_;
  size_t start_;
  size_t stop_;
};

/// Replacing is the same for texts and for tokens.
class ReplaceDecoder : public DecoderStep {
 public:
  explicit ReplaceDecoder(std::unique_ptr<const NormalizerStep> replace) : replace_(std::move(replace)) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    for (std::string& token : *tokens) STERNA_RETURN_IF_ERROR(ApplyInside(&token));
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override { return Rewrite(*replace_, token); }

 private:
  std::unique_ptr<const NormalizerStep> replace_;
};

class MetaspaceDecoder : public DecoderStep {
 public:
  MetaspaceDecoder(std::string_view replacement, bool drops_first)
      : to_space_(MakeReplaceLiteralStep(replacement, " ")),
        to_nothing_(MakeReplaceLiteralStep(replacement, "")),
        drops_first_(drops_first) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) {
      const NormalizerStep& step = i == 0 && drops_first_ ? *to_nothing_ : *to_space_;
      STERNA_RETURN_IF_ERROR(Rewrite(step, &(*tokens)[i]));
    }
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override { return Rewrite(*to_space_, token); }

 private:
  std::unique_ptr<const NormalizerStep> to_space_;
  std::unique_ptr<const NormalizerStep> to_nothing_;
  bool drops_first_;
};

class WordPieceDecoder : public DecoderStep {
 public:
  WordPieceDecoder(std::string_view prefix, bool cleanup) : prefix_(prefix), cleanup_(cleanup) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) {
      std::string& token = (*tokens)[i];
      if (i > 0) Join(&token);
      if (cleanup_) CleanUpSpaces(true, &token);
    }
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    Join(token);
    if (cleanup_) CleanUpSpaces(true, token);
    return Status::Ok();
  }

 private:
  void Join(std::string* token) const {
    if (token->starts_with(prefix_)) {
      token->erase(0, prefix_.size());
    } else {
      token->insert(0, 1, ' ');
    }
  }

  std::string prefix_;
  bool cleanup_;
};

class BpeDecoder : public DecoderStep {
 public:
  explicit BpeDecoder(std::string_view suffix) : suffix_(suffix) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) ReplaceAll(suffix_, i + 1 == tokens->size() ? "" : " ", &(*tokens)[i]);
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    ReplaceAll(suffix_, " ", token);
    return Status::Ok();
  }

 private:
  std::string suffix_;
};

class CtcDecoder : public DecoderStep {
 public:
  CtcDecoder(std::string_view pad, std::string_view word_delimiter, bool cleanup)
      : pad_(pad), word_delimiter_(word_delimiter), cleanup_(cleanup) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    tokens->erase(std::unique(tokens->begin(), tokens->end()), tokens->end());
    for (std::string& token : *tokens) STERNA_RETURN_IF_ERROR(ApplyInside(&token));
    tokens->erase(std::remove(tokens->begin(), tokens->end(), std::string()), tokens->end());
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    ReplaceAll(pad_, "", token);
    if (!cleanup_) return Status::Ok();
    CleanUpSpaces(true, token);
    ReplaceAll(word_delimiter_, " ", token);
    return Status::Ok();
  }

 private:
  std::string pad_;
  std::string word_delimiter_;
  bool cleanup_;
};

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";

class SentencePieceDecoder : public DecoderStep {
 public:
  SentencePieceDecoder(bool drops_first_space, bool drops_more) : drops_first_space_(drops_first_space), drops_more_(drops_more) {}
  Status Apply(std::vector<std::string>* tokens) const override {
    std::string text;
    std::string bytes;
    const auto flush = [&] {
      for (size_t position = 0; position < bytes.size();) {
        const Utf8Char c = DecodeUtf8(bytes, position);
        text.append(c.code == kInvalidByte ? std::string_view("\xEF\xBF\xBD") : std::string_view(bytes).substr(position, c.bytes));
        position += c.bytes;
      }
      bytes.clear();
    };
    bool may_drop = drops_first_space_;
    for (const std::string& token : *tokens) {
      const int byte = ByteOfFallbackToken(token);
      if (byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      may_drop &= text.empty();
      std::string piece = token;
      if (may_drop && piece.starts_with(kEscapedSpace)) {
        piece.erase(0, kEscapedSpace.size());
        may_drop = drops_more_;
      }
      ReplaceAll(kEscapedSpace, " ", &piece);
      text += piece;
    }
    flush();
    tokens->assign(1, std::move(text));
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    const int byte = ByteOfFallbackToken(*token);
    if (byte >= 0) {
      token->assign(1, static_cast<char>(byte));
    } else {
      ReplaceAll(kEscapedSpace, " ", token);
    }
    return Status::Ok();
  }
  bool fuses() const override { return true; }

 private:
  bool drops_first_space_;
  bool drops_more_;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

int ByteOfFallbackToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return -1;
  const int high = HexDigit(text[3]);
  const int low = HexDigit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void CleanUpSpaces(bool with_do_not, std::string* text) {
  constexpr std::array<std::array<std::string_view, 2>, 11> kReplacements = {{{" .", "."},
                                                                              {" ?", "?"},
                                                                              {" !", "!"},
                                                                              {" ,", ","},
                                                                              {" ' ", "'"},
                                                                              {" n't", "n't"},
                                                                              {" 'm", "'m"},
                                                                              {" do not", " don't"},
                                                                              {" 's", "'s"},
                                                                              {" 've", "'ve"},
                                                                              {" 're", "'re"}}};
  for (const auto& [from, to] : kReplacements) {
    if (from == " do not" && !with_do_not) continue;
    ReplaceAll(from, to, text);
  }
}

std::unique_ptr<const DecoderStep> MakeSentencePieceDecoder(bool drops_first_space, bool drops_more) {
  return std::make_unique<SentencePieceDecoder>(drops_first_space, drops_more);
}

std::unique_ptr<const DecoderStep> MakeWordPieceDecoder(std::string_view prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(prefix, cleanup);
}

std::unique_ptr<const DecoderStep> MakeBpeDecoder(std::string_view suffix) {
  return std::make_unique<BpeDecoder>(suffix);
}

std::unique_ptr<const DecoderStep> MakeCtcDecoder(std::string_view pad, std::string_view word_delimiter, bool cleanup) {
  return std::make_unique<CtcDecoder>(pad, word_delimiter, cleanup);
}

std::unique_ptr<const DecoderStep> MakeByteLevelDecoder() {
  return std::make_unique<ByteLevelDecoder>();
}

std::unique_ptr<const DecoderStep> MakeByteFallbackDecoder() {
  return std::make_unique<ByteFallbackDecoder>();
}

std::unique_ptr<const DecoderStep> MakeFuseDecoder() {
  return std::make_unique<FuseDecoder>();
}

std::unique_ptr<const DecoderStep> MakeStripDecoder(std::string_view content, size_t start, size_t stop) {
  return std::make_unique<StripDecoder>(content, start, stop);
}

std::unique_ptr<const DecoderStep> MakeReplaceLiteralDecoder(std::string_view literal, std::string_view replacement) {
  return std::make_unique<ReplaceDecoder>(MakeReplaceLiteralStep(literal, replacement));
}

std::unique_ptr<const DecoderStep> MakeReplaceRegexDecoder(std::shared_ptr<const Regex> regex, std::string_view replacement) {
  return std::make_unique<ReplaceDecoder>(MakeReplaceRegexStep(std::move(regex), replacement));
}

std::unique_ptr<const DecoderStep> MakeMetaspaceDecoder(std::string_view replacement, bool drops_first) {
  return std::make_unique<MetaspaceDecoder>(replacement, drops_first);
}

}  // namespace sterna
