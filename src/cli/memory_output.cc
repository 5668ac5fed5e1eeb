#include "cli/memory_output.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace sterna {
namespace {

double Megabytes(int64_t bytes) {
  return static_cast<double>(bytes) * 1e-6;
}

int64_t InRam(const MemoryUse& use) {
  return use.live_bytes - use.mapped_bytes + use.resident_bytes;
}

}  // namespace

std::string MemoryText(const MemoryReport& report) {
  std::string text = fmt::format("{:<12} {:>10} {:>10} {:>10} {:>11} {:>9} {:>15}\n", "memory, MB", "in RAM", "reserved", "peak",
                                 "allocations", "freed", "mean lifetime s");
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    const MemoryUse& use = report.tags[tag];
    text += fmt::format("{:<12} {:>10.1f} {:>10.1f} {:>10.1f} {:>11} {:>9} {:>15.2f}\n", MemoryTagName(static_cast<MemoryTag>(tag)),
                        Megabytes(InRam(use)), Megabytes(use.live_bytes), Megabytes(use.peak_bytes), use.allocations, use.frees,
                        use.mean_lifetime_s);
  }
  const KvPoolUse& pool = report.kv_pool;
  text += fmt::format("cache blocks {} of {:.2f} MB, {} free: fragmentation {:.0f} %\n", pool.blocks, Megabytes(pool.block_bytes),
                      pool.free_blocks, pool.fragmentation() * 100);
  text += fmt::format("resident     {:.1f} = tags {:.1f} + other heap {:.1f} + files {:.1f} + rest {:.1f}; peak {:.1f}\n",
                      Megabytes(report.resident_bytes), Megabytes(report.tagged_bytes), Megabytes(report.heap_bytes),
                      Megabytes(report.file_bytes), Megabytes(report.rest_bytes), Megabytes(report.peak_resident_bytes));
  text += fmt::format("available    {:.1f} of {:.1f} ({})\n", Megabytes(report.headroom.available_bytes),
                      Megabytes(report.headroom.limit_bytes),
                      report.headroom.is_control_group ? "limit of the control group" : "the machine's");
  return text;
}

nlohmann::ordered_json MemoryJson(const MemoryReport& report) {
  nlohmann::ordered_json tags = nlohmann::ordered_json::array();
  for (size_t tag = 0; tag < kMemoryTags; ++tag) {
    const MemoryUse& use = report.tags[tag];
    tags.push_back({{"tag", MemoryTagName(static_cast<MemoryTag>(tag))},
                    {"in_ram_bytes", InRam(use)},
                    {"live_bytes", use.live_bytes},
                    {"peak_bytes", use.peak_bytes},
                    {"allocations", use.allocations},
                    {"frees", use.frees},
                    {"mean_lifetime_seconds", use.mean_lifetime_s}});
  }
  return {{"tags", std::move(tags)},
          {"kv_pool",
           {{"blocks", report.kv_pool.blocks},
            {"free_blocks", report.kv_pool.free_blocks},
            {"block_bytes", report.kv_pool.block_bytes},
            {"fragmentation", report.kv_pool.fragmentation()}}},
          {"resident",
           {{"bytes", report.resident_bytes},
            {"tagged_bytes", report.tagged_bytes},
            {"other_heap_bytes", report.heap_bytes},
            {"file_bytes", report.file_bytes},
            {"rest_bytes", report.rest_bytes},
            {"peak_bytes", report.peak_resident_bytes}}},
          {"system",
           {{"available_bytes", report.headroom.available_bytes},
            {"limit_bytes", report.headroom.limit_bytes},
            {"is_control_group", report.headroom.is_control_group}}}};
}

}  // namespace sterna
