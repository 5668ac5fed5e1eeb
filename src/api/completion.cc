#include "api/completion.h"

#include "api/chat_prompt.h"
#include "text/stop_matcher.h"
#include "text/utf8.h"

namespace sterna {
namespace {

Result<std::vector<TokenId>> EncodePrompt(const LoadedModel& loaded, const CompletionRequest& request) {
  if (request.prompt.empty()) return InvalidArgument("the prompt is empty");
  if (request.raw || loaded.chat_template == nullptr) {
    return loaded.tokenizer->Encode(request.prompt, {.add_special = true, .parse_special = true});
  }
  std::vector<ChatMessage> messages;
  if (!request.system.empty()) messages.push_back({.role = "system", .content = request.system});
  messages.push_back({.role = "user", .content = request.prompt});
  STERNA_ASSIGN_OR_RETURN(const ChatPrompt prompt, RenderChatPrompt(*loaded.chat_template, *loaded.tokenizer, messages));
  return EncodeChatPrompt(*loaded.tokenizer, prompt);
}

}  // namespace

Result<Completion> Complete(const LoadedModel& loaded, const CompletionRequest& request,
                            const std::function<bool(std::string_view text)>& on_text) {
  if (loaded.tokenizer == nullptr)
    return InvalidArgument(loaded.path + ": the checkpoint has no tokenizer, so it cannot read text");
  if (loaded.model->config().pooling != Pooling::kNone) {
    return InvalidArgument(loaded.path + ": this is an embedding model, which generates no text; `sterna embed` runs it");
  }
  STERNA_RETURN_IF_ERROR(CheckSamplerOptions(request.sampler));
  STERNA_ASSIGN_OR_RETURN(StopMatcher stops, StopMatcher::Create(request.stop));
  Completion out;
  STERNA_ASSIGN_OR_RETURN(out.prompt_ids, EncodePrompt(loaded, request));
  STERNA_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Create(loaded.model, {.pressure = std::make_shared<MemoryPressure>()}));

  Utf8Assembler assembler;
  const auto emit = [&](const std::string& text) {
    out.text += text;
    return on_text(text);
  };
  GenerateOptions options{
      .max_tokens = request.max_tokens, .sampler = request.sampler, .is_end = nullptr, .keep_reading = request.keep_reading};
  if (!request.ignore_end) {
    options.is_end = [&](int32_t token) {
      return token < loaded.tokenizer->vocab_size() && loaded.tokenizer->IsEndOfGeneration(token);
    };
  }
  const auto on_token = [&](int32_t token) {
    out.ids.push_back(token);
    // An embedding may have more rows than the tokenizer has tokens; such a token has no text.
    if (token >= loaded.tokenizer->vocab_size() || loaded.tokenizer->IsControl(token)) return on_text({});
    return emit(stops.Push(assembler.Push(loaded.tokenizer->TokenBytes(token)))) && !stops.stopped();
  };
  STERNA_ASSIGN_OR_RETURN(out.generation, Generate(*session, out.prompt_ids, options, on_token));
  if (!stops.stopped()) {
    std::string rest = stops.Push(assembler.Flush());
    rest += stops.Flush();
    if (!rest.empty()) emit(rest);
  }
  out.memory = ReadMemoryReport(session->kv_use());
  return out;
}

}  // namespace sterna
