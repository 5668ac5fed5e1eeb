// `sterna tokenize --train`: its flags, and the training.
#ifndef STERNA_CLI_TOKENIZE_TRAIN_H_
#define STERNA_CLI_TOKENIZE_TRAIN_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace sterna {

struct TrainFlags {
  std::vector<std::string> files;
  int64_t vocab_size = 30000;
  int64_t min_frequency = 2;
  int64_t limit_alphabet = 0;    // 0: all bytes
  int64_t max_token_length = 0;  // 0: no limit
  bool add_prefix_space = false;
  // Of flags that `tokenize` has for other work too.
  std::string output;
  std::vector<std::string> special_tokens;
  bool overwrite = false;

  void AddTo(CLI::App& command);
  /// In the callback of `command`: FailUsage where its flags do not go together.
  void Check(const CLI::App& command) const;
  bool is_given() const { return !files.empty(); }
};

/// Learns a vocabulary from the files and writes it as tokenizer.json.
Status RunTrain(const TrainFlags& flags);

}  // namespace sterna

#endif  // STERNA_CLI_TOKENIZE_TRAIN_H_
