// Opening a model as users name it: weights on a backend, tokenizer and chat template, ready to generate.
#ifndef STERNA_API_LOADED_MODEL_H_
#define STERNA_API_LOADED_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/cpu_features.h"
#include "base/status.h"
#include "model/model.h"
#include "text/template/chat_template.h"
#include "text/tokenizer.h"

namespace sterna {

struct LoadOptions {
  int threads = 0;          ///< 0: one per physical core
  std::string isa;          ///< "ref", "avx2", …; empty: the best this machine has
  int64_t max_context = 0;  ///< positions to prepare for; 0: the model's own
  /// int8 is what llama.cpp computes with, and faster; kFloat is exact to the stored weights. Ternary weights have their own rule.
  DenseActivations dense_activations = DenseActivations::kInt8;
  ModelOutput output = ModelOutput::kLogits;
  bool needs_text = true;  ///< false: token ids only; the tokenizer and template are left unread, right or wrong
};

/// What one path holds. Parts are immutable and shared; the struct is copied freely.
struct LoadedModel {
  std::string path;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;         ///< null where the checkpoint has none
  std::shared_ptr<const ChatTemplate> chat_template;  ///< null where there is none
  std::string chat_template_origin;                   ///< FoundChatTemplate::origin; empty where there is none
  Isa isa = Isa::kRef;
  int64_t file_bytes = 0;
  double load_seconds = 0;
};

/// Loads a GGUF file or a Hugging Face directory. Errors name file, tensor or key, expected and found.
Result<LoadedModel> LoadModel(const std::string& path, const LoadOptions& options);

/// Random weights in a real model's shape (model/random_weights.h), for benchmarks; no tokenizer.
Result<LoadedModel> MakeShapedModel(std::string_view shape, std::string_view head_type, const LoadOptions& options);

/// Only the tokenizer of a GGUF file, a tokenizer.json, or a directory with one.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path);

/// The text of the chat template of a Hugging Face directory: chat_template.jinja, or the one in tokenizer_config.json. NotFound
/// where there is none.
Result<std::string> ReadChatTemplate(const std::string& directory);

/// A chat template and where it comes from.
struct FoundChatTemplate {
  std::shared_ptr<const ChatTemplate> chat_template;
  std::string origin;  ///< for people: "tokenizer.chat_template", "the directory's own", "built-in chatml"
};

/// Only the chat template: of a GGUF file, of a directory (chat_template.jinja, tokenizer_config.json), or a template file itself.
/// A checkpoint without one gets the built-in template that its vocabulary, architecture and name are evidence for
/// (text/template/default_templates.h). NotFound where there is none.
Result<FoundChatTemplate> FindChatTemplate(const std::string& path);

/// FindChatTemplate without the origin.
Result<std::shared_ptr<const ChatTemplate>> LoadChatTemplate(const std::string& path);

}  // namespace sterna

#endif  // STERNA_API_LOADED_MODEL_H_
