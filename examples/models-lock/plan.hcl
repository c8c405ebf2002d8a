# Models as "agent0-converge models lock" found them, one of them split into several files:
#
#   agent0-converge models lock chat=https://models.example.com/chat-8b-q4_k_m.gguf \
#     chat=https://mirror.example.com/chat-8b-q4_k_m.gguf
#   agent0-converge models lock https://models.example.com/large-00001-of-00003.gguf

locals {
  models = hcldecode(file("models.lock.hcl"))
}

directory "models" {
  path = "/opt/agent0/models"
  mode = "0750"
}

model "locked" {
  for_each = local.models
  # llama.cpp finds the other files of a split model by the name of the first, which is therefore locked too.
  path    = "${directory.models.path}/${try(each.value.file, "${each.key}.gguf")}"
  sources = concat([each.value.url], try(each.value.mirrors, []))
  sha256  = each.value.sha256
  size    = each.value.size

  dynamic "shard" {
    for_each = try(each.value.shards, [])
    labels   = [shard.value.name]
    content {
      sources = concat([shard.value.url], try(shard.value.mirrors, []))
      sha256  = shard.value.sha256
      size    = shard.value.size
    }
  }
}
