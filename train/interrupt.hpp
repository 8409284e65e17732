#pragma once

#pragma GCC visibility push(default)

namespace xgrad::train {

/// As long as it lives, Ctrl-C, a closed terminal (unless the program runs under nohup) and a
/// request to end do not end the program but are noted; the second of them ends it. What is printed
/// once the terminal is closed goes nowhere. Afterwards signals do what they did before.
///
///     train::Interrupts interrupts;
///     while (!interrupts.signal()) step();
///     nn::save(net, "net.safetensors");
///
/// Signals belong to the process, so there is one at a time: Error for a second.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// The signal that came; 0 if none did.
  int signal() const noexcept;
};

}  // namespace xgrad::train

#pragma GCC visibility pop
