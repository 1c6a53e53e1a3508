#include "cpu/chain.h"

#include <memory>
#include <stdexcept>
#include <string>

#include "cpu/thread_pool.h"
#include "mlx/backend/cpu/encoder.h"

namespace vllmd::cpu {

namespace {

// A chain is freed one inside the other; past this depth MLX, which frees without recursion, sees a link.
constexpr int kDeepest = 2048;

Link* link_of(const mx::array& a) {
  return a.status() == mx::array::unscheduled && a.has_primitive() ? dynamic_cast<Link*>(&a.primitive()) : nullptr;
}

// Everything that a task touches, kept until it has run.
struct Task {
  std::vector<Work> works;
  std::vector<std::shared_ptr<mx::array::Data>> data;

  void keep(const std::vector<mx::array>& arrays) {
    for (auto& a : arrays) {
      data.push_back(a.data_shared_ptr());
    }
  }
};

// Prepares what hangs behind one evaluated array, inputs first.
class Preparation {
 public:
  Preparation(Task& task, const mx::Event& event) : task_(task), event_(event) {}

  void inputs_of(const Link& root) {
    std::vector<Visit> open{{nullptr, &root.all_inputs(), 0}};
    while (!open.empty()) {
      auto& visit = open.back();
      if (visit.next < visit.inputs->size()) {
        const mx::array& in = (*visit.inputs)[visit.next++];
        if (auto* link = link_of(in)) {
          open.push_back({&in, &link->all_inputs(), 0});
        } else if (in.status() == mx::array::unscheduled) {
          throw std::logic_error(std::string("an input of ") + root.name() + " was not evaluated before it");
        }
        continue;
      }
      if (visit.array != nullptr) {
        prepare(*visit.array);
      }
      open.pop_back();
    }
  }

  void finish() {
    for (auto& a : done_) {
      static_cast<Link&>(a.primitive()).finish();
      // As mx::array::detach, but for the primitive.
      for (auto& output : a.outputs()) {
        output.inputs().clear();
        output.set_siblings({}, 0);
      }
    }
  }

  void undo() {
    for (auto& a : done_) {
      mark(a, mx::array::unscheduled, mx::Event{});
    }
  }

 private:
  struct Visit {
    const mx::array* array;
    const std::vector<mx::array>* inputs;
    size_t next;
  };

  void prepare(const mx::array& a) {
    auto& link = static_cast<Link&>(a.primitive());
    auto outputs = a.outputs();
    task_.works.push_back(link.prepare(link.all_inputs(), outputs));
    task_.keep(link.all_inputs());
    task_.keep(outputs);
    done_.push_back(a);
    mark(a, mx::array::evaluated, event_);
  }

  // As MLX marks what it evaluates: the memory is there, the event tells when it is filled.
  static void mark(const mx::array& a, mx::array::Status status, const mx::Event& event) {
    a.set_status(status);
    a.attach_event(event);
    for (auto& sibling : a.siblings()) {
      sibling.set_status(status);
      sibling.attach_event(event);
    }
  }

  Task& task_;
  mx::Event event_;
  std::vector<mx::array> done_;
};

}  // namespace

std::vector<mx::array> Link::take(std::vector<mx::array> inputs) {
  inputs_ = std::move(inputs);
  std::vector<mx::array> visible;
  auto show = [&](const mx::array& a) {
    for (auto& seen : visible) {
      if (seen.id() == a.id()) {
        return;
      }
    }
    visible.push_back(a);
  };
  for (auto& in : inputs_) {
    auto* link = link_of(in);
    if (link != nullptr && link->stream() == stream() && link->depth_ < kDeepest) {
      depth_ = std::max(depth_, link->depth_ + 1);
      for (auto& behind : in.inputs()) {
        show(behind);
      }
    } else if (in.status() == mx::array::unscheduled || (in.event().valid() && in.event().stream() != stream())) {
      show(in);
    }
  }
  return visible;
}

void Link::eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>& outputs) {
  if (finished_) {
    return;
  }
  auto task = std::make_shared<Task>();
  Preparation preparation(*task, outputs[0].event());
  try {
    preparation.inputs_of(*this);
    task->works.push_back(prepare(inputs_, outputs));
  } catch (...) {
    preparation.undo();
    throw;
  }
  task->keep(inputs_);
  preparation.finish();
  finish();
  mx::cpu::get_command_encoder(stream()).dispatch([task = std::move(task)] {
    ThreadPool::Session session;
    for (auto& work : task->works) {
      work();
    }
  });
}

void Link::finish() {
  finished_ = true;
  inputs_.clear();
}

void Link::eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) {
  throw std::runtime_error(std::string(name_) + " runs on the CPU only");
}

}  // namespace vllmd::cpu
