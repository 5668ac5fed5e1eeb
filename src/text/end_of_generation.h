// The texts by which the tokens that end a generation are known, since files often declare only one of several.
#ifndef STERNA_TEXT_END_OF_GENERATION_H_
#define STERNA_TEXT_END_OF_GENERATION_H_

#include <cstdint>
#include <vector>

#include "text/token_table.h"

namespace sterna {

/// The ids of the tokens that are known by their text to end a generation (list and exceptions as llama.cpp): where "<|return|>"
/// and
/// "<|call|>" exist, or "<|calls|>" and "<|flush|>", "<|end|>" only ends a message.
std::vector<int32_t> KnownEndTokens(const TokenTable& texts, const TokenIndex& index);

}  // namespace sterna

#endif  // STERNA_TEXT_END_OF_GENERATION_H_
