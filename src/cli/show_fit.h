// `sterna show --fit`: the memory a model takes at each context length, beside the memory there is.
#ifndef STERNA_CLI_SHOW_FIT_H_
#define STERNA_CLI_SHOW_FIT_H_

#include <string>

#include "cli/command.h"

namespace sterna {

struct FitFlags {
  std::string model, shape;
  std::string head;
  ModelFlags model_flags;
  bool json = false;

  /// Everything but MODEL and --json, which `show` has already.
  void AddTo(CLI::App& command, CLI::Option* model_option, CLI::Option* fit);
};

/// Prints the plan. ResourceExhausted behind it where no context fits, or not the one asked for.
Status RunFit(const FitFlags& flags);

}  // namespace sterna

#endif  // STERNA_CLI_SHOW_FIT_H_
