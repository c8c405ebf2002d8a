# A server of a language model: agent0-tiny, which answers what a word means, behind OpenAI's API at 127.0.0.1:8000.
#
#   agent0-converge apply examples/server      # returns when the model has generated a token
#   agent0-converge run examples/server        # the same where no systemd runs, such as in a container

plan {
  name = "server"
}

model "tiny" {
  path    = "/opt/agent0/models/agent0-tiny.gguf"
  sources = ["file:///media/usb/agent0-tiny.gguf"]
  sha256  = "7040e6cdc25c7220a30d25130e8f9b8e4c665345ab259d55800346a74a745f8e"
  size    = 3803904
}

env_file "agent0" {
  path   = "/etc/agent0/agent0.env"
  values = { PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128" }
}

server "agent0" {
  model       = model.tiny.path
  environment = env_file.agent0.path
  parallel    = 4
  memory_max  = "16G"
  cpu_quota   = "200%" # two CPUs: so many threads compute
}
