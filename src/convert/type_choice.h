// Which type each matrix of a new file takes: by its role, or by a rule over its name.
#ifndef STERNA_CONVERT_TYPE_CHOICE_H_
#define STERNA_CONVERT_TYPE_CHOICE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"
#include "text/regex.h"

namespace sterna {

/// The types a matrix in a GGUF file may be given, names joined by ", ": those that GGUF has a number for and `tensor` encodes.
std::string WritableTypeNames();
/// InvalidArgument listing WritableTypeNames where `name` is none of them (in any case of letters).
Result<DType> WritableTypeFromName(std::string_view name);

/// A type for the matrices whose name in the new file the pattern finds.
struct TensorTypeRule {
  std::string pattern;  ///< as the user wrote it
  std::shared_ptr<const Regex> regex;
  DType dtype = DType::kF32;
};
/// "REGEX=TYPE", cut at the last equals sign. Errors: InvalidArgument where there is none, and those of WritableTypeFromName and
/// Regex::Compile.
Result<TensorTypeRule> ParseTensorTypeRule(std::string_view text);

struct TypeChoice {
  std::optional<DType> projection;    ///< nothing: the source's own, where it is dense
  std::optional<DType> embedding;     ///< nothing: the source's own
  std::optional<DType> head;          ///< nothing: as the embedding
  std::vector<TensorTypeRule> rules;  ///< the first that finds a matrix's name decides, before the other members
};

/// Type by the first rule that finds `name`, or nothing. *used[i] becomes true for the rule that decided.
Result<std::optional<DType>> TypeByRule(const TypeChoice& choice, const std::string& name, std::vector<bool>* used);

}  // namespace sterna

#endif  // STERNA_CONVERT_TYPE_CHOICE_H_
