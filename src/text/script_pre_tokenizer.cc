// Pre-tokenizers that cut by script and by length.
#include "text/character_data.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

namespace sterna {
namespace {

class ScriptsStep : public PreTokenizerStep {
 public:
  Status Split(const Piece& piece, PieceSink* sink) const override {
    // The reference cuts only between scripts that follow each other directly or across characters of none, and begins its first
    // piece at the first character that has a script: what comes before is dropped.
    bool has_last = false;
    int32_t last = kAnyScript;
    size_t begin = SIZE_MAX;
    for (size_t position = 0; position < piece.text.size();) {
      const Utf8Char c = DecodeUtf8(piece.text, position);
      const int32_t script = ScriptOf(c.code);
      if (script != kAnyScript) {
        if (!has_last || script != last) {
          if (begin != SIZE_MAX) sink->AddPart(piece, begin, position);
          begin = position;
        }
        has_last = true;
        last = script;
      }
      position += c.bytes;
    }
    if (begin != SIZE_MAX) sink->AddPart(piece, begin, piece.text.size());
    return Status::Ok();
  }
};

class FixedLengthStep : public PreTokenizerStep {
 public:
  explicit FixedLengthStep(size_t length) : length_(length) {}
  Status Split(const Piece& piece, PieceSink* sink) const override {
    size_t begin = 0;
    size_t characters = 0;
    for (size_t position = 0; position < piece.text.size();) {
      position += DecodeUtf8(piece.text, position).bytes;
      if (++characters < length_) continue;
      sink->AddPart(piece, begin, position);
      begin = position;
      characters = 0;
    }
    sink->AddPart(piece, begin, piece.text.size());
    return Status::Ok();
  }

 private:
  size_t length_;
};

}  // namespace

std::unique_ptr<const PreTokenizerStep> MakeScriptsStep() {
  return std::make_unique<ScriptsStep>();
}

std::unique_ptr<const PreTokenizerStep> MakeFixedLengthStep(size_t length) {
  return std::make_unique<FixedLengthStep>(length);
}

}  // namespace sterna
