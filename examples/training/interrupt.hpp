#pragma once

namespace examples {

/// From now on Ctrl-C, a closed terminal (unless the program runs under nohup) and a request to end
/// do not end the program but are noted; the second of them does. What is printed once the terminal
/// is closed goes nowhere.
void catch_interrupts();

/// The signal that came; 0 if none did.
int interrupted();

}  // namespace examples
