#include "api/logits.h"

#include <algorithm>

#include "engine/session.h"
#include "formats/safetensors_writer.h"

namespace sterna {

Status WriteLogits(const LoadedModel& loaded, std::span<const int32_t> tokens, int64_t chunk, const std::string& path,
                   const std::function<bool()>& keep_going) {
  constexpr int64_t kDefaultChunk = 32;
  const int64_t step = chunk > 0 ? chunk : kDefaultChunk;
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(loaded.model, {.max_chunk = step, .max_selected = step}));
  const TensorSpec spec{
      .name = "logits", .dtype = DType::kF32, .shape = {static_cast<int64_t>(tokens.size()), loaded.model->config().vocab}};
  STERNA_ASSIGN_OR_RETURN(SafetensorsWriter writer, SafetensorsWriter::Create(path, Metadata(), {&spec, 1}));
  STERNA_RETURN_IF_ERROR(session->EvaluateAll(tokens, [&](size_t, std::span<const float> logits) {
    if (keep_going && !keep_going()) return Cancelled("interrupted");
    return writer.Write(spec.name, std::as_bytes(logits));
  }));
  return writer.Finish();
}

}  // namespace sterna
