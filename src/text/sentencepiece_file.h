// A SentencePiece model file: the parts of its protocol buffer that say how to tokenize.
#ifndef STERNA_TEXT_SENTENCEPIECE_FILE_H_
#define STERNA_TEXT_SENTENCEPIECE_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

enum class SentencePieceType : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
enum class SentencePieceAlgorithm : uint8_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

/// Views into the bytes it was read from; defaults as sentencepiece_model.proto has them.
struct SentencePieceFile {
  struct Piece {
    std::string_view text;
    float score = 0;
    SentencePieceType type = SentencePieceType::kNormal;
  };
  std::vector<Piece> pieces;
  SentencePieceAlgorithm algorithm = SentencePieceAlgorithm::kUnigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  int32_t bos_id = 1;
  int32_t eos_id = 2;
  std::string_view unknown_surface = " \xE2\x81\x87 ";
  std::string_view charsmap;  // empty: none
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool has_denormalizer = false;
};

/// Malformed with the byte offset where the encoding is broken, a piece is empty, a text is not UTF-8, or a score is not finite;
/// Unsupported past 2^24 pieces. Memory in proportion to the bytes.
Result<SentencePieceFile> ParseSentencePieceFile(std::string_view bytes);

}  // namespace sterna

#endif  // STERNA_TEXT_SENTENCEPIECE_FILE_H_
