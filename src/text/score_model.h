// SentencePiece byte-pair encoding: adjacent pieces merge by the score of what they form (GGUF model "llama").
#ifndef STERNA_TEXT_SCORE_MODEL_H_
#define STERNA_TEXT_SCORE_MODEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/subword_model.h"
#include "text/token_table.h"

namespace sterna {

/// Merges the adjacent pair whose concatenation is the token with the highest score, the leftmost of equals, until none is left;
/// then a character without token becomes its byte tokens (sentencepiece bpe_model.cc, as llama.cpp has it).
class ScoreModel : public SubwordModel {
 public:
  /// scores: finite, one an id. can_form[id]: pieces that text may become (not control, unknown and byte tokens).
  /// byte_ids: the token of each byte, -1 where there is none; those bytes give unknown_id, or nothing where that is -1.
  ScoreModel(const TokenTable& texts, const std::vector<float>& scores, const std::vector<uint8_t>& can_form,
             const std::array<int32_t, 256>& byte_ids, int32_t unknown_id);

  void EncodeWord(std::string_view word, SubwordScratch* scratch, std::vector<int32_t>* ids) const override;

 private:
  TokenTable texts_;
  TokenIndex index_;
  std::vector<uint32_t> ranks_;  // position in descending order of score; equal scores have equal ranks
  std::array<int32_t, 256> byte_ids_;
  int32_t unknown_id_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_SCORE_MODEL_H_
