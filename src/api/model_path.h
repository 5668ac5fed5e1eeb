// What a user may write where a model is asked for: a path, or the name of a model in the hub's cache.
#ifndef STERNA_API_MODEL_PATH_H_
#define STERNA_API_MODEL_PATH_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// `model` itself where something has that path, or where it is no org/repo[:quant]; else the path of that model in the cache
/// (hub/cached_models.h, HF_HUB_CACHE and its kin). Nothing is downloaded. NotFound where the cache lacks it.
Result<std::string> FindModelPath(const std::string& model);

/// Whether `argument` is a model's name, org/repo[:quant], that FindModelPath looks up in the cache and did not find: then `sterna
/// pull` with it is the next step.
bool IsAbsentModelName(const std::string& argument);

}  // namespace sterna

#endif  // STERNA_API_MODEL_PATH_H_
