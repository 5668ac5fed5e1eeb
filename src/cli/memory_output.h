// The two forms in which `--memory-report` and `--json` show where memory goes.
#ifndef STERNA_CLI_MEMORY_OUTPUT_H_
#define STERNA_CLI_MEMORY_OUTPUT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/memory_report.h"

namespace sterna {

/// A table by tag, then how the parts make up the resident memory.
std::string MemoryText(const MemoryReport& report);

/// {tags: [{name, live_bytes, …}], kv_pool: {…}, resident: {…}, system: {…}}.
nlohmann::ordered_json MemoryJson(const MemoryReport& report);

}  // namespace sterna

#endif  // STERNA_CLI_MEMORY_OUTPUT_H_
