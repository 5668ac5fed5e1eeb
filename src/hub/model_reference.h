// Names of models on the hub: org/repo[:quant], revisions, and the cache folder of a repository.
#ifndef STERNA_HUB_MODEL_REFERENCE_H_
#define STERNA_HUB_MODEL_REFERENCE_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// What a user calls a model of the hub.
struct ModelReference {
  std::string repo;   ///< "org/name", or "name" for the few repositories without an owner
  std::string quant;  ///< behind the colon: a quantization ("Q8_0") or a file name; empty: the default choice
};

/// "org/repo[:quant]". InvalidArgument, with the rule that is broken, for anything the hub could not have.
Result<ModelReference> ParseModelReference(std::string_view text);

/// One or two parts of letters, digits, '_', '-' and '.', at most 96 bytes each, that begin and end with a letter, a digit or '_';
/// no "--", no "..", no ".git" at the end. The rules of huggingface_hub, so that a name is one folder of the cache.
bool IsRepoId(std::string_view text);

/// 40 lower-case hexadecimal digits.
bool IsCommitHash(std::string_view text);

/// A branch, tag, "refs/pr/1" or commit hash that is also safe as a path below refs/: InvalidArgument where it is not.
Status CheckRevision(std::string_view revision);

/// "models--org--name".
std::string RepoFolderName(std::string_view repo);

/// The repository of a folder name; nothing where it is none of a model.
std::optional<std::string> RepoOfFolderName(std::string_view folder);

}  // namespace sterna

#endif  // STERNA_HUB_MODEL_REFERENCE_H_
