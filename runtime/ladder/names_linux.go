package ladder

// How ggml names the libraries of backends.
const prefix, suffix = "libggml-", ".so"
