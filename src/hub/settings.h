// What the environment says about the hub: where it is, where the cache lies, who the user is. Names and meanings of
// huggingface_hub.
#ifndef STERNA_HUB_SETTINGS_H_
#define STERNA_HUB_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< without a slash at its end
  std::string cache;                                ///< the folder of models--org--name folders; may not exist yet
  std::string token;                                ///< empty: none. Never printed, never sent to another host
  std::string token_origin;                         ///< for people: "HF_TOKEN", "the file PATH"
  bool offline = false;
  bool no_progress_bars = false;
  int api_timeout_seconds = 10;       ///< without a byte, of an answer of the API
  int download_timeout_seconds = 10;  ///< the same of a download
  int64_t retry_ms = 1000;            ///< before the first repetition; twice as long before each further one
};

/// The value of an environment variable; nothing where it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// Only the cache folder: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub. "~" and $NAME are replaced. InvalidArgument where there is no home folder to begin from.
Result<std::string> HubCacheFolder(const EnvironmentLookup& environment);

/// All of it. The token is that of HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else of the file HF_TOKEN_PATH (HF_HOME/token); none
/// where HF_HUB_DISABLE_IMPLICIT_TOKEN is set. STERNA_HUB_RETRY_MS sets retry_ms. InvalidArgument, by the variable's name and
/// without a token's text, for values that cannot be used; Io where the token file is there but cannot be read.
Result<HubSettings> ReadHubSettings(const EnvironmentLookup& environment);

/// The process's own environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

}  // namespace sterna

#endif  // STERNA_HUB_SETTINGS_H_
