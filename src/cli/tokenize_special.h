// `sterna tokenize`: the flags for special and added tokens, and what they print and write.
#ifndef STERNA_CLI_TOKENIZE_SPECIAL_H_
#define STERNA_CLI_TOKENIZE_SPECIAL_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "text/special_tokens.h"

namespace sterna {

struct SpecialFlags {
  bool list = false;
  std::vector<std::string> plain_tokens;
  std::vector<std::string> control_tokens;
  std::vector<std::string> roles;  // ROLE=TEXT

  void AddTo(CLI::App& command);
  /// In the callback of a command: FailUsage where a role is written wrong.
  SpecialTokenEdit ToEdit() const;
};

/// One line a token, or one JSON object.
std::string FormatSpecialTokens(const std::string& path, const Tokenizer& tokenizer, bool as_json);
/// Writes the edited tokenizer and says so.
Status SaveEditedTokenizer(const std::string& path, const SpecialTokenEdit& edit, const std::string& output, bool overwrite,
                           bool as_json);

}  // namespace sterna

#endif  // STERNA_CLI_TOKENIZE_SPECIAL_H_
