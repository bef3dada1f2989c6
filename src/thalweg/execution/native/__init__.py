"""Machine code for graphs, through LLVM. Loaded when a function has become hot enough to be compiled."""
