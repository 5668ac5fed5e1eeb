// The merges of a byte-pair vocabulary as ids, from the texts that files write.
#ifndef STERNA_TEXT_BPE_MERGES_H_
#define STERNA_TEXT_BPE_MERGES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/token_table.h"

namespace sterna {

/// Two neighbouring tokens that merge.
struct BpeMerge {
  std::string_view left;
  std::string_view right;
};
struct BpeMergeIds {
  int32_t left;
  int32_t right;
  int32_t merged;
};

struct BpeMerges {
  std::vector<BpeMergeIds> by_rank;
  /// Texts that merges join or give though they are no tokens; their ids follow those of the tokens.
  TokenTable gaps;
  std::string first_gap;  ///< for people: "merges[7]: 'h' + 'e': 'he' is not a token"; empty without gaps
};

/// The i-th merge has rank i. continuing_prefix: of BpeOptions. Where a text is no token: with keeps_gaps a new id of `gaps`, else
/// Malformed; `where` begins the message.
Result<BpeMerges> ResolveMerges(const TokenTable& texts, const TokenIndex& index, const std::vector<BpeMerge>& merges,
                                std::string_view continuing_prefix, bool keeps_gaps, std::string_view where);

}  // namespace sterna

#endif  // STERNA_TEXT_BPE_MERGES_H_
