// Operations of this library that feed each other, run as one task.
//
// MLX pays for every node of its graph: a fence, two tasks of the stream's queue, and after 100 queued tasks the thread
// that builds steps waits. A decode step of 28 layers has 170 operations of ours and nothing between them, so an
// operation keeps those of its inputs that are not evaluated yet and are ours to itself: MLX sees one node, the last,
// and evaluating it prepares the whole chain and hands it to the stream at once.
#pragma once

#include <functional>
#include <vector>

#include "mlx/array.h"
#include "mlx/primitives.h"

namespace vllmd::cpu {

namespace mx = mlx::core;

// What runs later, on the stream's thread.
using Work = std::function<void()>;

class Link : public mx::Primitive {
 public:
  Link(mx::Stream stream, const char* name) : Primitive(stream), name_(name) {}

  // Gives the outputs their memory and returns the work on them. Called once, on the thread that evaluates.
  virtual Work prepare(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) = 0;

  // Takes all inputs, and returns those that MLX has to see: what is not ours and not evaluated yet, also behind
  // inputs of ours. To be called once, with what the arrays of this primitive are then made of.
  std::vector<mx::array> take(std::vector<mx::array> inputs);

  void eval_cpu(const std::vector<mx::array>& visible, std::vector<mx::array>& outputs) override;
  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override;
  const char* name() const override { return name_; }

  const std::vector<mx::array>& all_inputs() const { return inputs_; }

  // Lets go of the inputs of a link that is prepared. Its arrays keep it: MLX may have it in a list of what to evaluate.
  void finish();

 private:
  const char* name_;
  std::vector<mx::array> inputs_;
  int depth_ = 0;
  bool finished_ = false;
};

}  // namespace vllmd::cpu
