// Text to token ids and back. One immutable object per vocabulary, read from GGUF metadata or from a tokenizer.json.
#ifndef STERNA_TEXT_TOKENIZER_H_
#define STERNA_TEXT_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"

namespace sterna {

using TokenId = int32_t;

struct EncodeOptions {
  /// Add what the model expects around a text (usually BOS), as the vocabulary declares.
  bool add_special = true;
  /// Recognize the text of control tokens ("<|eot_id|>") as those tokens. Off for untrusted text: then they are ordinary
  /// characters.
  bool parse_special = false;
};

/// Thread-safe after construction. Ids are in [0, vocab_size).
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// From the tokenizer.ggml.* keys of a GGUF file (reference: llama.cpp llama-vocab.cpp). Checked whole: unknown model or
  /// pre-tokenizer, wrong array lengths, merges of unknown pieces and special ids out of range are Malformed or Unsupported with
  /// the key's name.
  static Result<std::shared_ptr<const Tokenizer>> FromMetadata(const Metadata& metadata);
  /// From the text of a Hugging Face tokenizer.json (reference: `tokenizers` 0.23). A normalizer, pre-tokenizer, model or decoder
  /// that is not known is Unsupported with its name and place. `config_json`: the text of tokenizer_config.json, or empty.
  static Result<std::shared_ptr<const Tokenizer>> FromJson(std::string_view tokenizer_json, std::string_view config_json = {});

  /// Any bytes are accepted; invalid UTF-8 goes through byte tokens or, where the vocabulary has none, the unknown token.
  /// Errors: OutOfRange where the text is longer than 2^30 bytes.
  virtual Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  /// The text of a whole sequence, as the reference's decode: with a SentencePiece vocabulary the first piece loses the space that
  /// encoding added. Control tokens are left out where skip_special. InvalidArgument on an id out of range.
  virtual Result<std::string> Decode(std::span<const TokenId> ids, bool skip_special = false) const = 0;
  /// The bytes one token adds inside a text (possibly part of a UTF-8 sequence); control tokens give their text.
  /// Precondition: 0 <= id < vocab_size. Valid as long as the tokenizer.
  virtual std::string_view TokenBytes(TokenId id) const = 0;

  virtual int64_t vocab_size() const = 0;
  virtual bool IsControl(TokenId id) const = 0;
  /// Ends a generation: the declared EOS/EOT, and the known texts of such tokens (<|eot_id|>, <|im_end|>, </s>, …).
  virtual bool IsEndOfGeneration(TokenId id) const = 0;
  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  /// The id of a token by its exact text, control tokens included.
  virtual std::optional<TokenId> Find(std::string_view token_text) const = 0;
  /// One line for people: "BPE gpt2/llama-bpe, 128256 tokens".
  virtual std::string description() const = 0;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TOKENIZER_H_
