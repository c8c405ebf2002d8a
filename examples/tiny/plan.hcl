# A real model, small enough to come with the examples: agent0-tiny answers what a word means. MODEL_CARD.md says what
# it is made of, and under which licence.
#
#   mkdir -p /tmp/scratch/media/usb && cp examples/tiny/agent0-tiny.gguf /tmp/scratch/media/usb
#   agent0-converge apply --root /tmp/scratch examples/tiny

plan {
  name = "tiny"
}

model "tiny" {
  path    = "/opt/agent0/models/agent0-tiny.gguf"
  sources = ["file:///media/usb/agent0-tiny.gguf"]
  sha256  = "7040e6cdc25c7220a30d25130e8f9b8e4c665345ab259d55800346a74a745f8e"
  size    = 3803904
}
