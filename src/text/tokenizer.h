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

/// Half-open, in bytes.
struct TextSlice {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const TextSlice&) const = default;
};

struct EncodeOptions {
  /// Add what the model expects around a text (usually BOS), as the vocabulary declares.
  bool add_special = true;
  /// Recognize the text of control tokens ("<|eot_id|>") as those tokens. Off for untrusted text: then they are ordinary
  /// characters.
  bool parse_special = false;
  /// Parts of the text, in rising order and apart, in which parse_special does not hold: what overlaps one is no control token. For
  /// text that is partly trusted, as a rendered chat is.
  std::span<const TextSlice> literal = {};
};

struct DecodeOptions {
  /// Leave control tokens out.
  bool skip_special = false;
  /// Take out the spaces before punctuation and in English contractions that joining words by spaces leaves, as `transformers` does
  /// where tokenizer_config.json asks for clean_up_tokenization_spaces.
  bool clean_up_spaces = false;
};

/// What part of a text a token stands for, half-open, in bytes and in characters (code points; a byte that is not valid UTF-8 is
/// one). Empty for tokens that stand for nothing: those around a text are at 0.
struct TokenSpan {
  size_t begin_byte = 0;
  size_t end_byte = 0;
  size_t begin_character = 0;
  size_t end_character = 0;
  bool operator==(const TokenSpan&) const = default;
};
struct TokenizedText {
  std::vector<TokenId> ids;
  std::vector<TokenSpan> spans;  ///< one an id
};

/// A token that is found in the text before anything else, or that has a role.
struct SpecialToken {
  TokenId id = -1;
  std::string text;
  bool is_control = false;         ///< left out by skip_special, and found in text only with parse_special
  bool is_end = false;             ///< ends a generation
  bool single_word = false;        ///< not found inside a word
  bool strips_left = false;        ///< takes the white space before it
  bool strips_right = false;       ///< takes the white space after it
  bool normalized = false;         ///< searched in normalized text
  std::vector<std::string> roles;  ///< of SpecialRoles(): "bos", "pad"
};

/// Vocabularies whose rank file says neither how to cut text into words nor which special tokens there are.
enum class TiktokenKind : uint8_t { kDetect, kLlama3, kR50kBase, kP50kBase, kCl100kBase, kO200kBase };

/// Thread-safe after construction. Ids are in [0, vocab_size). A tokenizer of one's own is a class derived from this one; a
/// LoadedModel generates with whatever tokenizer it is given (LoadOptions::tokenizer).
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// From the tokenizer.ggml.* keys of a GGUF file (reference: llama.cpp llama-vocab.cpp). Checked whole: unknown model or
  /// pre-tokenizer, wrong array lengths, merges of unknown pieces and special ids out of range are Malformed or Unsupported with
  /// the key's name.
  static Result<std::shared_ptr<const Tokenizer>> FromMetadata(const Metadata& metadata);
  /// From the text of a Hugging Face tokenizer.json (reference: `tokenizers` 0.23). What cannot be honoured exactly is Unsupported
  /// with its name and place. config_json, special_tokens_map_json: the texts of tokenizer_config.json and special_tokens_map.json,
  /// or empty.
  static Result<std::shared_ptr<const Tokenizer>> FromJson(std::string_view tokenizer_json, std::string_view config_json = {},
                                                           std::string_view special_tokens_map_json = {});
  /// From the bytes of a SentencePiece model file, BPE or Unigram (reference: sentencepiece 0.2).
  static Result<std::shared_ptr<const Tokenizer>> FromSentencePiece(std::string_view model);
  /// From the text of a tiktoken rank file (reference: tiktoken 0.14; Llama 3's tokenizer.model). kDetect knows a vocabulary by its
  /// number of ranks, and is Unsupported for others.
  static Result<std::shared_ptr<const Tokenizer>> FromTiktoken(std::string_view ranks, TiktokenKind kind = TiktokenKind::kDetect);

  /// Any bytes are accepted; invalid UTF-8 goes through byte tokens or, where the vocabulary has none, the unknown token.
  /// Errors: OutOfRange where the text is longer than 2^30 bytes; Malformed where a character needs an unknown token that the
  /// vocabulary lacks; ResourceExhausted where a regular expression of the vocabulary gives up.
  virtual Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  /// The same ids, and what each stands for (reference: offsets of `tokenizers`). Slower.
  virtual Result<TokenizedText> EncodeWithSpans(std::string_view text, const EncodeOptions& options = {}) const = 0;
  /// The text of a whole sequence, as the reference's decode: with a SentencePiece vocabulary the first piece loses the space that
  /// encoding added. Control tokens are left out where skip_special. InvalidArgument on an id out of range.
  virtual Result<std::string> Decode(std::span<const TokenId> ids, const DecodeOptions& options) const = 0;
  Result<std::string> Decode(std::span<const TokenId> ids, bool skip_special = false) const {
    return Decode(ids, DecodeOptions{skip_special, false});
  }
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
  /// Control tokens, added tokens and those with a role, by id. What a derived class does not say is found by the other methods:
  /// control tokens, and the roles bos and eos.
  virtual std::vector<SpecialToken> special_tokens() const;
  /// One line for people: "BPE gpt2/llama-bpe, 128256 tokens".
  virtual std::string description() const = 0;
  /// tokenizer_config.json asks for clean_up_tokenization_spaces; Decode does it only where its caller does.
  virtual bool declares_clean_up() const { return false; }
  /// What the file did not say and was decided by evidence, or contradicts itself in; one sentence each, for people.
  virtual const std::vector<std::string>& warnings() const;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TOKENIZER_H_
