#include "text/token_decoder.h"

#include <algorithm>
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
  Status ApplyInside(std::string* token) const override {
    STERNA_ASSIGN_OR_RETURN(*token, replace_->Apply(std::move(*token)));
    return Status::Ok();
  }

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
      STERNA_ASSIGN_OR_RETURN((*tokens)[i], step.Apply(std::move((*tokens)[i])));
    }
    return Status::Ok();
  }
  Status ApplyInside(std::string* token) const override {
    STERNA_ASSIGN_OR_RETURN(*token, to_space_->Apply(std::move(*token)));
    return Status::Ok();
  }

 private:
  std::unique_ptr<const NormalizerStep> to_space_;
  std::unique_ptr<const NormalizerStep> to_nothing_;
  bool drops_first_;
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
