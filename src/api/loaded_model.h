// Opening a model as users name it: weights on a backend, tokenizer and chat template, ready to generate.
#ifndef STERNA_API_LOADED_MODEL_H_
#define STERNA_API_LOADED_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/tokenizer_files.h"
#include "base/cpu_features.h"
#include "base/memory_tracker.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "formats/weight_source.h"
#include "model/model.h"
#include "text/template/chat_template.h"
#include "text/tokenizer.h"

namespace sterna {

struct LoadOptions {
  int threads = 0;             ///< 0: one per physical core
  std::vector<int> cpus = {};  ///< processors for the threads, the calling one included while the model lives; empty: all
  bool pin_threads = false;    ///< each thread on one of them
  std::string isa;             ///< "ref", "avx2", …; empty: the best this machine has
  int64_t max_context = 0;     ///< positions to prepare for; 0: the model's own
  /// int8 is what llama.cpp computes with, and faster; kFloat is exact to the stored weights. Ternary weights have their own rule.
  DenseActivations dense_activations = DenseActivations::kInt8;
  /// In place of the checkpoint's own, which is left unread then; null: its own. Any class derived from Tokenizer will do.
  std::shared_ptr<const Tokenizer> tokenizer = nullptr;
  std::string vocabulary_cache = {};  ///< TokenizerOptions::vocabulary_cache
  /// How the I2_S tensors of a GGUF file lie: I2sLayoutFromName. Empty: the published layout, and a warning where another fits the
  /// weights much better.
  std::string i2s_layout = {};
  /// Layout of ternary weights in memory: "two_bit" or "five_trit"; empty: what was measured to be the fastest here
  /// (api/layout_tuning.h), where machine_cache says where to keep that and the weights are too large for caches, else two_bit.
  std::string layout = {};
  std::string machine_cache = {};  ///< folder for what is measured about this machine; empty: none
  bool self_test = true;           ///< test the chosen kernels first, and take others for those that fail, with a warning
  ModelOutput output = ModelOutput::kLogits;
  ScreenHead screen_head = ScreenHead::kAuto;
  bool needs_text = true;  ///< false: token ids only; the tokenizer and template are left unread, right or wrong
};

/// What one path holds. Parts are immutable and shared; the struct is copied freely.
struct LoadedModel {
  std::string path;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;             ///< null where the checkpoint has none
  std::shared_ptr<const ChatTemplate> chat_template;      ///< null where there is none
  std::string chat_template_origin;                       ///< FoundChatTemplate::origin; empty where there is none
  std::shared_ptr<const TrackedMemory> tokenizer_memory;  ///< what reading tokenizer and template took of the heap
  ThreadPoolOptions threads;                              ///< where the backend's threads run
  Isa isa = Isa::kRef;
  int64_t file_bytes = 0;
  double load_seconds = 0;
  std::vector<std::string> warnings;  ///< what may be wrong although it loads; one sentence each
};

/// OpenWeights with the layout called `i2s_layout`; empty: the published one. Where it is empty and another fits much better, adds
/// a sentence to *warnings (may be null). InvalidArgument for another word.
Result<std::shared_ptr<const WeightSource>> OpenWeightsWithLayout(const std::string& path, const std::string& i2s_layout,
                                                                  std::vector<std::string>* warnings);

/// Loads a GGUF file, a Hugging Face directory, or a cached model of the hub by its name (api/model_path.h), as do the functions
/// below. Errors name file, tensor or key, expected and found.
Result<LoadedModel> LoadModel(const std::string& model, const LoadOptions& options);

/// Random weights in a real model's shape (model/named_shapes.h), for benchmarks; no tokenizer. `head_type`: as ShapeHeadType takes
/// it. ResourceExhausted, before anything is allocated, where the machine lacks the memory (api/memory_plan.h).
Result<LoadedModel> MakeShapedModel(std::string_view shape, std::string_view head_type, const LoadOptions& options);

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
Result<FoundChatTemplate> FindChatTemplate(const std::string& model);

/// FindChatTemplate without the origin.
Result<std::shared_ptr<const ChatTemplate>> LoadChatTemplate(const std::string& path);

}  // namespace sterna

#endif  // STERNA_API_LOADED_MODEL_H_
